// Role: what a planner practises on: needs that every fleet can meet, and none of a small one.
import { describe, expect, it } from 'vitest';

import { Practice, practiceFindings, practiceRounds } from '../../../src/app/practice.ts';
import { planUntil } from '../../../src/app/plan-job.ts';
import {
  aHost,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';

const HOSTS = 60;

const nameOf = (index: number): string => `h${String(index).padStart(2, '0')}`;

/** h00, h10 … carry twice as much as the others. */
function fleet() {
  const hosts = Array.from({ length: HOSTS }, (_none, index) =>
    aHost({ id: nameOf(index), cpuUsed: index % 10 === 0 ? 2 : 1 }),
  );
  const vms = hosts.flatMap(({ id }, index) =>
    ['a', 'b'].map((name) =>
      aVm({ id: `${name}${index}`, host: id, vcpus: 2, cpuUsed: index % 10 === 0 ? 1 : 0.5 }),
    ),
  );
  return aSnapshot({ hosts, vms });
}

describe('practice', () => {
  it('empties some hosts, and relieves the busiest half of the way down to the mean', () => {
    const snapshot = fleet();
    const findings = practiceFindings(snapshot.hosts);
    const asked = findings.map(({ response, subject }) => [
      response,
      subject.kind === 'host' ? subject.host : '',
    ]);
    expect(asked).toEqual([
      ['evacuate', 'h01'],
      ['evacuate', 'h51'],
      ...[0, 10, 20, 30, 40, 50].map((index) => ['relieve', nameOf(index)]),
    ]);
    const threads = snapshot.hosts[0]?.cpu.threads ?? 0;
    const mean = (0.1 * 2 + 0.9 * 1) / threads;
    expect(findings[2]?.relieveBelow).toBeCloseTo((mean + 2 / threads) / 2);
  });

  it('asks for what can be done', () => {
    const snapshot = fleet();
    const settings = { limits: someLimits(), migration: someMigration(), weights: someWeights() };
    const findings = practiceFindings(snapshot.hosts);
    const { result } = planUntil({ snapshot, findings, ...settings, seed: 1 }, () => true);
    expect(result.report.unresolved).toEqual([]);
    expect(result.plan.moves.length).toBeGreaterThan(6);
  });

  it('asks nothing of hosts of which nobody knows what they use', () => {
    const unknown = [aHost({ id: 'h0', cpuUsed: 1 })].map((host) => ({ ...host, metrics: {} }));
    expect(practiceFindings(unknown)).toEqual([]);
  });

  it('takes some rounds of a large fleet, more of a middling one, none of a small one', () => {
    expect([999, 1_000, 20_000, 200_000].map(practiceRounds)).toEqual([0, 100, 5, 4]);
  });

  it('is made once, on the first fleet that is large enough', () => {
    const practice = new Practice();
    const rounds = [0, 999, 20_000, 20_000].map((vms) => practice.roundsFor(vms));
    expect(rounds).toEqual([0, 0, 5, 0]);
  });
});
