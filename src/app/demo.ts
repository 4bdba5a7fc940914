/**
 * The demonstration: the whole daemon on a simulated datacenter whose time runs faster than ours.
 * Only the hypervisors are simulated; rules, planner, checker, gate, executor and ledger are the
 * ones that run in a real datacenter. Nothing of it outlives the run.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { AcceleratedClock } from '../../adapters/simulated/accelerated-clock.ts';
import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { defaultDaemonConfig } from '../config/daemon.ts';
import { sourceId } from '../domain/ids.ts';
import { epochSeconds, seconds } from '../domain/units.ts';
import type { EventBus } from '../observe/event-bus.ts';
import type { Clock } from '../ports/clock.ts';
import { buildDatacenter, type SimulatedDatacenter } from '../simulate/datacenter.ts';
import { demoScenario } from '../simulate/demo-scenario.ts';
import { playScenario, type ScenarioOrder } from '../simulate/scenario.ts';
import { buildDaemon } from './container.ts';
import { Closers, type Closer } from './closers.ts';
import { startOrStop, type Daemon } from './daemon.ts';
import { PACKAGE_ROOT } from './version.ts';

export interface DemoOptions {
  readonly hosts: number;
  readonly vms: number;
  readonly seed: number;
  /** Simulated seconds per real second. */
  readonly speed: number;
  readonly port: number;
  readonly accessFile: string;
  readonly subscribe: (events: EventBus, clock: Clock) => Closer | undefined;
  /** Told what befalls the datacenter, for people. */
  readonly tell: (text: string) => void;
}

export interface Demo {
  readonly daemon: Daemon;
  readonly datacenter: SimulatedDatacenter;
  /** Stops the scenario and the daemon, and removes its state. */
  stop(reason: string): Promise<void>;
}

/** The simulated day begins here: a Monday morning, when load goes up. */
const MORNING = epochSeconds(Date.UTC(2026, 0, 5, 8) / 1000);
const SOURCE = sourceId('simulated');

/** Rejects when the demonstration cannot start; nothing of it is left then. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const stateDir = await mkdtemp(join(tmpdir(), 'drover-demo-'));
  const removeState = (): Promise<void> => rm(stateDir, { recursive: true, force: true });
  try {
    return await startIn(stateDir, options, removeState);
  } catch (error) {
    await removeState();
    throw error;
  }
}

async function startIn(stateDir: string, options: DemoOptions, removed: Closer): Promise<Demo> {
  const { hosts, vms, seed, speed } = options;
  const clock = new AcceleratedClock({ factor: speed, startAt: MORNING });
  const datacenter = buildDatacenter({ hosts, vms, seed, source: SOURCE }, clock);
  const base = defaultDaemonConfig();
  const daemon = await buildDaemon({
    config: {
      ...base,
      stateDir,
      policies: [join(PACKAGE_ROOT, 'policies', 'demo.yaml')],
      http: { ...base.http, port: await freePort(base.http.host, options.port) },
      schedule: { ...base.schedule, ...DEMO_SCHEDULE },
    },
    clock,
    sources: async () => ({
      hypervisors: new Map([[SOURCE, new SimulatedHypervisor({ datacenter, clock })]]),
      metricSources: [],
    }),
    subscribe: (events) => options.subscribe(events, clock),
    seed,
    speed,
    accessFile: options.accessFile,
  });
  await startOrStop(daemon);
  const stopScenario = new AbortController();
  const scenario = playScenario(demoScenario(datacenter.fleet, seed), {
    datacenter,
    clock,
    give: (order) => give(daemon, order),
    tell: options.tell,
    signal: stopScenario.signal,
  });
  return {
    daemon,
    datacenter,
    async stop(reason) {
      stopScenario.abort();
      const steps = new Closers();
      steps.add(removed);
      steps.add(() => daemon.stop(reason));
      steps.add(() => scenario);
      await steps.close();
    },
  };
}

/** As an operator would: through the same door as everybody. */
async function give(daemon: Daemon, { kind, host }: ScenarioOrder): Promise<void> {
  if (kind === 'maintenance-exit') {
    await daemon.api.returnHost(host, 'demo');
    return;
  }
  await daemon.api.giveOrder({
    kind: kind === 'evacuate' ? 'evacuate' : 'maintenance',
    host,
    reason: 'planned by the demonstration',
    by: { kind: 'operator', name: 'demo' },
    dedupeKey: '',
    deadlineSeconds: null,
  });
}

/** In real seconds: with a speed of 60, one is a minute of the simulated day. */
const DEMO_SCHEDULE = {
  collectEverySeconds: seconds(1),
  tickEverySeconds: seconds(1),
  housekeepingEverySeconds: seconds(60),
};

/** The wanted port if it is free, else 0: any free one. */
function freePort(host: string, port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, host, () => probe.close(() => resolve(port)));
  });
}
