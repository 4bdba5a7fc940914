// Role: what a plan that is stopped at once comes to is among the answers of one with more time;
// and all steps are told that were used.
import { beforeAll, describe, expect, it } from 'vitest';

import type { Host } from '../../../src/domain/host.ts';
import { networkId } from '../../../src/domain/ids.ts';
import { seededRng } from '../../../src/domain/rng.ts';
import { ratio } from '../../../src/domain/units.ts';
import { plan } from '../../../src/plan/plan.ts';
import type { PlanRequest } from '../../../src/plan/request.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

const HOSTS = 40;
const GUESTS = 12;

/** Every fourth host is hot, and the others nearly are. */
function aHotFleet(seed: number): PlanRequest {
  const rng = seededRng(seed);
  const hosts = Array.from({ length: HOSTS }, (_, i) => {
    return aHost({ id: `h${String(i).padStart(4, '0')}`, threads: 16, memoryGib: 64 });
  });
  const vms = hosts.flatMap(({ id }, i) =>
    Array.from({ length: GUESTS }, (_, k) => {
      const memoryGib = 2 + Math.floor(rng.next() * 3);
      const cpuUsed = ((16 * (i % 4 === 0 ? 0.86 : 0.755)) / GUESTS) * (0.7 + 0.6 * rng.next());
      return aVm({ id: `v${i}-${k}`, host: id, vcpus: 8, memoryGib, cpuUsed });
    }),
  );
  const isHot = ({ metrics }: Host): boolean => {
    const used = metrics['cpu.used']?.mean;
    return used?.kind === 'known' && used.value > 0.8 * 16;
  };
  const asked = request({ hosts, vms }, []);
  const findings = asked.snapshot.hosts.filter(isHot).map(({ id }) => {
    return aFinding('relieve', { host: id, relieveBelow: ratio(0.78) });
  });
  return { ...asked, findings };
}

describe('a fleet of which some hosts stay overloaded', { timeout: 120_000 }, () => {
  const asked = aHotFleet(7);
  let whole: ReturnType<typeof plan>['report'];
  beforeAll(() => {
    whole = plan(asked).report;
  });

  it('has no more of them with more time', () => {
    const stopped = plan({ ...asked, shouldStop: () => true }).report;
    expect(stopped.stats.stepsUsed).toBe(0);
    expect(stopped.unresolved.length).toBeGreaterThan(0);
    expect(whole.unresolved.length).toBeLessThanOrEqual(stopped.unresolved.length);
  });

  it('has its other hosts levelled, whichever try relieves the most', () => {
    const apart = { networks: [networkId('apart')] };
    const others = ['g0', 'g1', 'g2', 'g3', 'g4', 'g5'].map((id, i) => {
      const host = aHost({ id, threads: 16, memoryGib: 64, ...apart });
      const guests = Array.from({ length: i < 3 ? 12 : 1 }, (_, k) => {
        return aVm({ id: `w${i}-${k}`, host: id, vcpus: 2, memoryGib: 1, cpuUsed: 0.9, ...apart });
      });
      return { host, guests };
    });
    const hosts = [...asked.snapshot.hosts, ...others.map(({ host }) => host)];
    const vms = [...asked.snapshot.vms, ...others.flatMap(({ guests }) => guests)];
    const findings = [...asked.findings, aFinding('level')];
    const { moves } = plan({ ...request({ hosts, vms }, findings), steps: 4 }).plan;
    const levelling = moves.filter(({ reason }) => reason.finding.startsWith('level'));
    expect(levelling.length).toBeGreaterThan(9);
  });

  it('tells the steps of all tries', () => {
    const { stepsUsed } = plan({ ...asked, steps: 1 }).report.stats;
    const more = plan({ ...asked, steps: 40 }).report.stats;
    expect(stepsUsed).toBeLessThanOrEqual(1);
    // The tries with 0, 1, 4 and 16 steps come on top of what the first took.
    expect(more.stepsUsed).toBeGreaterThan(28);
  });
});
