// Role: the first answer about hosts that are to be emptied: the most important VMs, and only they.
import { expect, it } from 'vitest';

import { plan } from '../../../src/plan/plan.ts';
import {
  aFinding,
  aHost,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';

const GUESTS = [
  aVm({ id: 'a', host: 'h1', criticality: 'standard' }),
  aVm({ id: 'b', host: 'h1', criticality: 'mission-critical' }),
  aVm({ id: 'c', host: 'h2', criticality: 'mission-critical' }),
];

function planned(isFirst: boolean, vms = GUESTS) {
  const hosts = ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id }));
  const findings = [aFinding('evacuate', { host: 'h1' }), aFinding('evacuate', { host: 'h2' })];
  const settings = { limits: someLimits(), migration: someMigration(), weights: someWeights() };
  return plan({ snapshot: aSnapshot({ hosts, vms }), findings, ...settings, seed: 1, isFirst });
}

it('moves the most important of all the hosts, and says how many are left', () => {
  const { plan: first, report } = planned(true);
  expect(first.moves.map(({ vm }) => vm).toSorted()).toEqual(['b', 'c']);
  expect(report.notes).toContain('a first answer: 1 more have to leave with the next plan');
  expect(planned(false).plan.moves).toHaveLength(3);
});

it('does not look for contradictions: the next plan does', () => {
  expect(planned(true).report.contradictions).toBeUndefined();
  expect(planned(false).report.contradictions).toEqual([]);
});

it('takes a few of many, of each host in turn', () => {
  const many = ['h1', 'h2'].flatMap((host) =>
    Array.from({ length: 40 }, (_none, at) =>
      aVm({
        id: `${host}-${at}`,
        host,
        criticality: 'mission-critical',
        cpuUsed: 0.1,
        memoryGib: 1,
      }),
    ),
  );
  const { plan: first, report } = planned(true, many);
  const from = first.moves.map((move) => String(move.from));
  expect(from.filter((host) => host === 'h1')).toHaveLength(16);
  expect(from.filter((host) => host === 'h2')).toHaveLength(16);
  expect(report.notes).toContain('a first answer: 48 more have to leave with the next plan');
});

it('does not wait for CPU where none is known to be free', () => {
  const unknown = GUESTS.map((vm) => ({ ...vm, vcpus: 1000, metrics: {} }));
  expect(planned(true, unknown).plan.moves).toEqual([]);
  const large = GUESTS.map((vm) => ({ ...vm, vcpus: 16, metrics: {} }));
  expect(
    planned(true, large)
      .plan.moves.map(({ vm }) => vm)
      .toSorted(),
  ).toEqual(['b', 'c']);
});
