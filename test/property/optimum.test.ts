// Role: the exact solver of `bench optimum` against every placement of tiny fleets.
import { beforeAll, describe, expect, it } from 'vitest';

import { seededRng } from '../../src/domain/rng.ts';
import type { ExactFleet } from '../bench/optimum-bound.ts';
import { type Solver, loadSolver } from '../bench/optimum-solver.ts';
import { testSeed } from '../tools/test-seed.ts';

describe('the optimum of relief', () => {
  let solve: Solver;
  beforeAll(async () => {
    solve = await loadSolver();
  });

  it('is the cheapest of all placements, or there is none', { timeout: 300_000 }, () => {
    const seed = testSeed();
    let possible = 0;
    for (let at = 0; at < FLEETS; at += 1) {
      const fleet = tinyFleet(seed + at);
      const least = cheapestOfAll(fleet);
      if (least < Infinity) possible += 1;
      const known = fleet.vms.reduce((sum, { cost }) => sum + cost, 1000);
      const found = solve(fleet, known, 20);
      expect(found.cost ?? (least === 0 ? 0 : Infinity), `seed ${seed + at}`).toBe(least);
      // Asked for less than the cheapest it says so, and it needs the last unit to find it.
      if (least === 0 || least === Infinity) continue;
      expect(solve(fleet, least, 20).status, `seed ${seed + at}`).toBe('nothing-cheaper');
      expect(solve(fleet, least + 1000, 20).cost, `seed ${seed + at}`).toBe(least);
    }
    expect(possible).toBeGreaterThan(FLEETS / 4);
  });
});

const FLEETS = 40;

function tinyFleet(seed: number): ExactFleet {
  const rng = seededRng(seed);
  const below = (most: number): number => Math.floor(rng.next() * most);
  const hosts = Array.from({ length: 3 }, () => ({
    cores: 8,
    cpu: 6000,
    memory: 9000 + 1000 * below(3),
    vendor: 'intel',
  }));
  const vms = Array.from({ length: 7 }, () => {
    const memory = 1000 * (1 + below(4));
    const common = { home: below(3), vcpus: 1 + below(8), cpu: 500 + below(3000) };
    return { ...common, memory, cost: memory + 1000 };
  });
  return { hosts, vms, groups: [[0, 1, 2].slice(0, 2 + below(2)), [3, 4]] };
}

/** Infinite: no placement keeps all limits. */
function cheapestOfAll({ hosts, vms, groups }: ExactFleet): number {
  let least = Infinity;
  for (let code = 0; code < hosts.length ** vms.length; code += 1) {
    const at = vms.map((_vm, v) => Math.floor(code / hosts.length ** v) % hosts.length);
    const cost = vms.reduce((sum, vm, v) => (at[v] === vm.home ? sum : sum + vm.cost), 0);
    const isMet =
      hosts.every((host, h) => {
        const here = vms.filter((_vm, v) => at[v] === h);
        const sum = (what: 'cpu' | 'memory'): number => here.reduce((all, vm) => all + vm[what], 0);
        return sum('cpu') <= host.cpu && sum('memory') <= host.memory;
      }) && groups.every((group) => new Set(group.map((v) => at[v])).size === group.length);
    if (isMet) least = Math.min(least, cost);
  }
  return least;
}
