/** Pairs of resources that are of use together only (`weights.balance`), in the model's indexes. */

import type { Weights } from '../domain/policy.ts';
import { CPU_AT, MEMORY_AT, type Model } from './model.ts';

export interface Pair {
  readonly resource: number;
  /** The other one, whose use is taken off. */
  readonly less: number;
  readonly weight: number;
}

/** Those without weight, and those of a resource that the policy does not name, are left out. */
export function pairsOf(model: Model, { balance = [] }: Weights): readonly Pair[] {
  return balance.flatMap(({ resources, weight }) => {
    const [resource = -1, less = -1] = resources.map((name) => indexOf(model, name));
    return weight > 0 && resource >= 0 && less >= 0 ? [{ resource, less, weight }] : [];
  });
}

function indexOf(model: Model, name: string): number {
  if (name === 'cpu') return CPU_AT;
  if (name === 'memory') return MEMORY_AT;
  const index = model.extras.findIndex((extra) => extra.name === name);
  return index < 0 ? -1 : model.firstExtra + index;
}
