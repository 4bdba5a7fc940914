/**
 * Levelling taken further by the reassignment engine (reassign/), which has all places in view
 * where exchanges (level-improve.ts) see two hosts: asked only where they have left a host far from
 * the level. It begins from what was levelled and lowers the same number, but for one part:
 *
 *     Σ over hosts of off_CPU²  +  m × Σ over hosts of off_memory²  +  Σ over moved VMs of price
 *
 * That memory gets no less level than it was is no sum over hosts. It gets a multiplier instead, m,
 * which is raised until the answer keeps to it (Lagrangian relaxation: Everett, "Generalized
 * Lagrange multiplier method", 1963).
 *
 * Of an answer that is made which the State allows, each move when those before it have ended; it
 * counts if the number that levelling lowers (level-field.ts) is less by then.
 */

import { asProblem } from './as-problem.ts';
import type { SearchBudget } from './improve.ts';
import { DEAD_BAND, type Field } from './level-field.ts';
import { CPU_AT, MEMORY_AT } from './model.ts';
import type { Problem } from './reassign/problem.ts';
import { reassign } from './reassign/reassign.ts';

/** Changes that the engine judges each time it is asked: per VM, and at most. */
const CHANGES_PER_VM = 100;
const MOST_CHANGES = 200_000;

/** Of squares of memory, in turn. */
const MULTIPLIERS = [0, 0.005, 0.01, 0.02, 0.04];
/** How often the engine is asked at most: steps that a levelling needs for it. */
export const MOST_ASKED = MULTIPLIERS.length;

/** What the start breaks is left to the State: to mend it is no levelling's business. */
const PENALTY = 1e-9;

/** Takes one of the steps each time that the engine is asked. */
export function refine(field: Field, budget: SearchBudget): void {
  if (!field.hosts.some((h) => field.away(h) > DEAD_BAND)) return;
  for (const multiplier of MULTIPLIERS) {
    if (budget.steps <= 0 || budget.shouldStop()) return;
    budget.steps -= 1;
    const known = { places: field.made(), value: field.value };
    propose(field, multiplier, budget);
    const isWithin = field.memoryExcess === 0;
    if (field.value >= known.value) field.remake(known.places);
    if (isWithin) return;
  }
}

/** Makes what the engine comes to, as far as it may. */
function propose(field: Field, multiplier: number, { rng, shouldStop }: SearchBudget): void {
  const asked = field.proposal();
  const { vms, hosts, home } = asked;
  const bare = asProblem(asked);
  const { mostMoves } = field.settings;
  const problem: Problem = {
    ...bare,
    spreadWeight: spreadWeights(bare, multiplier),
    moveCost: Float64Array.from(vms, (vm) => field.price[vm] ?? 0),
    ...(mostMoves < Infinity && { maxMoves: mostMoves }),
    penalty: PENALTY,
  };
  const seed = Math.floor(rng.next() * 2 ** 31);
  const steps = Math.min(MOST_CHANGES, CHANGES_PER_VM * vms.length);
  const { at } = reassign(problem, { seed, steps, shouldStop });
  const places = vms.map((vm, item) => ({ vm, to: hosts[at[item] ?? -1] ?? -1 }));
  field.remake(places.filter(({ vm, to }) => to >= 0 && to !== home[vm]));
}

function spreadWeights(
  { bins, resources }: Pick<Problem, 'bins' | 'resources'>,
  multiplier: number,
): Float64Array {
  const weights = new Float64Array(bins * resources);
  for (let bin = 0; bin < bins; bin += 1) {
    weights[bin * resources + CPU_AT] = 1;
    weights[bin * resources + MEMORY_AT] = multiplier;
  }
  return weights;
}
