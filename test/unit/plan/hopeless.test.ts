// Role: reliefs for which there is no room, whatever is moved: the proof, and that it ends the
// search.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Vm } from '../../../src/domain/vm.ts';
import { ratio } from '../../../src/domain/units.ts';
import { isHopeless } from '../../../src/plan/ease.ts';
import { type PlanRequest, plan } from '../../../src/plan/plan.ts';
import { makeSetting } from '../../../src/plan/setting.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { aPreserve } from '../../support/rule-kinds.ts';
import { request } from './support.ts';

const THREADS = 16;

interface HostDrawn {
  /** VMs of half a thread. */
  readonly vms: number;
  /** What it is to be relieved to; undefined: it need not be. */
  readonly below: number | undefined;
}

function requestOf(drawn: readonly HostDrawn[]): PlanRequest {
  const hosts = drawn.map((_host, h) => aHost({ id: `h${100 + h}`, threads: THREADS }));
  const vms = drawn.flatMap(({ vms: count }, h) =>
    Array.from({ length: count }, (_none, i): Vm => {
      const id = `v${100 + h}-${100 + i}`;
      return aVm({ id, host: `h${100 + h}`, cpuUsed: 0.5, vcpus: 4, memoryGib: 2 });
    }),
  );
  const findings = drawn.flatMap(({ below }, h) => {
    if (below === undefined) return [];
    return [aFinding('relieve', { host: `h${100 + h}`, relieveBelow: ratio(below) })];
  });
  return request({ hosts, vms }, findings);
}

/** Whether all hosts end where they are to. */
function isDone(drawn: readonly HostDrawn[], asked: PlanRequest): boolean {
  const gone = new Map(plan(asked).plan.moves.map(({ vm, to }) => [vm, to]));
  return drawn.every(({ below = Infinity }, h) => {
    const there = asked.snapshot.vms.filter((vm) => (gone.get(vm.id) ?? vm.host) === `h${100 + h}`);
    return there.length * 0.5 <= below * THREADS + 1e-9;
  });
}

const HOST = fc.record({
  vms: fc.integer({ min: 6, max: 25 }),
  below: fc.constantFrom(undefined, undefined, 0.5, 0.6, 0.7, 0.75),
});

describe('reliefs for which there is no room', () => {
  it('are seen where the fleet has room, but not as low as some are to get', () => {
    const hot = [
      { vms: 28, below: 0.75 },
      { vms: 22, below: 0.5 },
    ];
    const full = { vms: 16, below: undefined };
    const empty = { vms: 2, below: undefined };
    expect(isHopeless(makeSetting(requestOf([...hot, full, full, full])))).toBe(true);
    expect(isHopeless(makeSetting(requestOf([...hot, full, full, empty])))).toBe(false);
  });

  it('are not those beside a rule that asks one host to keep more free than others', () => {
    const keep = aPreserve('keep', ['h100'], { cpu: { share: ratio(0.5) } });
    const drawn = [18, 28, 18, 18, 18].map((vms, h) => ({ vms, below: h === 1 ? 0.7 : undefined }));
    const relieve = requestOf(drawn);
    const trigger = { kind: 'placement', rule: keep.id } as const;
    const findings = [...relieve.findings, aFinding('repair', { trigger })];
    const asked = request({ ...relieve.snapshot, placement: [keep] }, findings);
    expect(isHopeless(makeSetting(asked))).toBe(false);
    const { moves } = plan(asked).plan;
    expect(moves.filter(({ from }) => from === 'h100')).toHaveLength(2);
    expect(isDone(drawn, asked)).toBe(true);
    expect(plan(asked).report.notes).toEqual([]);
  });

  it('are those for which there is no room for a rule, either', () => {
    const keep = aPreserve('keep', ['h100'], { cpu: { share: ratio(0.9) } });
    const trigger = { kind: 'placement', rule: keep.id } as const;
    const findings = [aFinding('repair', { trigger })];
    const { snapshot } = requestOf([25, 24, 25].map((vms) => ({ vms, below: undefined })));
    expect(isHopeless(makeSetting(request({ ...snapshot, placement: [keep] }, findings)))).toBe(
      true,
    );
  });

  it('are never those that a plan can do', () => {
    let hopeless = 0;
    fc.assert(
      fc.property(fc.array(HOST, { minLength: 2, maxLength: 7 }), (drawn) => {
        const asked = requestOf(drawn);
        if (!isHopeless(makeSetting(asked))) return;
        hopeless += 1;
        expect(isDone(drawn, asked)).toBe(false);
      }),
      { numRuns: 200 },
    );
    expect(hopeless).toBeGreaterThan(0);
  });

  it('end the search: little is asked of a fleet in which much has to stay', () => {
    const drawn = Array.from({ length: 60 }, (_none, h) => ({
      vms: h % 3 === 0 ? 25 : 24,
      below: h % 2 === 0 ? 0.6 + (h % 7) / 50 : undefined,
    }));
    const asked = requestOf(drawn);
    expect(isHopeless(makeSetting(asked))).toBe(true);
    const { stats } = plan(asked).report;
    expect(stats.evaluatedMoves).toBeLessThan(30 * stats.hosts * stats.vms);
  });
});
