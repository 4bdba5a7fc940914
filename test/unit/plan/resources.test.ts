// Role: resources that a policy names in the planner: what they refuse and how that is told, hosts
// that are relieved of them, transient or not, and CPU and memory by host.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { Resource } from '../../../src/domain/resource.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { ratio } from '../../../src/domain/units.ts';
import { explainPair, plan } from '../../../src/plan/plan.ts';
import { aResource, type ResourceOptions } from '../../support/a-resource.ts';
import { TEST_NOW, aFinding, aHost, aVm, someLimits, someWeights } from '../../support/fleet.ts';
import { HOSTS, movesOf, request } from './support.ts';

const VMS = [aVm({ id: 'v1' }), aVm({ id: 'v2' }), aVm({ id: 'v3', host: 'h2' })];
const OUT = aFinding('evacuate', { host: 'h1' });

function hot(name = 'slots', host = 'h1') {
  const fact = `host.resource.${name}.ratio`;
  const evidence = [{ fact, operator: 'greaterThan', threshold: 0.8, value: 1 }];
  return aFinding('relieve', { host, evidence });
}

function slots(options: ResourceOptions = {}): Resource {
  const has = { h1: 10, h2: 10, h3: 10 };
  return aResource({ has, needs: { v1: 4, v2: 4, v3: 4 }, ...options });
}

function asked(resource: Resource, more: Partial<Snapshot> = {}, findings = [OUT]) {
  return request({ hosts: HOSTS, vms: VMS, resources: [resource], ...more }, findings);
}

function against(resource: Resource, host = 'h2', more: Partial<Snapshot> = {}): string[] {
  const found = explainPair(asked(resource, more), vmId('v1'), hostId(host));
  return found.map(({ code, detail }) => `${code}: ${detail}`);
}

describe('a resource that the policy names', () => {
  it('refuses a host without enough of it, with figures and its name', () => {
    expect(against(slots({ has: { h1: 10, h2: 7, h3: 10 } }))).toEqual([
      'resource: needs 4 of slots, 3 of slots free within the safety capacity',
    ]);
    expect(against(slots({ safety: 0.5, unit: 'bytes/s', name: 'network' }))).toEqual([
      'resource: needs 0.0 MB/s of network, 0.0 MB/s of network free within the safety capacity',
    ]);
  });

  it('refuses a VM of which nobody knows what it needs, and hosts on which one is', () => {
    expect(against(slots({ needs: { v2: 4, v3: 4 } }))).toEqual([
      'resource-unknown: nobody knows what it needs of slots',
    ]);
    expect(against(slots({ needs: { v1: 4, v2: 4 } }))).toEqual([
      'resource-unknown: nobody knows what a VM there takes of slots',
    ]);
    expect(against(slots({ has: { h1: 10, h3: 10 } }))).toEqual([
      'resource-unknown: nobody knows what the host has of slots',
    ]);
  });

  it('keeps such a VM where it is, whatever is asked, and says so', () => {
    const { plan: made, report } = plan(asked(slots({ needs: { v2: 4, v3: 4 } })));
    expect(made.moves.map(({ vm }) => vm)).toEqual(['v2']);
    expect(report.unresolved).toMatchObject([
      { subject: { vm: 'v1' }, code: 'resource-unknown', proof: { certain: true } },
    ]);
  });

  it('is none of the business of VMs that need none of it', () => {
    expect(against(slots({ has: {}, needs: { v1: 0 } }))).toEqual([]);
    expect(movesOf(asked(slots({ has: {}, needs: { v1: 0, v2: 0 } })))).toHaveLength(2);
  });

  it('sends VMs where there is enough of it', () => {
    const scarce = slots({ has: { h1: 10, h2: 4, h3: 8 } });
    expect(movesOf(asked(scarce))).toEqual(['v1: h1 > h3', 'v2: h1 > h3']);
  });

  it('waits for those who leave', () => {
    // v4 has to leave h2, for h3 alone has the room, before v1 may come.
    const vms = [aVm({ id: 'v1' }), aVm({ id: 'v4', host: 'h2' })];
    const placement = [
      { kind: 'pin', vms: ['v1'], hosts: ['h2'] },
      { kind: 'pin', vms: ['v4'], hosts: ['h3'] },
    ].map(({ vms: members, hosts, ...rule }, index) => ({
      ...(rule as { kind: 'pin' }),
      id: `r${index}` as never,
      strength: 'hard' as const,
      hold: 'always' as const,
      origin: 'test',
      vms: members.map(vmId),
      hosts: hosts.map(hostId),
    }));
    const mend = aFinding('repair', { trigger: { kind: 'placement', rule: 'r1' } });
    const resource = slots({ needs: { v1: 6, v4: 6 } });
    const wanted = request({ hosts: HOSTS, vms, placement, resources: [resource] }, [OUT, mend]);
    const { moves } = plan(wanted).plan;
    expect(moves.map(({ vm, to }) => `${vm} > ${to}`)).toEqual(['v4 > h3', 'v1 > h2']);
    expect(moves[1]?.dependsOn).toEqual([moves[0]?.id]);
  });

  it.each([true, false])(
    'has hosts full of it change guests over a third (transient: %s)',
    (transient) => {
      // h1 is hot; h2 alone has the CPU for a, and h3 has CPU for b.
      const vms = [
        aVm({ id: 'a', vcpus: 8, cpuUsed: 7 }),
        aVm({ id: 'big', vcpus: 8, cpuUsed: 7, permission: 'observe' }),
        aVm({ id: 'b', host: 'h2', cpuUsed: 2 }),
        aVm({ id: 'c', host: 'h3', vcpus: 16, cpuUsed: 9, permission: 'observe' }),
      ];
      const needs = { a: 8, big: 0, b: 8, c: 0 };
      const full = (h3: number) => slots({ transient, has: { h1: 8, h2: 8, h3 }, needs });
      const relief = aFinding('relieve', { host: 'h1' });
      const { moves } = plan(asked(full(8), { vms }, [relief])).plan;
      expect(moves.map(({ vm, to }) => `${vm} > ${to}`)).toEqual(['b > h3', 'a > h2']);
      expect(moves[1]?.dependsOn).toEqual([moves[0]?.id]);
      // Where no third host has any of it left neither can go first.
      expect(movesOf(asked(full(0), { vms }, [relief]))).toEqual([]);
    },
  );

  it('holds room for a VM on its way on both hosts, or on its target only', () => {
    const inFlight: Snapshot['inFlight'] = [
      {
        move: moveId('earlier'),
        vm: vmId('v3'),
        from: hostId('h2'),
        to: hostId('h3'),
        method: 'pre-copy',
        startedAt: TEST_NOW,
      },
    ];
    const small = { has: { h1: 10, h2: 5, h3: 5 } };
    expect(against(slots(small), 'h2', { inFlight })).toEqual([
      'resource: needs 4 of slots, 1 of slots free within the safety capacity',
    ]);
    const brief = slots({ ...small, transient: false });
    expect(against(brief, 'h2', { inFlight })).toEqual([]);
    expect(against(brief, 'h3', { inFlight })).toHaveLength(1);
    expect(movesOf(asked(brief, { inFlight }))).toEqual(['v1: h1 > h2']);
    expect(movesOf(asked(slots(small), { inFlight }))).toEqual([]);
  });

  it('is what a host is relieved of, below its safety capacity or what the rule says', () => {
    const resource = slots({ safety: 0.7 });
    expect(movesOf(asked(resource, {}, [hot()]))).toEqual(['v1: h1 > h3']);
    const cheap = [aVm({ id: 'v1', memoryGib: 1 }), aVm({ id: 'v2', memoryGib: 64 })];
    const deep = { ...hot(), relieveBelow: ratio(0.1) };
    const { report } = plan(asked(slots({ needs: { v1: 4, v2: 4 } }), { vms: cheap }, [deep]));
    expect(report.unresolved[0]?.detail).toContain('% slots');
    expect(movesOf(asked(slots({ needs: { v1: 0, v2: 4 } }), {}, [hot()]))).toEqual([]);
  });

  it('is told of in what moves do, where there is too much of it', () => {
    const { moves, objective } = plan(asked(slots({ safety: 0.7 }), {}, [hot()])).plan;
    const effects = moves.flatMap(({ reason }) => reason.effects ?? []);
    expect(effects).toContainEqual({
      term: 'resource',
      resource: 'slots',
      host: 'h1',
      before: 0.8,
      after: 0.4,
    });
    expect(objective.terms['overload']?.before).toBeCloseTo(100 * 0.1 ** 2);
    expect(objective.terms['overload']?.after).toBe(0);
  });

  it('counts in the objective where its use is uneven, by its weight', () => {
    const uneven = { findings: [], weights: someWeights() };
    const imbalance = (weight: number): number => {
      const wanted = { ...asked(slots({ imbalance: weight })), ...uneven };
      return plan(wanted).plan.objective.terms['imbalance']?.before ?? 0;
    };
    // 0.8, 0.4 and 0 of it are in use.
    const deviation = Math.sqrt((0.4 ** 2 + 0 + 0.4 ** 2) / 3);
    expect(imbalance(2) - imbalance(0)).toBeCloseTo(2 * deviation);
  });
});

describe('CPU and memory by host', () => {
  it('are given out as often as the policy says, of the fleet or of that host', () => {
    const hosts = ['h1', 'h2'].map((id) => aHost({ id, memoryGib: 16 }));
    const vms = [aVm({ id: 'v1', memoryGib: 8 }), aVm({ id: 'v3', host: 'h2', memoryGib: 12 })];
    const moves = (overcommit: number, h2 = hosts[1]) => {
      const limits = someLimits({ overcommit: { memory: ratio(overcommit) } });
      const there = hosts.slice(0, 1).concat(h2 ?? []);
      return movesOf(request({ hosts: there, vms }, [OUT], { limits }));
    };
    expect([moves(1), moves(1.2), moves(1.25)]).toEqual([[], [], ['v1: h1 > h2']]);
    const margins = { safety: {}, overcommitMemory: ratio(1.25) };
    expect(moves(1, aHost({ id: 'h2', memoryGib: 16, margins }))).toEqual(['v1: h1 > h2']);
  });

  it('are filled as far as the policy says of that host', () => {
    const hosts = ['h1', 'h2', 'h3'].map((id) =>
      aHost({ id, ...(id === 'h2' && { margins: { safety: { cpu: ratio(0.05) } } }) }),
    );
    const found = explainPair(request({ hosts, vms: VMS }, [OUT]), vmId('v1'), hostId('h2'));
    expect(found.map(({ code }) => code)).toEqual(['cpu']);
    expect(movesOf(request({ hosts, vms: VMS }, [OUT]))).toEqual(['v1: h1 > h3', 'v2: h1 > h3']);
  });
});
