// Role: what holds of the groups of a rolling maintenance whatever the fleet: they are all the
// hosts, each once and in their turn; while one is empty everybody has a place, by a count of its
// own; and no group could have taken the next host along.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { estimateView } from '../../src/app/estimate.ts';
import { planAndCheck } from '../../src/app/plan-job.ts';
import { nextGroup, type NextGroup, reasonsAgainst } from '../../src/app/rolling-groups.ts';
import type { HostId } from '../../src/domain/ids.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import {
  aFinding,
  aHost,
  anAntiAffinity,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
  someWeights,
} from '../support/fleet.ts';
import { aFailoverReserve } from '../support/rule-kinds.ts';

const RUNS = { numRuns: 60 };

const fleet = fc.record({
  memories: fc.array(fc.constantFrom(32, 64), { minLength: 3, maxLength: 6 }),
  guests: fc.array(
    fc.record({ at: fc.nat(5), gib: fc.constantFrom(2, 4, 8), isApart: fc.boolean() }),
    { maxLength: 16 },
  ),
  batch: fc.integer({ min: 1, max: 4 }),
  isReserved: fc.boolean(),
});
type Fleet = typeof fleet extends fc.Arbitrary<infer One> ? One : never;

/** Guests that are to be apart are put apart; where there are too many of them, the others not. */
function worldOf({ memories, guests, isReserved }: Fleet): Snapshot {
  const hosts = memories.map((memoryGib, i) => aHost({ id: `h${i}`, memoryGib, threads: 64 }));
  const taken = new Set<number>();
  const apart: string[] = [];
  const vms = guests.map(({ at, gib, isApart }, i) => {
    const host = at % hosts.length;
    if (isApart && !taken.has(host)) {
      taken.add(host);
      apart.push(`v${i}`);
    }
    return aVm({ id: `v${i}`, host: `h${host}`, memoryGib: gib, cpuUsed: 0.2 });
  });
  const ids = hosts.map(({ id }) => id);
  const reserve = isReserved ? [aFailoverReserve('spare-room', ids)] : [];
  const placement = [...(apart.length > 1 ? [anAntiAffinity('apart', apart)] : []), ...reserve];
  return aSnapshot({ hosts, vms, placement });
}

function estimating(snapshot: Snapshot) {
  const limits = someLimits();
  return async (hosts: readonly HostId[]) => {
    const findings = hosts.map((host) => aFinding('evacuate', { host }));
    const rest = { limits, migration: someMigration(), weights: someWeights(), seed: 1 };
    const { result, violations } = planAndCheck({ snapshot, findings, ...rest });
    expect(violations).toEqual([]);
    return estimateView({ snapshot, hosts, result, verdicts: [], deadlineSeconds: null, limits });
  };
}

/** What is wrong with the group's hosts being empty; counted from the moves alone. */
function roomFaults(snapshot: Snapshot, { hosts, view }: NextGroup): readonly string[] {
  const place = new Map<string, string>(snapshot.vms.map((vm) => [vm.id, vm.host]));
  for (const { vm, to } of view.moves) place.set(vm, to);
  const rule = snapshot.placement.find(({ kind }) => kind === 'anti-affinity');
  const apart = new Set<string>(rule?.kind === 'anti-affinity' ? rule.vms : []);
  return snapshot.hosts.flatMap((host) => {
    const there = snapshot.vms.filter((vm) => place.get(vm.id) === host.id);
    const bytes = there.reduce((sum, vm) => sum + vm.memoryBytes, 0);
    const faults: string[] = [];
    // Some are overfull as they are: that is nobody's fault as long as nothing goes there.
    const isTarget = view.moves.some(({ to }) => to === host.id);
    if (isTarget && bytes > host.memory.totalBytes) faults.push(`${host.id} is overfull`);
    if (hosts.includes(host.id) && there.length > 0) faults.push(`${host.id} is not empty`);
    if (there.filter(({ id }) => apart.has(id)).length > 1) faults.push(`${host.id} joins some`);
    return faults;
  });
}

async function groupFaults(
  snapshot: Snapshot,
  waiting: readonly HostId[],
  { batch, group }: { readonly batch: number; readonly group: NextGroup },
): Promise<readonly string[]> {
  const size = group.hosts.length;
  const faults: string[] = [];
  if (group.hosts.join() !== waiting.slice(0, size).join()) faults.push('out of turn');
  if (size < 1 || size > batch) faults.push(`${size} at once`);
  if (group.reasons.length === 0) faults.push(...roomFaults(snapshot, group));
  else if (size > 1) faults.push('several that do not fit');
  if (size < Math.min(batch, waiting.length)) {
    const larger = await estimating(snapshot)(waiting.slice(0, size + 1));
    if (reasonsAgainst(larger).length === 0) faults.push('it could have been larger');
  }
  return faults;
}

describe('the groups of a rolling maintenance', () => {
  it('are all hosts once, fit, and are as large as they can be', async () => {
    await fc.assert(
      fc.asyncProperty(fleet, async (one) => {
        const snapshot = worldOf(one);
        const all = snapshot.hosts.map(({ id }) => id);
        const faults: string[] = [];
        for (let done = 0; done < all.length; ) {
          const waiting = all.slice(done);
          const group = await nextGroup(waiting, one.batch, estimating(snapshot));
          faults.push(...(await groupFaults(snapshot, waiting, { batch: one.batch, group })));
          done += group.hosts.length;
        }
        expect(faults).toEqual([]);
      }),
      RUNS,
    );
  }, 120_000);
});
