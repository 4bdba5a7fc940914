/** The daemon as `drover run` runs it: real clock, configured sources, log and InfluxDB. */

import type { DaemonConfig } from '../config/daemon.ts';
import type { EventBus } from '../observe/event-bus.ts';
import { subscribeInflux } from '../observe/influx.ts';
import { makeLogger, subscribeLog } from '../observe/log.ts';
import { flushTraces, subscribeTraces } from '../observe/traces.ts';
import type { Clock } from '../ports/clock.ts';
import { memoryOf } from './adapter-memory.ts';
import { buildSources } from './build-sources.ts';
import type { Closer } from './closers.ts';
import { buildDaemon } from './container.ts';
import { type Daemon, startOrStop } from './daemon.ts';
import { findsOwnVm } from './own-finder.ts';
import { readMachine } from './own-machine.ts';
import { rehearse } from './rehearsal.ts';
import { machineClock } from './standstill-clock.ts';
import { systemClock } from './system-clock.ts';
import { untilAborted } from './until-aborted.ts';
import { VERSION } from './version.ts';

export interface RunOptions {
  readonly config: DaemonConfig;
  readonly accessFile: string;
  /** Takes the lines of the log. */
  readonly write: (text: string) => void;
  /** Whoever wants the policy files read again calls the listener; returns what ends that. */
  readonly onReload: (listener: () => void) => () => void;
  /** Ends the daemon when it is aborted. */
  readonly stop: AbortSignal;
}

/** Resolves after a clean stop. Rejects when the daemon cannot be made or started. */
export async function runDaemon(options: RunOptions): Promise<void> {
  let daemon: Daemon | undefined;
  // Before there is a daemon there is nothing to reload: it reads the files when it is made.
  const endReloads = options.onReload(() => void daemon?.reloadPolicies());
  try {
    daemon = await makeDaemon(options);
    await live(daemon, options.stop);
  } finally {
    endReloads();
  }
}

/** Several times what it takes on a slow machine: whatever goes wrong, the daemon comes up. */
const REHEARSAL_MILLISECONDS = 5000;

async function makeDaemon({ config, accessFile, write, stop }: RunOptions): Promise<Daemon> {
  const clock = systemClock();
  const late = AbortSignal.timeout(REHEARSAL_MILLISECONDS);
  // What fails there the daemon itself meets, too, and tells.
  await rehearse(config, AbortSignal.any([stop, late])).catch(() => undefined);
  return buildDaemon({
    config,
    clock,
    elapsed: machineClock(),
    machine: findsOwnVm(config) ? await readMachine() : undefined,
    sources: () => buildSources(config, clock, (source) => memoryOf(config.stateDir, source)),
    subscribe: (events) => subscribeAll(events, { config, clock, write }),
    seed: 1,
    speed: 1,
    accessFile,
  });
}

async function live(daemon: Daemon, stop: AbortSignal): Promise<void> {
  await startOrStop(daemon);
  await untilAborted(stop);
  await daemon.stop('signal');
}

interface Listening {
  readonly config: DaemonConfig;
  readonly clock: Clock;
  readonly write: (text: string) => void;
}

function subscribeAll(events: EventBus, { config, clock, write }: Listening): Closer {
  const { level, format } = config.log;
  const endLog = subscribeLog(events, makeLogger({ level, format, write }));
  const endTraces = subscribeTraces(events, { clock, version: VERSION });
  const influx = config.influx && subscribeInflux(events, { ...config.influx, clock });
  return async () => {
    endTraces();
    // Both wait for some seconds where nobody answers.
    await Promise.all([flushTraces(clock), influx?.close()]);
    endLog();
  };
}
