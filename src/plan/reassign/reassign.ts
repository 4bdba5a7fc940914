/**
 * The engine's face: the cheapest final placement that the budget allows to find. Pure: the same
 * problem, seed and number of steps give the same answer; never worse than the start.
 */

import { Annealer } from './anneal.ts';
import { arrange } from './arrange.ts';
import { Assignment } from './assignment.ts';
import { mend } from './mend.ts';
import type { Answer, Budget, Problem } from './problem.ts';

export function reassign(given: Problem, budget: Budget): Answer {
  const { problem, itemOf } = arrange(given);
  const state = new Assignment(problem, (problem.start ?? problem.home).slice());
  const startCost = state.cost();
  const looked = mend(state, budget);
  const search = new Annealer(state, { ...budget, steps: Math.max(0, budget.steps - looked) });
  search.run();
  state.restore(search.best);
  const at = new Int32Array(given.items);
  itemOf.forEach((item, place) => {
    at[item] = search.best[place] ?? -1;
  });
  return {
    at,
    cost: state.cost(),
    startCost,
    broken: state.broken(),
    moved: state.moves.moved,
    steps: looked + search.steps,
  };
}
