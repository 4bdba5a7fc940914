/**
 * Pairs of resources that are of use together only (`weights.balance`), in the model's indexes, and
 * the figure of a host that tells of one: a share in use, or the difference of two.
 */

import type { Weights } from '../domain/policy.ts';
import { CPU_AT, MEMORY_AT, type Model } from './model.ts';

export interface Figure {
  readonly resource: number;
  /** The other one of a pair, whose share is taken off; -1: it is no pair. */
  readonly less: number;
}

export interface Pair extends Figure {
  readonly weight: number;
}

/** What such amounts, one of each resource, come to on the host. */
// oxlint-disable-next-line max-params -- a host's capacities, amounts, and which of them
export function figureOf(model: Model, amounts: Float64Array, of: Figure, h: number): number {
  const { resource, less } = of;
  return shareOf(model, amounts, resource, h) - (less < 0 ? 0 : shareOf(model, amounts, less, h));
}

/** What the host comes to under such loads of all hosts. */
// oxlint-disable-next-line max-params -- see figureOf
export function loadFigure(model: Model, load: Float64Array, of: Figure, h: number): number {
  return figureOf(model, load.subarray(h * model.width, (h + 1) * model.width), of, h);
}

// oxlint-disable-next-line max-params -- see figureOf
function shareOf({ width, capacity }: Model, amounts: Float64Array, r: number, h: number): number {
  const room = capacity[h * width + r] ?? 0;
  return room > 0 ? (amounts[r] ?? 0) / room : 0;
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
