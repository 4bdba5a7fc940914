// Role: evacuations for which nobody can make room: not searched for twice, and yet everybody is
// who has a chance.
import { describe, expect, it } from 'vitest';

import type { PlanResult } from '../../../src/domain/plan.ts';
import { plan } from '../../../src/plan/plan.ts';
import { aFinding, aHost, aPin, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

const OTHERS = 60;

/** Hosts with 4 GiB left, whose guests fit nowhere else; but for one of 3 GiB, on the first. */
function full(leaving: readonly ReturnType<typeof aVm>[]): PlanResult {
  const names = Array.from({ length: OTHERS }, (_none, i) => `o${String(i).padStart(2, '0')}`);
  const others = names.map((id) => aHost({ id, memoryGib: 20 }));
  const guests = names.flatMap((host, index) =>
    (index === 0 ? [8, 5, 3] : [8, 8]).map((memoryGib, i) =>
      aVm({ id: `${host}-${i}`, host, memoryGib, cpuUsed: 0.1 }),
    ),
  );
  const hosts = [aHost({ id: 'h1', memoryGib: 1_000 }), ...others];
  const snapshot = { hosts, vms: [...leaving, ...guests] };
  return plan(request(snapshot, [aFinding('evacuate', { host: 'h1' })]));
}

function large(count: number): ReturnType<typeof aVm>[] {
  return Array.from({ length: count }, (_none, i) =>
    aVm({ id: `v${i}`, memoryGib: 10, cpuUsed: 0.1 }),
  );
}

describe('evacuations that come to nothing', () => {
  it('are searched for once, as long as nobody has moved', () => {
    const { report } = full(large(1));
    expect(report.unresolved).toHaveLength(1);
    // One search asks some 11,600 times; all that is open is tried again at the end.
    expect(report.stats.evaluatedMoves).toBeLessThan(15_000);
  });

  it('ask once only where the others could go who are in the way', () => {
    const { report } = full(large(9));
    expect(report.unresolved).toHaveLength(9);
    expect(report.stats.evaluatedMoves).toBeLessThan(20_000);
  });

  it('do not keep anyone who needs less from being made room for', () => {
    const small = aVm({ id: 'small', memoryGib: 6, cpuUsed: 0.1 });
    const { plan: made, report } = full([...large(3), small]);
    expect(report.unresolved.map(({ subject }) => subject)).toEqual(
      ['v0', 'v1', 'v2'].map((vm) => ({ kind: 'vm', vm })),
    );
    expect(made.moves.map(({ vm, to }) => [vm, to])).toEqual([
      ['o00-2', 'o59'],
      ['small', 'o00'],
    ]);
  });

  it('do not end with the hosts that come first, where those cannot be cleared', () => {
    const names = Array.from({ length: 40 }, (_none, i) => `o${String(i).padStart(2, '0')}`);
    // 7 GiB left on each: two of them would have to leave, and none may.
    const pinned = names.map((host) =>
      Array.from({ length: 13 }, (_none, i) =>
        aVm({ id: `${host}-${i}`, host, memoryGib: 1, cpuUsed: 0.1 }),
      ),
    );
    const free = [0, 1, 2, 3].map((i) =>
      aVm({ id: `free-${i}`, host: 'last', memoryGib: 4, cpuUsed: 0.1 }),
    );
    const leaving = aVm({ id: 'v', host: 'h1', memoryGib: 9, cpuUsed: 0.1 });
    const hosts = [
      aHost({ id: 'h1', memoryGib: 100 }),
      ...[...names, 'last'].map((id) => aHost({ id, memoryGib: 20 })),
    ];
    const placement = names.map((host, index) =>
      aPin(host, pinned[index]?.map(({ id }) => id) ?? [], [host]),
    );
    const snapshot = { hosts, vms: [leaving, ...pinned.flat(), ...free], placement };
    const { plan: made } = plan(request(snapshot, [aFinding('evacuate', { host: 'h1' })]));
    expect(made.moves.map(({ vm, to }) => [vm, to])).toEqual([
      ['free-0', 'o39'],
      ['free-1', 'o38'],
      ['v', 'last'],
    ]);
  });
});
