// Role: room on storages, over random fleets whose moves copy disks. Plans pass the checker, fill
// no storage, and are what they were where there is plenty; the checker misses no byte that lacks.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../src/check/check.ts';
import { ANY_DISK } from '../../src/domain/host.ts';
import type { StorageId } from '../../src/domain/ids.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { bytes } from '../../src/domain/units.ts';
import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import { planRequests, tightRequests } from '../support/random-fleet.ts';
import { withAmpleRoom, withStorages } from '../support/random-storage.ts';

const RUNS = { numRuns: 200 };
const TIMEOUT = { timeout: 120_000 };

function codes({ snapshot, limits, migration, weights }: PlanRequest, made: Plan): string[] {
  return check({ snapshot, plan: made, limits, migration, weights }).map(({ code }) => code);
}

/** What is taken of each storage: by the plan, and by moves under way. Counted here anew. */
function taken({ hosts, vms, inFlight, reservations }: Snapshot, made: Plan) {
  const sums = new Map<StorageId, number>();
  const ways = new Map<string, readonly [vm: string, to: string]>();
  for (const { vm, to } of [...inFlight, ...made.moves]) ways.set(`${vm} ${to}`, [vm, to]);
  for (const { vm, host } of reservations) ways.set(`${vm} ${host}`, [vm, host]);
  for (const [id, to] of ways.values()) {
    const vm = vms.find((one) => one.id === id);
    const target = hosts.find((one) => one.id === to);
    const place = target?.copiesTo?.[ANY_DISK];
    if (vm === undefined || target === undefined || place === undefined || vm.host === to) continue;
    for (const { storage, shared, bytes: size, copyBytes = size } of vm.disks) {
      if (shared && target.storages.includes(storage)) continue;
      sums.set(place, (sums.get(place) ?? 0) + copyBytes);
    }
  }
  return sums;
}

describe('a plan that copies disks', () => {
  it.each([
    ['of all kinds', withStorages(planRequests())],
    ['that are nearly full', withStorages(tightRequests())],
  ])('passes the checker on fleets %s', TIMEOUT, (_kind, requests) => {
    fc.assert(
      fc.property(requests, (request) => {
        expect(codes(request, plan(request).plan)).toEqual([]);
      }),
      RUNS,
    );
  });

  it('takes no more of any storage than is free', TIMEOUT, () => {
    let copied = 0;
    fc.assert(
      fc.property(withStorages(fc.oneof(planRequests(), tightRequests())), (request) => {
        const { snapshot } = request;
        const before = taken(snapshot, { ...plan(request).plan, moves: [] });
        const after = taken(snapshot, plan(request).plan);
        for (const { id, freeBytes = Infinity } of snapshot.storages ?? []) {
          const more = (after.get(id) ?? 0) - (before.get(id) ?? 0);
          if (more === 0) continue;
          copied += 1;
          expect(after.get(id)).toBeLessThanOrEqual(freeBytes);
        }
      }),
      RUNS,
    );
    expect(copied).toBeGreaterThan(0);
  });

  it('is the same where there is room for all as where nobody counts', TIMEOUT, () => {
    fc.assert(
      fc.property(withStorages(planRequests()), (request) => {
        const { storages: _none, ...uncounted } = request.snapshot;
        const ample = plan(withAmpleRoom(request)).plan;
        expect(ample).toEqual(plan({ ...request, snapshot: uncounted }).plan);
      }),
      RUNS,
    );
  });

  it('is found where a single byte lacks', TIMEOUT, () => {
    let planted = 0;
    fc.assert(
      fc.property(withStorages(planRequests()), (request) => {
        const ample = withAmpleRoom(request);
        const made = plan(ample).plan;
        expect(codes(ample, made)).toEqual([]);
        const before = taken(ample.snapshot, { ...made, moves: [] });
        for (const [id, sum] of taken(ample.snapshot, made)) {
          if (sum === (before.get(id) ?? 0)) continue;
          planted += 1;
          const short = (freeBytes: number): PlanRequest => ({
            ...ample,
            snapshot: { ...ample.snapshot, storages: [{ id, freeBytes: bytes(freeBytes) }] },
          });
          expect(codes(short(sum), made)).toEqual([]);
          expect(codes(short(sum - 1), made)).toContain('storage-space');
        }
      }),
      RUNS,
    );
    expect(planted).toBeGreaterThan(0);
  });
});
