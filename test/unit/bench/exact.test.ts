// Role: the exact solver's own judge: on fleets small enough to try every placement, both agree.
import { beforeAll, describe, expect, it } from 'vitest';

import { memoryCapacity } from '../../../src/domain/demand.ts';
import type { PlanRequest } from '../../../src/plan/plan.ts';
import { type Exact, LEVEL_GAP, costOf, loadExact } from '../../support/exact.ts';
import { smallFleet } from '../../support/small-fleets.ts';

const SEEDS = [1, 2, 3];

let exact: Exact;
beforeAll(async () => {
  exact = await loadExact();
});

interface Placed {
  readonly cost: number;
  readonly spread: number;
  /** Hosts with VMs. */
  readonly on: ReadonlySet<string>;
  /** Every host within its limits, nobody beside whom it is to be apart from. */
  readonly good: boolean;
}

/** Every VM on every host: hosts to the power of VMs. */
function placements(request: PlanRequest): Placed[] {
  const { hosts, vms } = request.snapshot;
  const count = hosts.length ** vms.length;
  return Array.from({ length: count }, (_none, number) => {
    const at = vms.map((_vm, v) => Math.floor(number / hosts.length ** v) % hosts.length);
    return judged(request, at);
  });
}

function judged(request: PlanRequest, at: readonly number[]): Placed {
  const { hosts, vms, placement } = request.snapshot;
  const { safetyCapacity, overcommit } = request.limits;
  const uses = hosts.map((host, h) => {
    const here = vms.filter((_vm, v) => at[v] === h);
    const cpu = here.reduce((sum, vm) => {
      const mean = vm.metrics['cpu.used']?.mean;
      return sum + (mean?.kind === 'known' ? mean.value : Number.NaN);
    }, 0);
    const memory = here.reduce((sum, vm) => sum + vm.memoryBytes, 0);
    return { cpu: cpu / host.cpu.threads, fits: memory <= memoryCapacity(host, overcommit.memory) };
  });
  const apart = placement.every((rule) => {
    const places = rule.vms.map((id) => at[vms.findIndex((vm) => vm.id === id)]);
    return new Set(places).size === places.length;
  });
  const mean = uses.reduce((sum, { cpu }) => sum + cpu, 0) / uses.length;
  const squares = uses.reduce((sum, { cpu }) => sum + (cpu - mean) ** 2, 0);
  const moved = vms.filter((vm, v) => hosts[at[v] ?? -1]?.id !== vm.host);
  return {
    cost: moved.reduce((sum, vm) => sum + costOf(vm, request), 0),
    on: new Set(at.map((h) => hosts[h]?.id ?? '')),
    spread: Math.sqrt(squares / uses.length),
    good: apart && uses.every(({ cpu, fits }) => fits && cpu <= safetyCapacity.cpu + 1e-9),
  };
}

const SHAPE = { hosts: 3, vmsPerHost: 2, busy: 0.4 } as const;

describe('the exact solver, against every placement', () => {
  it.each(SEEDS)('finds the least that relief can move (seed %i)', (seed) => {
    const request = smallFleet({ ...SHAPE, goal: 'relieve', seed });
    const costs = placements(request).flatMap(({ good, cost }) => (good ? [cost] : []));
    const found = exact.relieve(request);
    // No placement at all: infinitely much.
    expect(found ?? Number.POSITIVE_INFINITY).toBeCloseTo(Math.min(...costs), 6);
  });

  it.each(SEEDS)('finds the most watts that can be saved (seed %i)', (seed) => {
    const drawn = smallFleet({ ...SHAPE, goal: 'consolidate', busy: 0.15, seed });
    const request = { ...drawn, snapshot: { ...drawn.snapshot, placement: [] } };
    const { fillTo } = request.limits.consolidation;
    const limits = { ...request.limits, safetyCapacity: fillTo };
    // With hosts of 160 GiB nobody comes near the ceiling of memory.
    const good = placements({ ...request, limits }).filter((one) => one.good && one.on.size > 1);
    const drawing = ({ on }: Placed): number =>
      request.snapshot.hosts
        .filter(({ id }) => on.has(id))
        .reduce((sum, { power }) => sum + (power?.idle ?? Number.NaN), 0);
    const all = request.snapshot.hosts.reduce((sum, { power }) => sum + (power?.idle ?? 0), 0);
    const found = exact.consolidate(request);
    expect(found).toBeCloseTo(all - Math.min(...good.map(drawing)), 6);
    expect(found).toBeGreaterThan(0);
  });

  it.each(SEEDS)('finds the least spread for a budget (seed %i)', (seed) => {
    const drawn = smallFleet({ ...SHAPE, goal: 'level', seed });
    const request = { ...drawn, snapshot: { ...drawn.snapshot, placement: [] } };
    const within = placements(request).filter(({ cost }) => cost <= 40);
    const least = Math.min(
      ...within.filter((one) => one.good || one.cost === 0).map((one) => one.spread),
    );
    const found = exact.level(request, { gib: 40, memorySpread: 1 }) ?? Number.NaN;
    // A hot host may stay hot there, so the solver has more placements to choose from.
    expect(found).toBeLessThanOrEqual(least * (1 + 1e-6));
    const all = Math.min(...within.map((one) => one.spread));
    expect(found).toBeGreaterThanOrEqual(all * (1 - LEVEL_GAP));
  });
});
