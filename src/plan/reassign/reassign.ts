/**
 * The engine's face: the cheapest final placement that the budget allows to find. Pure: the same
 * problem, seed and number of steps give the same answer; never worse than the start.
 */

import { Annealer } from './anneal.ts';
import { Assignment } from './assignment.ts';
import { mend } from './mend.ts';
import type { Answer, Budget, Problem } from './problem.ts';

export function reassign(problem: Problem, budget: Budget): Answer {
  const at = (problem.start ?? problem.home).slice();
  const state = new Assignment(problem, at);
  const startCost = state.cost();
  const looked = mend(state, budget);
  const search = new Annealer(state, { ...budget, steps: Math.max(0, budget.steps - looked) });
  search.run();
  const answer = new Assignment(problem, search.best.slice());
  return {
    at: search.best,
    cost: answer.cost(),
    startCost,
    broken: answer.broken(),
    moved: answer.moves.moved,
    steps: looked + search.steps,
  };
}
