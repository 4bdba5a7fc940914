/**
 * A place for a VM that fits nowhere as things are: a target that others on their way out leave
 * room on, or one from which another VM is moved first (a chain of two). The arrival then waits
 * for those departures; order.ts makes the dependencies.
 */

import type { Finding } from '../domain/finding.ts';
import type { Draft } from './draft.ts';
import type { State, Terms } from './state.ts';
import { type Fit, findLaterTarget, findTarget } from './targets.ts';

/** How many VMs are tried as the one that makes room, cheapest first. */
const MAX_MOVERS = 400;

export interface Wish {
  readonly vm: number;
  readonly terms: Terms;
  readonly finding: Finding;
  readonly fit: Fit;
  /** Whether other VMs may be moved for the sake of this one. */
  readonly mayPush: boolean;
}

/** Moves the VM somewhere, with what it takes; false: there is no place, nothing was changed. */
export function moveSomewhere(draft: Draft, wish: Wish): boolean {
  const { vm, terms, finding, fit, mayPush } = wish;
  const { state } = draft;
  if (state.stuck(vm, terms) !== 0) return false;
  let to = findTarget(state, vm, terms, fit);
  if (to < 0) to = findLaterTarget(state, vm, terms);
  if (to >= 0) {
    draft.move(vm, to, { finding, terms, makesRoomFor: undefined });
    return true;
  }
  return mayPush && pushAnother(draft, wish);
}

function pushAnother(draft: Draft, { vm, terms, finding }: Wish): boolean {
  const { state } = draft;
  for (const other of movers(state, vm, terms)) {
    const target = state.at[other] ?? -1;
    const aside = findTarget(state, other, terms, 'pack');
    if (aside < 0 || aside === state.at[vm]) continue;
    draft.move(other, aside, { finding, terms, makesRoomFor: vm });
    if (state.refusal(vm, target, terms, 'in-the-end') === 0) {
      draft.move(vm, target, { finding, terms, makesRoomFor: undefined });
      return true;
    }
    draft.takeBack(other);
  }
  return false;
}

/** VMs whose departure would let the VM onto their host, cheapest first. */
function movers(state: State, vm: number, terms: Terms): number[] {
  const { model } = state;
  const home = state.at[vm] ?? -1;
  const helpful = new Map<number, boolean>();
  const found: number[] = [];
  for (let other = 0; other < model.vms.length; other += 1) {
    const host = state.at[other] ?? -1;
    if (host < 0 || host === home || other === vm) continue;
    if (state.stuck(other, terms) !== 0) continue;
    let open = helpful.get(host);
    if (open === undefined) {
      open = isReachable(state, vm, host, terms);
      helpful.set(host, open);
    }
    if (open && leavesEnough(state, vm, other, host, terms)) found.push(other);
  }
  found.sort((a, b) => (model.cost[a] ?? 0) - (model.cost[b] ?? 0) || a - b);
  return found.slice(0, MAX_MOVERS);
}

/** Whether the VM could run on the host, leaving aside how full it is and who is there. */
function isReachable(state: State, vm: number, host: number, terms: Terms): boolean {
  const { model } = state;
  if (state.closed[host] === 1) return false;
  if (terms.optional && model.hostMeasured[host] === 0) return false;
  if ((model.vms[vm]?.vcpus ?? 0) > (model.hosts[host]?.cpu.threads ?? 0)) return false;
  return terms.compatibility.way(vm, host).code === 0;
}

// oxlint-disable-next-line max-params -- two VMs, their host and the terms: nothing to group
function leavesEnough(
  state: State,
  vm: number,
  other: number,
  host: number,
  terms: Terms,
): boolean {
  const { width, need, held } = state.model;
  for (let r = 0; r < width; r += 1) {
    const wanted = need[vm * width + r] ?? 0;
    const load = (state.later[host * width + r] ?? 0) - (held[other * width + r] ?? 0);
    if (wanted > 0 && load + wanted > (terms.limit[host * width + r] ?? 0)) return false;
  }
  return true;
}
