// Role: the daemon as its composition root makes it, on the simulated fleet of a story and on
// virtual time; only its jobs are called by the test, and its planner is the test's to bend.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { buildDaemon } from '../../src/app/container.ts';
import type { Daemon } from '../../src/app/daemon.ts';
import { packInputs } from '../../src/app/plan-inputs.ts';
import { planAndCheck } from '../../src/app/plan-job.ts';
import type { PlanRunner } from '../../src/app/planner.ts';
import { type DaemonConfig, defaultDaemonConfig } from '../../src/config/daemon.ts';
import { seconds } from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { EventSource } from '../../src/ports/events.ts';
import type { Hook } from '../../src/ports/hooks.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { readStory } from './story-file.ts';
import { StoryWorld } from './story-fleet.ts';
import { virtualClock } from './virtual-time.ts';

/** What stands in the place of what the daemon would open. */
export interface OwnParts {
  readonly store?: (file: string, clock: Clock) => Promise<Ledger>;
  readonly between?: (ledger: Ledger) => Ledger;
  readonly hooks?: readonly Hook[];
  readonly config?: Partial<DaemonConfig>;
  /** Told before the first look at the fleet. */
  readonly hear?: (events: EventSource) => void;
}

export interface VirtualDaemon {
  readonly daemon: Daemon;
  readonly events: EventSource;
  readonly world: StoryWorld;
  /** What the planner answers from now on; at first its own. */
  planning: PlanRunner['run'];
  /** Collects and ticks as the schedule does. */
  readonly pass: (forSeconds: number) => Promise<void>;
  /** Of ticks. */
  readonly failures: unknown[];
  readonly stop: () => Promise<void>;
}

/** @param story a folder of test/stories; its fleet and policies are taken, not its events. */
export async function daemonOnVirtualTime(
  story: string,
  { store, between, hooks = [], config = {}, hear }: OwnParts = {},
): Promise<VirtualDaemon> {
  const { fleet, policies } = readStory(join(import.meta.dirname, '..', 'stories', story));
  const folder = mkdtempSync(join(tmpdir(), 'drover-daemon-'));
  const clock = virtualClock();
  const world = new StoryWorld(fleet, clock, false);
  const base = defaultDaemonConfig();
  let events: EventSource | undefined;
  const daemon = await buildDaemon({
    // No file at all: the shipped policy.
    config: {
      ...base,
      stateDir: join(folder, 'state'),
      policies: policies.filter((file) => file !== 'default'),
      ...config,
    },
    clock,
    sources: async () => ({
      hypervisors: new Map(
        [...world.datacenters].map(([source, datacenter]) => {
          const hypervisor = new SimulatedHypervisor({ datacenter, clock, latency: seconds(0) });
          return [source, hypervisor];
        }),
      ),
      metricSources: [],
    }),
    subscribe: (bus) => {
      events = bus;
      hear?.(bus);
      return undefined;
    },
    ...(store !== undefined && { store: () => store(join(folder, 'state', 'ledger.db'), clock) }),
    ...(between !== undefined && { between }),
    hooks,
    planner: {
      run: (job, early) => own.planning(job, early),
      pack: async (job) => packInputs(job),
      close: async () => undefined,
    },
    seed: 1,
    speed: 1,
    accessFile: join(folder, 'access.json'),
  });
  const { collectEverySeconds, tickEverySeconds } = base.schedule;
  /** Ended by letting virtual time go on: what is asked of the fleet takes some of it. */
  const meanwhile = async <Value>(work: Promise<Value>, most = 0): Promise<Value> => {
    await clock.advance(seconds(most));
    return work;
  };
  let passed = 0;
  if (events === undefined) throw new Error('the daemon has no events');
  const own: VirtualDaemon = {
    daemon,
    events,
    world,
    failures: [],
    planning: async (job) => planAndCheck(job),
    pass: async (forSeconds) => {
      for (const end = passed + forSeconds; passed < end; ) {
        passed += collectEverySeconds;
        await clock.advance(seconds(collectEverySeconds));
        await meanwhile(daemon.collect());
        if (passed % tickEverySeconds !== 0) continue;
        // As the schedule does: a tick that fails is told, and the next one comes.
        await meanwhile(daemon.tick().catch((error: unknown) => own.failures.push(error)));
      }
    },
    stop: async () => {
      await meanwhile(daemon.stop('the test is over'), 30);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await meanwhile(daemon.prepare());
  return own;
}
