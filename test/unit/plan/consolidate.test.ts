// Role: consolidation for power: which hosts are emptied, which stay on, and what is said of it.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Host } from '../../../src/domain/host.ts';
import { clusterId, vmId } from '../../../src/domain/ids.ts';
import { ratio, watts } from '../../../src/domain/units.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { type PlanRequest, plan } from '../../../src/plan/plan.ts';
import {
  TEST_NOW,
  type HostOptions,
  aFinding,
  aHost,
  aVm,
  anAffinity,
  anAntiAffinity,
  anAvoid,
  someLimits,
  someWeights,
} from '../../support/fleet.ts';
import { movesOf, request } from './support.ts';

/** 16 threads and 64 GiB each. */
function hosts(count: number, options: (h: number) => Partial<HostOptions> = () => ({})): Host[] {
  return Array.from({ length: count }, (_none, h) => aHost({ id: `h${h + 1}`, ...options(h + 1) }));
}

/** So many VMs of one busy thread and 4 GiB on each host. */
function guests(...counts: readonly number[]): Vm[] {
  return counts.flatMap((count, h) =>
    Array.from({ length: count }, (_none, i) =>
      aVm({ id: `v${h + 1}-${i}`, host: `h${h + 1}`, cpuUsed: 1, memoryGib: 4 }),
    ),
  );
}

function underused(...ids: readonly string[]) {
  return ids.map((host) => aFinding('consolidate', { host }));
}

function emptiedBy(asked: PlanRequest): string[] {
  const { plan: made } = plan(asked);
  const { snapshot, limits, migration } = asked;
  expect(check({ snapshot, plan: made, limits, migration })).toEqual([]);
  const ends = new Map(made.moves.map(({ vm, to }) => [vm, to]));
  const carrying = new Set(snapshot.vms.map(({ id, host }) => ends.get(id) ?? host));
  const sources = [...new Set(made.moves.map(({ from }) => from))].sort();
  expect(sources.filter((id) => carrying.has(id))).toEqual([]);
  return sources;
}

function limited(options: { fillTo?: number; memory?: number; keepSpare?: number }) {
  const { fillTo = 0.7, memory = 0.9, keepSpare = 1 } = options;
  const consolidation = { fillTo: { cpu: ratio(fillTo), memory: ratio(memory) }, keepSpare };
  return { limits: someLimits({ consolidation }) };
}

const ALL = ['h1', 'h2', 'h3', 'h4'];

function notesOf(asked: PlanRequest): string {
  return plan(asked).report.notes.join('\n');
}

describe('consolidation', () => {
  it('empties the hosts that cost the least to empty, whole', () => {
    const asked = request({ hosts: hosts(4), vms: guests(4, 3, 1, 2) }, underused(...ALL));
    // 10 of 16 threads: one host would do, a second one is the reserve.
    expect(emptiedBy(asked)).toEqual(['h3', 'h4']);
    expect(plan(asked).plan.moves).toHaveLength(3);
    expect(notesOf(asked)).toContain('will be empty: h3, h4; Drover switches no host off');
  });

  it('empties equal hosts by their ids', () => {
    const asked = request({ hosts: hosts(4), vms: guests(2, 2, 2, 2) }, underused(...ALL));
    expect(emptiedBy(asked)).toEqual(['h1', 'h2']);
  });

  it('empties those that draw most first, and says what is saved', () => {
    const power = (h: number) => ({ power: { idle: watts(h === 2 ? 300 : 90), peak: watts(400) } });
    const asked = request(
      { hosts: hosts(3, power), vms: guests(2, 3, 2) },
      underused('h1', 'h2', 'h3'),
    );
    expect(emptiedBy(asked)).toEqual(['h2']);
    const { moves, objective } = plan(asked).plan;
    expect(moves[0]?.reason.text).toBe('consolidate h2; empty, h2 saves about 300 W');
    const effects = moves.map(({ reason }) => (reason.effects ?? []).slice(0, 2));
    expect(effects.map(([left]) => left)).toMatchObject(
      [2, 1, 0].map((after) => ({ term: 'to-leave', host: 'h2', after })),
    );
    expect(effects.at(-1)?.[1]).toEqual({ term: 'power', host: 'h2', before: 300, after: 0 });
    expect(objective.terms['power']?.before).toBeCloseTo(4.8);
    expect(objective.terms['power']?.after).toBeCloseTo(1.8);
    expect(objective.after).toBeLessThan(objective.before);
  });

  it('begins no host that it cannot empty whole', () => {
    const big = aVm({ id: 'big', host: 'h1', vcpus: 16, cpuUsed: 9.5, memoryGib: 8 });
    const asked = request(
      { hosts: hosts(3), vms: [big, ...guests(0, 1, 1)] },
      underused('h1', 'h2', 'h3'),
      limited({ keepSpare: 0 }),
    );
    expect(emptiedBy(asked)).toEqual(['h2']);
    expect(notesOf(asked)).toContain('h1 (the others lack the room within 70 % CPU');
  });

  it('is about the hosts that the findings name, of one cluster each', () => {
    const vms = guests(2, 2, 2, 2);
    expect(emptiedBy(request({ hosts: hosts(4), vms }, underused('h3')))).toEqual(['h3']);
    expect(emptiedBy(request({ hosts: hosts(4), vms }, [aFinding('consolidate')]))).toEqual([
      'h1',
      'h2',
    ]);
    const split = hosts(4, (h) => ({ cluster: clusterId(h < 4 ? 'a' : 'b') }));
    const asked = request({ hosts: split, vms }, [aFinding('consolidate')]);
    expect(emptiedBy(asked)).toEqual(['h1']);
    expect(movesOf(asked).some((move) => move.endsWith('h4'))).toBe(false);
  });

  it('fills hosts up to the ceiling, of CPU and of memory', () => {
    const asked = (options: Parameters<typeof limited>[0]) =>
      request({ hosts: hosts(3), vms: guests(6, 5, 1) }, underused(...ALL.slice(0, 3)), {
        ...limited({ keepSpare: 0, ...options }),
      });
    expect(emptiedBy(asked({ fillTo: 0.79 }))).toEqual(['h2', 'h3']);
    expect(emptiedBy(asked({ fillTo: 0.7 }))).toEqual(['h3']);
    expect(emptiedBy(asked({ fillTo: 0.37 }))).toEqual([]);
    // 12 VMs of 4 GiB on 64 GiB.
    expect(emptiedBy(asked({ fillTo: 0.79, memory: 0.7 }))).toEqual(['h3']);
  });

  it('keeps as many hosts spare as the policy says', () => {
    const spare = (keepSpare: number) =>
      request({ hosts: hosts(4), vms: guests(1, 1, 1, 1) }, underused(...ALL), {
        ...limited({ keepSpare }),
      });
    expect([0, 1, 2, 3].map((count) => emptiedBy(spare(count)).length)).toEqual([3, 2, 1, 0]);
    expect(notesOf(spare(3))).toContain(
      'the others could not carry everything with 3 of them lost',
    );
  });

  it('never begins to use an empty host, and levels none that is to be off', () => {
    const fleet = { hosts: hosts(4), vms: guests(7, 3, 2, 0) };
    const asked = request(fleet, underused('h3', 'h4'));
    expect(emptiedBy(asked)).toEqual(['h3']);
    const levelled = request(fleet, [...underused('h3', 'h4'), aFinding('level')]);
    expect(movesOf(levelled).some((move) => move.includes('h1 >'))).toBe(true);
    expect(
      movesOf(levelled).filter((move) => move.endsWith('> h3') || move.endsWith('> h4')),
    ).toEqual([]);
    expect(movesOf(request(fleet, [aFinding('level')])).some((move) => move.endsWith('> h4'))).toBe(
      true,
    );
    expect(notesOf(asked)).toContain('without VMs, and could be off: h4');
  });

  it('leaves hosts alone that have other affairs', () => {
    const vms = guests(1, 1, 6, 6);
    const fleet = hosts(4, (h) => ({ state: h === 1 ? 'returning' : 'healthy' }));
    const findings = [...underused(...ALL), aFinding('quarantine', { host: 'h2' })];
    const asked = request({ hosts: fleet, vms }, findings, limited({ keepSpare: 0 }));
    expect(emptiedBy(asked).filter((host) => host === 'h1' || host === 'h2')).toEqual([]);
    expect(notesOf(asked)).toContain('h1 (it has other affairs)');
  });

  it('waits while its cluster is relieved or emptied', () => {
    const vms = guests(1, 1, 1, 6);
    const busy = [
      aFinding('evacuate', { host: 'h4' }),
      aFinding('relieve', { host: 'h4', relieveBelow: ratio(0.3) }),
    ];
    const sources = busy.map((other) => {
      const asked = request({ hosts: hosts(4), vms }, [...underused('h1', 'h2', 'h3'), other]);
      expect(notesOf(asked)).toContain(
        'h1 (its cluster may need it), h2 (its cluster may need it)',
      );
      return [...new Set(plan(asked).plan.moves.map(({ from }) => from))];
    });
    expect(sources).toEqual([['h4'], ['h4']]);
    // Emptied before, and kept so: nothing goes on there any more.
    const kept = request({ hosts: hosts(4), vms: guests(2, 2, 2) }, [
      ...underused('h1', 'h2', 'h3'),
      aFinding('evacuate', { host: 'h4' }),
    ]);
    expect(emptiedBy(kept)).toEqual(['h1']);
  });

  it('empties nothing whose VMs rest, or are worth more than the power', () => {
    const vms = guests(1, 5, 5);
    const fleet = { hosts: hosts(3), vms };
    expect(emptiedBy(request(fleet, underused('h1')))).toEqual(['h1']);
    const rested = request(
      { ...fleet, lastMovedAt: { [vmId('v1-0')]: TEST_NOW } },
      underused('h1'),
    );
    expect(emptiedBy(rested)).toEqual([]);
    expect(notesOf(rested)).toContain('v1-0 may not move now');
    const off = vms.map((vm) => (vm.id === 'v1-0' ? { ...vm, powerState: 'off' as const } : vm));
    const kept = request({ ...fleet, vms: off }, underused('h1'));
    expect(emptiedBy(kept)).toEqual([]);
    expect(notesOf(kept)).toContain('h1 (v1-0 is switched off: it stays, and keeps its host on)');
    const weights = someWeights({ power: 0.005 });
    const dear = request(fleet, underused('h1'), { weights });
    expect(emptiedBy(dear)).toEqual([]);
    expect(notesOf(dear)).toContain('its power is not worth moving 4.0 GiB');
  });

  it('breaks no rule for it, soft ones neither', () => {
    const vms = guests(1, 1, 4);
    const apart = (strength: 'hard' | 'soft') => ({
      ...anAntiAffinity('apart', ['v1-0', 'v2-0', 'v3-0']),
      strength,
    });
    const asked = (strength: 'hard' | 'soft') =>
      request(
        { hosts: hosts(3), vms, placement: [apart(strength)] },
        underused('h1', 'h2', 'h3'),
        limited({ keepSpare: 0 }),
      );
    expect([emptiedBy(asked('hard')), emptiedBy(asked('soft'))]).toEqual([[], []]);
    expect(notesOf(asked('hard'))).toContain('h1 (no host that carries VMs takes v1-0 within 70 %');
  });

  it('takes a VM on to another host when its first target is emptied too', () => {
    // Small ones first: h1 goes to h2, which then is emptied to h3.
    const vms = [...guests(1, 3), ...['a', 'b'].map((id) => aVm({ id, host: 'h3', cpuUsed: 2 }))];
    const asked = request(
      { hosts: hosts(3), vms },
      underused('h1', 'h2'),
      limited({ keepSpare: 0 }),
    );
    expect(emptiedBy(asked)).toEqual(['h1', 'h2']);
    expect(movesOf(asked).every((move) => move.endsWith('> h3'))).toBe(true);
  });

  it('keeps no move that was allowed only because of one that it takes back', () => {
    // a joins rack r (on h3), so that k may leave m for r. With h3 empty, a would be elsewhere.
    const racks = ['r0', 'r1', 'r', 'r', 'r1', 'r2'];
    const fleet = hosts(6, (h) => ({ faultDomains: { rack: racks[h - 1] ?? '' } }));
    const vms = [
      aVm({ id: 'a', host: 'h1', cpuUsed: 1 }),
      aVm({ id: 'k', host: 'h2', cpuUsed: 2 }),
      aVm({ id: 'x', host: 'h3', vcpus: 4, cpuUsed: 3 }),
      aVm({ id: 'm', host: 'h5', cpuUsed: 1 }),
      ...['h4', 'h5', 'h6'].map((host) => aVm({ id: `on-${host}`, host, cpuUsed: 1 })),
    ];
    const placement = [
      { ...anAffinity('together', ['a', 'k', 'm']), hold: 'finally' as const, over: 'rack' },
      anAvoid('a-elsewhere', ['a'], ['h2', 'h4', 'h5']),
      anAvoid('k-elsewhere', ['k'], ['h1', 'h3', 'h5', 'h6']),
    ];
    const asked = request(
      { hosts: fleet, vms, placement },
      underused('h1', 'h2', 'h3'),
      limited({ keepSpare: 0 }),
    );
    expect(emptiedBy(asked)).toHaveLength(2);
  });
});
