/**
 * One life of the whole daemon on virtual time: stories, `simulate` and the fault simulation play
 * it. Everything but the hypervisors is the product itself, put together by its own composition
 * root; only the jobs of its schedule are called from outside, at the moments at which the schedule
 * would; orders it acts upon by itself. It plans in-process and opens no port, so that the same
 * world makes the same run.
 */

import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { VirtualClock } from '../simulate/virtual-clock.ts';
import { buildDaemon, type DaemonOptions } from './container.ts';
import type { Daemon } from './daemon.ts';
import { packInputs } from './plan-inputs.ts';
import { planAndCheck } from './plan-job.ts';
import type { PlanRunner } from './planner.ts';

type Given = Omit<DaemonOptions, 'clock' | 'speed' | 'measuresProcess'>;

export interface VirtualDaemonOptions extends Given {
  /** Drives everything. */
  readonly time: VirtualClock;
  /** What the daemon is given in its place; default: `time` itself. */
  readonly clock?: Clock;
  /** For the next tick; default: an order is acted upon at once. */
  readonly ordersWait?: boolean;
  /** A job of the schedule failed; it runs again at its next time. */
  readonly onFailure: (job: string, error: unknown) => void;
}

/** Longer than the executor waits for its followers. */
const STOP_SECONDS = seconds(30);

export class VirtualDaemon {
  readonly daemon: Daemon;
  readonly #options: VirtualDaemonOptions;
  readonly #running = new Set<string>();

  private constructor(daemon: Daemon, options: VirtualDaemonOptions) {
    this.daemon = daemon;
    this.#options = options;
  }

  /** Builds it and begins with what `start` does; that may last longer than this call. */
  static async start(options: VirtualDaemonOptions): Promise<VirtualDaemon> {
    const { time, clock = time, planner, ordersWait, ...rest } = options;
    const own = { clock, planner: planner ?? IN_PROCESS, speed: 1, measuresProcess: false };
    const daemon = await buildDaemon({ ...rest, ...own });
    const life = new VirtualDaemon(daemon, options);
    life.#run('start', async () => {
      await daemon.prepare();
      if (ordersWait !== true) daemon.listen();
    });
    await life.#settle();
    return life;
  }

  /** What the schedule does at the second `at`. */
  async jobs(at: number): Promise<void> {
    for (const { name, everySeconds, run } of this.daemon.jobs) {
      if (at % everySeconds !== 0) continue;
      this.#run(name, run);
      await this.#settle();
    }
  }

  /** In good order: half a minute goes by, or more where a call hangs that is waited for. */
  async stop(reason: string): Promise<void> {
    const { time } = this.#options;
    const stopped = this.daemon.stop(reason);
    // Awaited below: it may fail before this time has passed.
    stopped.catch(() => undefined);
    await time.advance(STOP_SECONDS);
    await time.run(() => stopped);
  }

  /** As the schedule does: what still runs is not started twice, what fails is told. */
  #run(name: string, job: () => Promise<void>): void {
    if (this.#running.has(name) || this.#running.has('start')) return;
    this.#running.add(name);
    job()
      .catch((error: unknown) => this.#options.onFailure(name, error))
      .finally(() => this.#running.delete(name));
  }

  /** Lets everything happen that takes no time. */
  #settle(): Promise<void> {
    return this.#options.time.advance(seconds(0));
  }
}

const IN_PROCESS: PlanRunner = {
  run: (job) => Promise.resolve(planAndCheck(job)),
  pack: (job) => Promise.resolve(packInputs(job)),
  close: () => Promise.resolve(),
};
