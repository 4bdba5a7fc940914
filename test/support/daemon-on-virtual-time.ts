// Role: the daemon as its composition root makes it, on the simulated fleet of a story and on
// virtual time; only its jobs are called by the test, and its planner is the test's to bend.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { buildDaemon } from '../../src/app/container.ts';
import type { Daemon } from '../../src/app/daemon.ts';
import { planAndCheck } from '../../src/app/plan-job.ts';
import type { PlanRunner } from '../../src/app/planner.ts';
import { defaultDaemonConfig } from '../../src/config/daemon.ts';
import { seconds } from '../../src/domain/units.ts';
import { readStory } from './story-file.ts';
import { StoryWorld } from './story-fleet.ts';
import { virtualClock } from './virtual-time.ts';

export interface VirtualDaemon {
  readonly daemon: Daemon;
  /** What the planner answers from now on; at first its own. */
  planning: PlanRunner['run'];
  /** Collects and ticks as the schedule does. */
  readonly pass: (forSeconds: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** @param story a folder of test/stories; its fleet and policies are taken, not its events. */
export async function daemonOnVirtualTime(story: string): Promise<VirtualDaemon> {
  const { fleet, policies } = readStory(join(import.meta.dirname, '..', 'stories', story));
  const folder = mkdtempSync(join(tmpdir(), 'drover-daemon-'));
  const clock = virtualClock();
  const world = new StoryWorld(fleet, clock, false);
  const base = defaultDaemonConfig();
  const daemon = await buildDaemon({
    // No file at all: the shipped policy.
    config: {
      ...base,
      stateDir: join(folder, 'state'),
      policies: policies.filter((file) => file !== 'default'),
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
    subscribe: () => undefined,
    planner: { run: (job, early) => own.planning(job, early), close: async () => undefined },
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
  const own: VirtualDaemon = {
    daemon,
    planning: async (job) => planAndCheck(job),
    pass: async (forSeconds) => {
      for (const end = passed + forSeconds; passed < end; ) {
        passed += collectEverySeconds;
        await clock.advance(seconds(collectEverySeconds));
        await meanwhile(daemon.collect());
        if (passed % tickEverySeconds === 0) await meanwhile(daemon.tick());
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
