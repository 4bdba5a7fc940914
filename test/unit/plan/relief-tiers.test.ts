// Role: findings of several tiers about the load of one host: each asks for its own moves, and what
// a lesser one asks for beyond the others passes neither approval nor windows as theirs.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { ratio } from '../../../src/domain/units.ts';
import { type PlanRequest, plan } from '../../../src/plan/plan.ts';
import { aFinding, aVm } from '../../support/fleet.ts';
import { aPreserve } from '../../support/rule-kinds.ts';
import { HOSTS, request } from './support.ts';

/** Of 16 threads each. */
function load(host: string, count: number, locked = 0): Vm[] {
  return Array.from({ length: count }, (_none, i) => {
    return aVm({ id: `${host}-${i}`, host, cpuUsed: 1, memoryGib: 2, locked: i < locked });
  });
}

const BROKEN = aFinding('repair', { trigger: { kind: 'placement', rule: 'keep' } });
const RED = aFinding('relieve', {
  id: 'red',
  host: 'h1',
  tier: 'corrective',
  relieveBelow: ratio(0.8),
});
const AMBER = aFinding('relieve', { id: 'amber', host: 'h1', relieveBelow: ratio(0.6) });

function asked(
  vms: readonly Vm[],
  findings: readonly Finding[],
  placement: readonly PlacementRule[] = [],
): PlanRequest {
  return request({ hosts: HOSTS, vms, placement }, findings);
}

/** Tier and finding of each move; the checker has nothing against them. */
function causes(one: PlanRequest): string[] {
  const { snapshot, limits, migration } = one;
  const made = plan(one).plan;
  expect(check({ snapshot, limits, migration, plan: made })).toEqual([]);
  return made.moves.map(({ tier, reason }) => `${tier} ${reason.finding}`);
}

describe('what a lesser finding asks of a host beyond a more urgent one', () => {
  const vms = [...load('h1', 13), ...load('h2', 6), ...load('h3', 6)];
  const keep = aPreserve('keep', ['h1'], { cpu: { share: ratio(0.2) } });
  const amber = Array.from({ length: 3 }, () => `optional ${AMBER.id}`);

  it('is its own beside a rule that is broken', () => {
    const both = asked(vms, [AMBER, BROKEN], [keep]);
    expect(causes(both)).toEqual([`corrective ${BROKEN.id}`, ...amber]);
  });

  it('is its own beside another relief', () => {
    expect(causes(asked(vms, [RED, AMBER]))).toEqual([`corrective ${RED.id}`, ...amber]);
  });

  it('is nothing where the more urgent one asks for more', () => {
    const most = { ...RED, relieveBelow: ratio(0.5) };
    expect(new Set(causes(asked(vms, [most, AMBER])))).toEqual(new Set([`corrective ${RED.id}`]));
  });

  it('is said where there is no room for it', () => {
    const full = [...load('h1', 13), ...load('h2', 9), ...load('h3', 9)];
    const one = asked(full, [RED, AMBER]);
    expect(causes(one)).toEqual([`corrective ${RED.id}`]);
    expect(plan(one).report.notes).toEqual([
      'no room to relieve h1 as far as asked: to the safety capacity instead',
    ]);
  });

  it('stays open as its own where the other one is served', () => {
    const little = aPreserve('keep', ['h1'], { cpu: { share: ratio(0.1) } });
    const stuck = [...load('h1', 15, 14), ...load('h2', 6), ...load('h3', 6)];
    const one = asked(stuck, [aFinding('relieve', { id: 'amber', host: 'h1' }), BROKEN], [little]);
    expect(causes(one)).toEqual([`corrective ${BROKEN.id}`]);
    const open = plan(one).report.unresolved;
    expect(open.map(({ finding, proof }) => [finding, proof?.certain])).toEqual([['amber', true]]);
    expect(open[0]?.proof?.text).toMatch(/^h1 has 1\.20 CPU more than it should\. /u);
  });

  it('stays open beside a more urgent one that asks for more, where neither is served', () => {
    const stuck = [...load('h1', 15, 15), ...load('h2', 6), ...load('h3', 6)];
    const much = aPreserve('keep', ['h1'], { cpu: { share: ratio(0.5) } });
    const findings = [aFinding('relieve', { id: 'amber', host: 'h1' }), BROKEN];
    const open = plan(asked(stuck, findings, [much])).report.unresolved;
    expect(open.map(({ finding }) => finding)).toEqual([BROKEN.id, 'amber']);
    const some = [...load('h1', 15, 10), ...load('h2', 6), ...load('h3', 6)];
    const served = plan(asked(some, findings, [much])).report.unresolved;
    expect(served.map(({ finding }) => finding)).toEqual([BROKEN.id]);
  });
});

describe('what two findings ask of a host that are as urgent', () => {
  const some = (id: string, cpuUsed: number, memoryGib: number, host = 'h1'): Vm =>
    aVm({ id, host, cpuUsed, memoryGib, vcpus: 8 });
  const little = aPreserve('keep', ['h1'], { cpu: { share: ratio(0.1) } });
  const others = Array.from({ length: 5 }, (_none, i) => some(`m${i}`, 2.2, 16));
  const near = ['h2', 'h3'].map((host) => some(`x-${host}`, 5, 20, host));
  const findings = [RED, BROKEN];

  it('is had by the moves of the one that asks for more', () => {
    const vms = [some('big', 3, 4), some('small', 1, 3), ...others, ...near];
    const one = asked(vms, findings, [little]);
    expect(plan(one).plan.moves.map(({ vm }) => vm)).toEqual(['big']);
    expect(causes(one)).toEqual(['corrective red']);
  });

  it('is as much as can be had: the one that asks for less is served, the other one open', () => {
    const locked = others.map((vm) => ({ ...vm, locked: true }));
    const vms = [{ ...some('big', 3, 4), locked: true }, some('small', 1, 3), ...locked, ...near];
    const one = asked(vms, findings, [little]);
    expect(causes(one)).toEqual([`corrective ${BROKEN.id}`]);
    expect(plan(one).report.unresolved.map(({ finding }) => finding)).toEqual(['red']);
  });

  it('does not cost the one that asks for less what it can have', () => {
    // Room for `fair`, which is enough for the rule, or for `tiny`, which gives most for its cost.
    const [fair, tiny] = [some('fair', 1, 4), some('tiny', 0.5, 1)];
    const locked = [some('big', 2.5, 4), ...others].map((vm) => ({ ...vm, locked: true }));
    const full = [some('x', 5, 59.5, 'h2'), some('y', 5, 63.5, 'h3')];
    const one = asked([fair, tiny, ...locked, ...full], findings, [little]);
    expect(plan(one).plan.moves.map(({ vm }) => vm)).toEqual(['fair']);
    expect(causes(one)).toEqual([`corrective ${BROKEN.id}`]);
    expect(plan(one).report.unresolved.map(({ finding }) => finding)).toEqual(['red']);
  });

  it('is left open by both where nothing can be had', () => {
    const vms = [some('big', 3, 4), some('small', 1, 3), ...others];
    const stuck = vms.map((vm) => ({ ...vm, locked: true }));
    const open = plan(asked([...stuck, ...near], findings, [little])).report.unresolved;
    expect(open.map(({ finding }) => finding)).toEqual([BROKEN.id, 'red']);
  });
});
