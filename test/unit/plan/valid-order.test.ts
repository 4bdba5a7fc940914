// Role: orders in which moves were made, and could not be listed by importance alone: what matters
// more still goes first, and each move of a group keeps what the group is promised.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { breachFinding, breaches } from '../../../src/rules/placement-findings.ts';
import { check } from '../../../src/check/check.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { importantFirst } from '../../../src/plan/important-first.ts';
import { plan } from '../../../src/plan/plan.ts';
import { spreadOrder } from '../../../src/plan/spread-order.ts';
import { aFinding, aHost, aVm, someLimits, TEST_NOW } from '../../support/fleet.ts';
import { aLicensed, aSpare, aSpread } from '../../support/rule-kinds.ts';
import { request } from './support.ts';

/** VM, from and to; the checker has nothing against any of them. */
function checkedMoves(snapshot: Partial<Snapshot>, findings: readonly Finding[]): string[] {
  const asked = request(snapshot, findings);
  const { snapshot: whole, limits, migration } = asked;
  const made = plan(asked).plan;
  expect(check({ snapshot: whole, plan: made, limits, migration })).toEqual([]);
  return made.moves.map(({ vm, from, to }) => `${vm}: ${from} > ${to}`);
}

interface Move {
  readonly vm: number;
  readonly dependsOn: readonly number[];
}

describe('what matters more', () => {
  it('goes before what was made first, where importance alone comes to a circle of waiting', () => {
    const critical = { criticality: 'mission-critical' } as const;
    const vms = [
      aVm({ id: 'v1', host: 'h0', memoryGib: 5, cpuUsed: 2.8, vcpus: 3, ...critical }),
      aVm({ id: 'v10', host: 'h3', memoryGib: 5, cpuUsed: 1.5, ...critical }),
      aVm({ id: 'v2', host: 'h0', memoryGib: 5, cpuUsed: 0.9, vcpus: 2 }),
      aVm({ id: 'v4', host: 'h3', memoryGib: 2, cpuUsed: 1, vcpus: 8 }),
      aVm({ id: 'v6', host: 'h2', memoryGib: 2, cpuUsed: 3, vcpus: 3 }),
      aVm({ id: 'v7', host: 'h3', memoryGib: 4, cpuUsed: 2.8 }),
      aVm({ id: 'v9', host: 'h2', memoryGib: 1, cpuUsed: 3.8 }),
    ];
    const snapshot = {
      hosts: [
        aHost({ id: 'h0', threads: 8, memoryGib: 16 }),
        aHost({ id: 'h2', threads: 8, memoryGib: 16 }),
        aHost({ id: 'h3', threads: 16, memoryGib: 16 }),
      ],
      vms,
      placement: [aLicensed('one', ['v9', 'v10', 'v2'], 1, ['h0', 'h2']), aSpare('free', ['h0'])],
    };
    const { broken } = breaches(request(snapshot, []).snapshot, someLimits());
    const findings = broken.map((one) => breachFinding(one, TEST_NOW));
    const moves = checkedMoves(snapshot, findings);
    expect(moves).toEqual(['v6: h2 > h3', 'v10: h3 > h2', 'v1: h0 > h3', 'v2: h0 > h2']);
  });

  it('waits for nobody but those that it needs, however the moves depend on each other', () => {
    const lists = fc.array(fc.record({ rank: fc.nat(9), needs: fc.array(fc.nat(20)) }), {
      maxLength: 20,
    });
    const property = fc.property(lists, (all) => {
      const valid = all.map(({ needs }, vm): Move => {
        return { vm, dependsOn: [...new Set(needs.filter((place) => place < vm))] };
      });
      const rankOf = ({ vm }: Move): number => all[vm]?.rank ?? 0;
      const needsOf = ({ vm }: Move): readonly number[] => valid[vm]?.dependsOn ?? [];
      const relist = (moves: readonly Move[]): readonly Move[] => {
        const places = new Map(moves.map(({ vm }, place) => [vm, place]));
        return moves.map((one) => {
          return { ...one, dependsOn: needsOf(one).map((vm) => places.get(vm) ?? -1) };
        });
      };
      const ordered = importantFirst(valid, rankOf, relist);
      expect(ordered.map(({ vm }) => vm).sort((a, b) => a - b)).toEqual([...valid.keys()]);
      // What a move matters for itself, or for those that wait for it.
      const matters = ordered.map(rankOf);
      for (const [place, { dependsOn }] of [...ordered.entries()].reverse()) {
        for (const before of dependsOn) {
          expect(before).toBeLessThan(place);
          matters[before] = Math.min(matters[before] ?? 0, matters[place] ?? 0);
        }
      }
      expect(matters).toEqual(matters.toSorted((a, b) => a - b));
    });
    fc.assert(property);
  });

  it('stays where it was, where the better order is no valid one', () => {
    const valid: Move[] = [0, 1].map((vm) => ({ vm, dependsOn: [] }));
    expect(
      importantFirst(
        valid,
        ({ vm }) => -vm,
        () => undefined,
      ),
    ).toBe(valid);
  });
});

describe('a group that is to end spread', () => {
  it('is never in fewer domains, also where a move was made anew after another', () => {
    const vms = [
      aVm({ id: 'v0', host: 'h2', memoryGib: 4, cpuUsed: 2.6, vcpus: 4, permission: 'cold' }),
      aVm({ id: 'v4', host: 'h3', memoryGib: 2, cpuUsed: 2.1, permission: 'cold' }),
      aVm({ id: 'v5', host: 'h0', memoryGib: 1, cpuUsed: 3, permission: 'cold' }),
      aVm({ id: 'v7', host: 'h0', memoryGib: 5, cpuUsed: 3.7 }),
      aVm({ id: 'v8', host: 'h2', memoryGib: 6, cpuUsed: 3.9 }),
    ];
    const hosts = [
      aHost({ id: 'h0', threads: 8, memoryGib: 32, cpuUsed: 6.7 }),
      aHost({ id: 'h2', threads: 8, memoryGib: 32, cpuUsed: 6.5 }),
      aHost({ id: 'h3', threads: 16, memoryGib: 32, cpuUsed: 5.8 }),
      aHost({ id: 'h4', threads: 8, memoryGib: 24, cpuUsed: 3.5 }),
    ];
    const group = aSpread('apart', ['v5', 'v8', 'v0', 'v4'], 3, 'host');
    const snapshot = { hosts, vms, placement: [{ ...group, hold: 'finally' } as const] };
    const findings = [
      aFinding('relieve', { host: 'h0' }),
      aFinding('relieve', { host: 'h2', tier: 'corrective' }),
    ];
    expect(checkedMoves(snapshot, findings)).toEqual(['v0: h2 > h4', 'v5: h0 > h3']);
  });

  it('moves as it was made, but for who gives away what only a later one gains', () => {
    // Two domains at first, of VMs 0 and 1 on hosts 0 and 1; the hosts are the domains.
    const broken = (at: Int32Array): number => Math.max(0, 2 - new Set(at).size);
    const move = (vm: number, from: number, to: number) => ({ vm, from, to });
    const order = (...made: ReturnType<typeof move>[]) => {
      const at = Int32Array.of(0, 1);
      const found = spreadOrder({ broken }, made, at);
      expect([...at]).toEqual([0, 1]);
      return found;
    };
    expect(order(move(0, 0, 2), move(1, 1, 0))).toEqual([0, 1]);
    expect(order(move(1, 1, 0), move(0, 0, 2))).toEqual([0, 1]);
    // There is no such order of two that change places; the search makes no such plan.
    expect(order(move(1, 1, 0), move(0, 0, 1))).toEqual([1, 0]);
  });
});
