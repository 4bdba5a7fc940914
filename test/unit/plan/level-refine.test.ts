// Role: what levelling has from the reassignment engine, and what the engine is told of a draft.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import { asProblem } from '../../../src/plan/as-problem.ts';
import { plan } from '../../../src/plan/plan.ts';
import { BINS } from '../../../src/plan/reassign/problem.ts';
import { makeSetting } from '../../../src/plan/setting.ts';
import { spreadAfter } from '../../bench/gap.ts';
import { aFinding, aHost, aPin, aVm, anAntiAffinity } from '../../support/fleet.ts';
import { carriedOut } from '../../support/carried-out.ts';
import { smallFleet } from '../../support/small-fleets.ts';
import { request } from './support.ts';

describe('levelling where exchanges leave hosts far from the level', () => {
  // Exchanges alone leave 5.5, 5.6, 5.0 and 4.0 points of CPU spread.
  it.each([
    { hosts: 6, vmsPerHost: 6, seed: 13 },
    { hosts: 6, vmsPerHost: 6, seed: 30 },
    { hosts: 10, vmsPerHost: 8, seed: 24 },
    { hosts: 10, vmsPerHost: 8, seed: 25 },
  ])('$hosts hosts, seed $seed: takes them near', (shape) => {
    const asked = smallFleet({ ...shape, goal: 'level', busy: 0.45 });
    const { snapshot, limits, migration } = asked;
    const made = plan(asked).plan;
    expect(spreadAfter(asked, 'cpu', made.moves)).toBeLessThan(0.01);
    const memory = spreadAfter(asked, 'memory', made.moves);
    expect(memory).toBeLessThanOrEqual(spreadAfter(asked, 'memory', []) * (1 + 1e-9));
    expect(check({ snapshot, plan: made, limits, migration })).toEqual([]);
    expect(new Set(made.moves.map(({ reason }) => reason.finding)).size).toBe(1);
    const after = { ...asked, snapshot: carriedOut(asked, made.moves) };
    expect(plan(after).plan.moves).toEqual([]);
  });
});

describe('a draft as a reassignment problem', () => {
  const racks = ['r1', 'r1', 'r2'];
  const hosts = racks.map((rack, h) =>
    aHost({ id: `h${h}`, threads: h === 2 ? 2 : 16, faultDomains: { rack } }),
  );
  const vms = [
    aVm({ id: 'a', host: 'h0', vcpus: 4, cpuUsed: 3, memoryGib: 4 }),
    aVm({ id: 'b', host: 'h1', vcpus: 2, cpuUsed: 1, memoryGib: 2 }),
    aVm({ id: 'c', host: 'h1', vcpus: 2, cpuUsed: 1.5, memoryGib: 8 }),
  ];
  const placement = [
    anAntiAffinity('by-host', ['a', 'b']),
    anAntiAffinity('by-rack', ['b', 'c'], 'rack'),
    aPin('pinned', ['c'], ['h1', 'h2']),
  ];
  const setting = makeSetting(request({ hosts, vms, placement }, [aFinding('level')]));
  const { state } = setting;
  const asked = { state, hosts: [0, 1, 2], home: state.at.slice() };
  const terms = setting.termsOf(aFinding('level').tier);

  it('says who may go where: neither to too few CPUs nor where a rule bars', () => {
    const { allowed, classOf } = asProblem({ ...asked, vms: [0, 1, 2], terms });
    const rows = Array.from(classOf ?? [], (row) => [...(allowed?.[row] ?? [])]);
    expect(rows).toEqual([
      [1, 1, 0],
      [1, 1, 1],
      [0, 1, 1],
    ]);
  });

  it('names who is to be kept apart, by host and by fault domain', () => {
    const { rules, groups, partitions } = asProblem({ ...asked, vms: [0, 1, 2], terms });
    expect(rules).toEqual([
      { kind: 'apart', group: 0, by: BINS },
      { kind: 'apart', group: 1, by: 0 },
    ]);
    expect(groups?.map((group) => [...group])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    const [first, second, third] = partitions?.[0] ?? [];
    expect(first).toBe(second);
    expect(third).not.toBe(first);
  });

  it('counts those who stay as load that is there, and begins where the VMs are', () => {
    state.apply(1, 0);
    const { base, start, home, capacity, soft } = asProblem({ ...asked, vms: [0, 1], terms });
    state.undo(1);
    const { width, net, limit } = state.model;
    expect([...(start ?? [])]).toEqual([0, 0]);
    expect([...home]).toEqual([0, 1]);
    expect([base?.[0], base?.[width], base?.[2 * width]]).toEqual([0, 1.5, 0]);
    expect(base?.[width + 1]).toBe((net[width + 1] ?? 0) - (state.model.need[width + 1] ?? 0));
    expect(capacity[0]).toBe(state.model.capacity[0]);
    expect(soft[0]).toBe(limit[0]);
  });
});
