/**
 * What clearing a host costs at least in a fleet that is nearly full: its VMs, and others who give
 * way where one of them finds no place. Of those the dearest is paid in any case. That is a bound
 * for a host that is cleared alone: what gives way for it may serve a second one, too. So it tells
 * where to search, and is never taken for a proof.
 */

import { type Job, excessOf, reliefCandidates } from './clear.ts';
import { cheapestCover } from './cover.ts';
import type { Overfill } from './overfill.ts';
import type { State } from './state.ts';

/** Nodes of the exact search for one set. */
const MAX_NODES = 2000;
const ROUNDING = 1e-9;

/** For a host of which nothing has left yet; where it is `below` or more, `below`. */
// oxlint-disable-next-line max-params -- a job as things stand, and how much is of interest
export function floorOf(
  state: State,
  overfill: Overfill,
  job: Job,
  { residents, below }: { readonly residents: readonly number[]; readonly below: number },
): number {
  const { task, ideals } = job;
  const least = ideals[0]?.cost ?? Infinity;
  if (task.relief === undefined || task.crowds.length > 0 || least >= below) return least;
  const { width, held, cost } = state.model;
  const leavers = reliefCandidates(state, task, residents)
    .filter((vm) => (cost[vm] ?? 0) < below)
    .map((vm) => {
      const price = cost[vm] ?? 0;
      const push = overfill.pushOf(vm, task.reliefTerms, below - price);
      return { push, cost: price, gain: held[vm * width + task.resource] ?? 0 };
    });
  // Who gives what is asked but for rounding is enough.
  const wanted = excessOf(state, task) * (1 - ROUNDING);
  let floor = below;
  for (const push of [...new Set(leavers.map((one) => one.push))].sort((a, b) => a - b)) {
    if (least + push >= floor) break;
    const items = leavers.filter((one) => one.push <= push);
    const cover = cheapestCover(items, wanted, { below: floor - push, maxNodes: MAX_NODES });
    if (cover !== undefined) floor = Math.min(floor, cover.cost + push);
  }
  return floor;
}
