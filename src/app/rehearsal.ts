/**
 * A rehearsal of what cannot wait. Code that has just been loaded runs at a third of its speed
 * until it has been run, and compiled; and an evacuation may be the first thing that a daemon is
 * asked for. So before there is a daemon one is played: a small simulated datacenter, a ledger in
 * memory, virtual time, and all that lies between orders and the first starts is the product's own.
 * The search of the planner is not: that runs in a thread, which practises by itself (practice.ts).
 *
 * It has events, metrics and log of its own, no port, and writes no file. All that is left of it is
 * the state folder, which is made where there is none, as the daemon would.
 */

import { setImmediate } from 'node:timers/promises';

import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { type DaemonConfig, defaultDaemonConfig } from '../config/daemon.ts';
import { type MoveId, sourceId } from '../domain/ids.ts';
import { bytes, epochSeconds, seconds } from '../domain/units.ts';
import { IN_MEMORY } from '../ledger/sqlite-connection.ts';
import { openSqliteLedger } from '../ledger/sqlite-ledger.ts';
import type { EventBus } from '../observe/event-bus.ts';
import { makeLogger, subscribeLog } from '../observe/log.ts';
import { buildDatacenter } from '../simulate/datacenter.ts';
import { VirtualClock } from '../simulate/virtual-clock.ts';
import { untilAborted } from './until-aborted.ts';
import { planUntil } from './plan-job.ts';
import type { PlanRunner } from './planner.ts';
import { VirtualDaemon } from './virtual-daemon.ts';

const SOURCE = sourceId('rehearsal');
/** A Monday morning. */
const START = epochSeconds(Date.UTC(2026, 0, 5, 8) / 1000);
/** Enough for orders of some hosts each time: what runs twenty times is compiled. */
const FLEET = { hosts: 18, vms: 180, seed: 1, source: SOURCE };
const ROUNDS = 3;
const EMPTIED = FLEET.hosts / (2 * ROUNDS);
/** Of the time of the play, for each part of it: moves are begun, and the first end. */
const PART = seconds(20);

/**
 * How many moves were begun, of simulated VMs. Resolves as soon as it is given up: what is being
 * played then ends by itself, unheard. Rejects where the state folder cannot be made.
 */
export function rehearse(
  { stateDir }: Pick<DaemonConfig, 'stateDir'>,
  givenUp: AbortSignal,
): Promise<number> {
  const begun = new Set<MoveId>();
  const playing = play(stateDir, begun, givenUp);
  return Promise.race([playing, untilAborted(givenUp)]).then(() => begun.size);
}

async function play(stateDir: string, begun: Set<MoveId>, givenUp: AbortSignal): Promise<void> {
  if (givenUp.aborted) return;
  const time = new VirtualClock({ startAt: START, settle: () => setImmediate() });
  const datacenter = buildDatacenter(FLEET, time);
  const hypervisor = new SimulatedHypervisor({ datacenter, clock: time });
  const life = await VirtualDaemon.start({
    // The shipped policy, whatever the operator's own says: it lets moves begin.
    config: { ...defaultDaemonConfig(), stateDir, policies: [], replay: NOTHING_KEPT },
    time,
    sources: async () => ({ hypervisors: new Map([[SOURCE, hypervisor]]), metricSources: [] }),
    subscribe: (events) => listen(events, begun),
    hooks: [],
    seed: 1,
    accessFile: '',
    planner: FIRST_ANSWER,
    store: () => openSqliteLedger({ file: IN_MEMORY, clock: time }),
    // What is wrong the daemon itself finds, and tells, when it does the same for good.
    onFailure: () => undefined,
  });
  try {
    await time.advance(PART);
    const names = datacenter.fleet.hosts.map(({ id }) => id);
    for (let round = 0; round < ROUNDS && !givenUp.aborted; round += 1) {
      const hosts = names.slice(round * EMPTIED, (round + 1) * EMPTIED);
      const given = life.daemon.api.giveOrders({ ...EVACUATION, hosts });
      await bothOf(Promise.race([given, untilAborted(givenUp)]), time.advance(PART));
    }
  } finally {
    await life.stop('the rehearsal is over');
  }
}

/** Both to their end, also where one fails: time that still passes must not be told to twice. */
async function bothOf(...tasks: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(tasks);
  await Promise.all(tasks);
}

const EVACUATION = {
  kind: 'evacuate',
  reason: 'rehearsal',
  by: { kind: 'operator', name: 'rehearsal' },
  deadlineSeconds: null,
  dedupeKey: '',
  hook: undefined,
} as const;

const NOTHING_KEPT = { keepForSeconds: seconds(0), keepAtMostBytes: bytes(0) };

/** What comes of a plan is rehearsed here, not how a good one is found. */
const FIRST_ANSWER: PlanRunner = {
  run: (job) => Promise.resolve(planUntil(job, () => true)),
  pack: () => Promise.reject(new Error('nothing of a rehearsal is kept')),
  close: () => Promise.resolve(),
};

/** What is logged is put into words, and goes nowhere. */
function listen(events: EventBus, begun: Set<MoveId>): () => void {
  const silent = makeLogger({ level: 'info', format: 'text', write: () => undefined });
  const offs = [
    subscribeLog(events, silent),
    events.on('move-stage', ({ move, stage }) => {
      if (stage === 'pre-copy') begun.add(move.id);
    }),
  ];
  return () => {
    for (const off of offs) off();
  };
}
