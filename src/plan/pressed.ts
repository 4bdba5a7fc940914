/**
 * Which limits bend for what has to leave its host although no other has the room. CPU is shared
 * out in time: it limits nothing then. A resource that the policy calls soft may be filled above
 * its safety capacity, and never above what the host has. All else is as hard as ever: a guest
 * without memory does not run.
 */

import { CPU_AT, type Model } from './model.ts';
import type { State, Terms } from './state.ts';

/** Named as in {@link Terms} and in a move. */
export const BENDS = ['overSoft', 'overCpu'] as const;
export type Bend = (typeof BENDS)[number];

/** One evacuation asks for each of its VMs; terms are of one model. */
const pressedOf = new WeakMap<Terms, readonly Terms[]>();

/** Ways to bend limits, the gentlest first. */
export function pressed(terms: Terms, model: Model): readonly Terms[] {
  const known = pressedOf.get(terms) ?? waysToBend(terms, model);
  pressedOf.set(terms, known);
  return known;
}

function waysToBend(terms: Terms, model: Model): readonly Terms[] {
  const overCpu = bent(terms, 'overCpu', model);
  if (softOf(model).length === 0) return [overCpu];
  const overSoft = bent(terms, 'overSoft', model);
  return [overSoft, overCpu, bent(overSoft, 'overCpu', model)];
}

export function bent(terms: Terms, bend: Bend, model: Model): Terms {
  const raise = bend === 'overCpu' ? withoutCpuLimit : toAllTheyHave;
  return { ...terms, limit: raise(terms.limit, model), [bend]: true };
}

/**
 * The bending terms without the hosts on which nothing that bends is short for the VM: there it
 * has the same chances without. Undefined: it is short on none.
 */
export function whereItBends(
  { later, model }: State,
  vm: number,
  { terms, bending }: { readonly terms: Terms; readonly bending: Terms },
): Terms | undefined {
  const { hosts, need, width } = model;
  const isShort = (h: number, r: number): boolean => {
    const at = h * width + r;
    const most = terms.limit[at] ?? 0;
    const load = (later[at] ?? 0) + (need[vm * width + r] ?? 0);
    return (bending.limit[at] ?? 0) > most && load > most;
  };
  const resources = Array.from({ length: width }, (_none, r) => r);
  const useless = Uint8Array.from(hosts, (_host, h) =>
    bending.useless?.[h] === 1 || !resources.some((r) => isShort(h, r)) ? 1 : 0,
  );
  return useless.includes(0) ? { ...bending, useless } : undefined;
}

/** Places in the resource vector. */
export function softOf({ extras, firstExtra }: Model): readonly number[] {
  return extras.flatMap(({ soft }, index) => (soft === true ? [firstExtra + index] : []));
}

function withoutCpuLimit(limit: Float64Array, { width }: Model): Float64Array {
  return limit.map((most, at) => (at % width === CPU_AT ? Infinity : most));
}

/** Where the limit is lower than the safety capacity something else has lowered it: that stays. */
function toAllTheyHave(limit: Float64Array, model: Model): Float64Array {
  const soft = new Set(softOf(model));
  const { width, safe, capacity } = model;
  return limit.map((most, at) =>
    soft.has(at % width) && most >= (safe[at] ?? 0) ? Math.max(most, capacity[at] ?? 0) : most,
  );
}
