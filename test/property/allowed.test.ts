// Role: the planner and the gate count alike: whatever budgets, the reverse-move ban and circuit
// breakers leave, and whichever VMs rest after failures, no plan holds a move that the gate then
// refuses for one of them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Breaker, BreakerSubject } from '../../src/domain/breaker.ts';
import type { VmId } from '../../src/domain/ids.ts';
import type { Limits } from '../../src/domain/policy.ts';
import type { RecentMove } from '../../src/domain/recent-move.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { epochSeconds, seconds } from '../../src/domain/units.ts';
import { BreakerBoard } from '../../src/execute/breaker-board.ts';
import { gate } from '../../src/execute/gate.ts';
import { EventBus } from '../../src/observe/event-bus.ts';
import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import type { Trouble } from '../../src/ports/ledger.ts';
import { aPolicy } from '../support/fleet.ts';
import { manualClock } from '../support/manual-clock.ts';
import { planRequests } from '../support/random-fleet.ts';

const COUNTED = new Set(['budget', 'reverse-move', 'breaker', 'cool-down']);

function pick<Item>(items: readonly Item[], number: number): Item | undefined {
  return items[number % Math.max(1, items.length)];
}

function recentMoves(snapshot: Snapshot, numbers: readonly number[]): RecentMove[] {
  return numbers.flatMap((number): RecentMove[] => {
    const vm = pick(snapshot.vms, number);
    const from = pick(snapshot.hosts, number >> 3);
    if (vm === undefined || from === undefined) return [];
    const openedAt = epochSeconds(snapshot.takenAt - (number % 5000));
    return [{ vm: vm.id, from: from.id, to: vm.host, openedAt, arrivedAt: openedAt }];
  });
}

function breakers({ hosts, vms, takenAt }: Snapshot, numbers: readonly number[]): Breaker[] {
  const found = new Map<string, Breaker>();
  for (const number of numbers) {
    const [host, vm] = [pick(hosts, number), pick(vms, number >> 2)];
    if (host === undefined || vm === undefined) continue;
    const subjects: BreakerSubject[] = [
      { kind: 'into', host: host.id },
      { kind: 'out', host: host.id },
      { kind: 'pair', vm: vm.id, to: host.id },
      { kind: 'source', source: host.source },
    ];
    // Of a whole source seldom: nothing would be planned.
    const subject = subjects[number % 23 === 0 ? 3 : number % 3];
    if (subject === undefined) continue;
    const state = number % 2 === 0 ? 'open' : 'half-open';
    const times = { lastAt: takenAt, until: epochSeconds(takenAt + 60) };
    found.set(JSON.stringify(subject), { subject, state, failures: 2, ...times });
  }
  return [...found.values()];
}

/** As the ledger tells them: some rest still, of others the rest is over. */
function troubles({ vms, takenAt }: Snapshot, numbers: readonly number[]): Map<VmId, Trouble> {
  return new Map(
    numbers.flatMap((number) => {
      const vm = pick(vms, number >> 2);
      const lastAt = epochSeconds(takenAt - (number % 90));
      return vm === undefined ? [] : [[vm.id, { count: 1 + (number % 3), lastAt }]];
    }),
  );
}

/** What the board makes of them beside the breakers of all else. */
async function resting(found: ReadonlyMap<VmId, Trouble>, now: number) {
  const board = new BreakerBoard({
    ledger: {
      setbacks: async () => ({ failures: [], successes: NO_SUCCESSES, resets: new Map() }),
      troubles: async () => found,
      resetBreaker: async () => undefined,
    },
    clock: manualClock(now),
    events: new EventBus(),
    world: () => undefined,
  });
  return board.load();
}

const NO_SUCCESSES = { vm: new Map(), out: new Map(), into: new Map(), source: new Map() };

const most = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });

const worlds = fc
  .record({
    request: planRequests(false),
    moves: fc.array(fc.nat(100_000), { maxLength: 12 }),
    broken: fc.array(fc.nat(100_000), { maxLength: 4 }),
    failed: fc.array(fc.nat(100_000), { maxLength: 4 }),
    budgets: fc.record({
      movesPerHour: fc.integer({ min: 1, max: 20 }),
      movesPerVmPerDay: fc.integer({ min: 1, max: 3 }),
      movesPerHostPerHour: most,
      movesPerClusterPerHour: most,
      movesPerLinkPerHour: most,
    }),
    uplinks: fc.boolean(),
  })
  .map(({ request, moves, broken, failed, budgets, uplinks }): World => {
    const { snapshot } = request;
    const hosts = uplinks
      ? snapshot.hosts.map((host, index) => {
          return { ...host, uplink: { id: `u${index % 2}`, bandwidth: host.migrationBandwidth } };
        })
      : snapshot.hosts;
    const limits: Limits = { ...request.limits, budgets, reverseMoveSeconds: seconds(7200) };
    const ledger = {
      recentMoves: recentMoves(snapshot, moves),
      breakers: breakers(snapshot, broken),
    };
    const asked = { ...request, limits, snapshot: { ...snapshot, hosts, ...ledger } };
    return { asked, found: troubles(snapshot, failed) };
  });

interface World {
  readonly asked: PlanRequest;
  readonly found: ReadonlyMap<VmId, Trouble>;
}

/** As the gate reads it from the ledger. */
function countersOf({ snapshot }: PlanRequest) {
  const { recentMoves: all = [], takenAt } = snapshot;
  const day = new Map(
    snapshot.vms.map((vm) => [vm.id, all.filter((move) => move.vm === vm.id).length]),
  );
  const hour = all.filter(({ openedAt }) => takenAt - openedAt < 3600).length;
  return { movesLastHour: hour, movesLastDay: day };
}

describe('budgets, bans and breakers', () => {
  it('refuse no move that was planned under them', { timeout: 120_000 }, async () => {
    let planned = 0;
    await fc.assert(
      fc.asyncProperty(worlds, async ({ asked, found }) => {
        const { findings, limits, migration } = asked;
        const rests = await resting(found, asked.snapshot.takenAt);
        const all = [...(asked.snapshot.breakers ?? []), ...rests];
        const snapshot = { ...asked.snapshot, breakers: all };
        const request = { ...asked, snapshot };
        const made = plan(request).plan;
        planned += made.moves.length;
        const verdicts = gate({
          plan: made,
          snapshot,
          findings,
          policies: aPolicy({ limits, migration }),
          now: snapshot.takenAt,
          paused: false,
          counters: { ...countersOf(request), troubles: found },
          approvals: [],
        });
        const refused = verdicts.flatMap(({ refusals }) =>
          refusals.filter(({ code }) => COUNTED.has(code)),
        );
        expect(refused).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(planned).toBeGreaterThan(50);
  });
});
