/**
 * The daemon's jobs on node-cron: collection, ticks, housekeeping. A job that still runs when its
 * time comes again is not started twice. Cron is only a metronome here: windows and blackouts of
 * policies are computed with time zones elsewhere, because cron skips 02:30 on the day the clocks
 * change.
 */

import { schedule, setLogger, type ScheduledTask } from 'node-cron';

export interface CronJob {
  readonly name: string;
  readonly everySeconds: number;
  readonly run: () => Promise<void>;
}

export interface Schedule {
  /** Stops all jobs and waits for those that run. */
  stop(): Promise<void>;
}

function ignore(): void {
  // node-cron would print skipped runs in colour; a late job shows in our own metrics.
}

const QUIET = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** @param report is told about each job that failed; the job runs again at its next time. */
export function startSchedule(
  jobs: readonly CronJob[],
  report: (job: string, error: unknown) => void,
): Schedule {
  setLogger(QUIET);
  const running = new Map<string, Promise<void>>();
  const tasks = jobs.map((job) => scheduleJob(job, running, report));
  return {
    async stop() {
      for (const task of tasks) await task.destroy();
      await Promise.allSettled(running.values());
    },
  };
}

function scheduleJob(
  job: CronJob,
  running: Map<string, Promise<void>>,
  report: (job: string, error: unknown) => void,
): ScheduledTask {
  return schedule(
    cronExpression(job.everySeconds),
    async () => {
      const run = job.run().catch((error: unknown) => report(job.name, error));
      running.set(job.name, run);
      await run;
      running.delete(job.name);
    },
    { name: job.name, noOverlap: true, timezone: 'Etc/UTC' },
  );
}

const SECONDS_PER_MINUTE = 60;
const MINUTES_PER_HOUR = 60;
const HOURS_PER_DAY = 24;

/**
 * A cron expression that fires every `everySeconds`. Cron can only divide minutes, hours and days
 * evenly; the configuration has no others, and they are taken as the next shorter one that can.
 */
export function cronExpression(everySeconds: number): string {
  if (everySeconds < SECONDS_PER_MINUTE)
    return `*/${evenDivisor(everySeconds, SECONDS_PER_MINUTE)} * * * * *`;
  const minutes = Math.floor(everySeconds / SECONDS_PER_MINUTE);
  if (minutes < MINUTES_PER_HOUR) return `0 */${evenDivisor(minutes, MINUTES_PER_HOUR)} * * * *`;
  const hours = Math.floor(minutes / MINUTES_PER_HOUR);
  if (hours < HOURS_PER_DAY) return `0 0 */${evenDivisor(hours, HOURS_PER_DAY)} * * *`;
  return '0 0 0 * * *';
}

function evenDivisor(period: number, whole: number): number {
  let divisor = Math.max(1, Math.floor(period));
  while (whole % divisor !== 0) divisor -= 1;
  return divisor;
}
