// Role: the daemon of `bench evacuate`, as a process of its own: all that `drover run` is, on one
// simulated datacenter, with instruments. Told what to do, and asked for the figures, by messages.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
// oxlint-disable-next-line drover/house -- how late the process is no Clock can tell
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { AcceleratedClock } from '../../adapters/simulated/accelerated-clock.ts';
import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { makeBreather } from '../../src/app/breather.ts';
import { buildDaemon } from '../../src/app/container.ts';
import { startOrStop } from '../../src/app/daemon.ts';
import { rehearse } from '../../src/app/rehearsal.ts';
import { readCliAccess } from '../../src/app/state-folder.ts';
import { PACKAGE_ROOT } from '../../src/app/version.ts';
import { defaultDaemonConfig } from '../../src/config/daemon.ts';
import { sourceId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import type { EventBus } from '../../src/observe/event-bus.ts';
import { makeLogger, subscribeLog } from '../../src/observe/log.ts';
import { buildDatacenter } from '../../src/simulate/datacenter.ts';
import { StartWatch } from './evacuate-watch.ts';

export interface EvacuateDaemonOptions {
  readonly folder: string;
  readonly hosts: number;
  readonly vms: number;
  readonly seed: number;
  /** Simulated seconds per real one. */
  readonly speed: number;
}

export interface DaemonReady {
  readonly kind: 'ready';
  readonly server: string;
  readonly token: string;
}

export interface DaemonFigures {
  readonly kind: 'figures';
  readonly figures: Readonly<Record<string, number>>;
}

/** Of the event loop: the figures of node contain it. */
const RESOLUTION_MS = 10;
const MIB = 2 ** 20;
const NANOSECONDS_PER_MS = 1e6;

async function main(options: EvacuateDaemonOptions): Promise<void> {
  const { folder, hosts, vms, seed, speed } = options;
  const startAt = epochSeconds(Date.UTC(2026, 0, 5, 8) / 1000);
  const clock = new AcceleratedClock({ factor: speed, startAt });
  const source = sourceId('simulated');
  const datacenter = buildDatacenter({ hosts, vms, seed, source }, clock);
  const watch = new StartWatch();
  const pause = makeBreather(() => performance.now());
  const accessFile = join(folder, 'access.json');
  const base = defaultDaemonConfig();
  const stateDir = join(folder, 'state');
  await rehearse({ stateDir }, new AbortController().signal);
  const daemon = await buildDaemon({
    config: {
      ...base,
      stateDir,
      policies: [writePolicy(folder)],
      http: { ...base.http, port: 0 },
    },
    clock,
    sources: async () => ({
      hypervisors: new Map([
        [source, watch.hypervisor(new SimulatedHypervisor({ datacenter, clock, pause }))],
      ]),
      metricSources: [],
    }),
    subscribe: (events) => subscribeAll(events, watch, folder),
    between: (ledger) => watch.ledger(ledger),
    seed: 1,
    speed,
    accessFile,
  });
  await startOrStop(daemon);
  const access = readCliAccess(accessFile);
  if (access === undefined) throw new Error('the daemon has left no access file');
  const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  process.on('message', (asked) => {
    if (asked === 'measure') lag.enable();
    else if (asked === 'figures') tell({ kind: 'figures', figures: figuresOf(lag, watch) });
    else if (asked === 'stop') void daemon.stop('the bench is over').then(() => process.exit(0));
  });
  tell({ kind: 'ready', server: access.server, token: access.token });
}

function subscribeAll(events: EventBus, watch: StartWatch, folder: string): () => void {
  // As in production: what is logged is put into words; here it goes nowhere.
  const silent = makeLogger({ level: 'info', format: 'text', write: () => undefined });
  const endLog = subscribeLog(events, silent);
  const file = join(folder, 'failures.log');
  const offs = [
    events.on('failure', ({ where, error }) =>
      writeFileSync(file, `${where}: ${String(error)}\n`, { flag: 'a' }),
    ),
    watch.events(events),
  ];
  return () => {
    endLog();
    for (const off of offs) off();
  };
}

/** The shipped policy, with as many moves at once as fifty hosts that are emptied can use. */
function writePolicy(folder: string): string {
  const shipped = readFileSync(join(PACKAGE_ROOT, 'policies', 'default.yaml'), 'utf8');
  const wide = shipped.replace('concurrency: { total: 8,', 'concurrency: { total: 100,');
  if (wide === shipped) throw new Error('policies/default.yaml has another concurrency now');
  const file = join(folder, 'policy.yaml');
  writeFileSync(file, wide);
  return file;
}

function figuresOf(
  lag: ReturnType<typeof monitorEventLoopDelay>,
  watch: StartWatch,
): DaemonFigures['figures'] {
  const late = (nanoseconds: number): number =>
    Math.max(0, nanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS);
  const { user, system } = process.cpuUsage();
  return {
    loopDelayMaxMs: late(lag.max),
    loopDelayP99Ms: late(lag.percentile(99)),
    loopDelayMeanMs: late(lag.mean),
    peakRssMib: peakRssBytes() / MIB,
    cpuSeconds: (user + system) / 1e6,
    heapUsedMib: process.memoryUsage().heapUsed / MIB,
    ...watch.figures(),
  };
}

/** The most that this process had in memory, with all its threads: Linux keeps it (VmHWM). */
function peakRssBytes(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

function tell(message: DaemonReady | DaemonFigures): void {
  process.send?.(message);
}

await main(JSON.parse(process.argv[2] ?? '{}') as EvacuateDaemonOptions);
