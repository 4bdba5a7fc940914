// Role: how many VMs have to move at least, whatever the plan: for each bin the fewest guests whose
// leaving brings every resource back to its capacity, those that may not stay included. Where they
// could go is left out of account, so it is a lower bound; exact per bin and resource, because the
// fewest that give enough are always the largest.
import { BINS, type Problem } from '../../src/plan/reassign/problem.ts';

export function fewestMoves(problem: Problem): number {
  const guests: number[][] = Array.from({ length: problem.bins }, () => []);
  for (const [item, home] of problem.home.entries()) guests[home]?.push(item);
  const crowds = new Int32Array(problem.bins);
  for (const rule of problem.rules ?? []) {
    if (rule.kind !== 'apart' || rule.by !== BINS) continue;
    const met = new Map<number, number>();
    for (const item of problem.groups?.[rule.group] ?? []) {
      const home = problem.home[item] ?? -1;
      if (home < 0) continue;
      const count = (met.get(home) ?? 0) + 1;
      met.set(home, count);
      crowds[home] = Math.max(crowds[home] ?? 0, count - (rule.atMost ?? 1));
    }
  }
  return guests.reduce((sum, here, bin) => {
    const lost = here.filter((item) => mustLeave(problem, item, bin));
    const others = here.filter((item) => !mustLeave(problem, item, bin));
    let fewest = crowds[bin] ?? 0;
    for (let r = 0; r < problem.resources; r += 1) {
      fewest = Math.max(fewest, lost.length + fewestFor(problem, others, { bin, r }));
    }
    return sum + fewest;
  }, 0);
}

function mustLeave({ fixed, allowed, classOf }: Problem, item: number, bin: number): boolean {
  return fixed?.[item] !== 1 && allowed?.[classOf?.[item] ?? 0]?.[bin] === 0;
}

function fewestFor(
  { need, resources, capacity }: Problem,
  items: readonly number[],
  { bin, r }: { readonly bin: number; readonly r: number },
): number {
  const needs = items.map((item) => need[item * resources + r] ?? 0).sort((a, b) => b - a);
  let excess = needs.reduce((sum, each) => sum + each, 0) - (capacity[bin * resources + r] ?? 0);
  let count = 0;
  for (const each of needs) {
    if (excess <= 0 || each === 0) break;
    excess -= each;
    count += 1;
  }
  return count;
}
