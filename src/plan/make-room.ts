/**
 * A place for a VM that fits nowhere as things are: a target that others on their way out leave
 * room on, or one from which others are moved first, the cheapest set that is enough. The arrival
 * then waits for those departures; order.ts makes the dependencies.
 */

import type { Finding } from '../domain/finding.ts';
import { cheapestCover } from './cover.ts';
import { type ClearTask, type Clearing, findClearing, reliefCandidates } from './clear.ts';
import type { Draft } from './draft.ts';
import type { State, Terms } from './state.ts';
import { type Fit, findLaterTarget, findTarget } from './targets.ts';

/** How many VMs are tried as the one that is in the way, cheapest first. */
const MAX_MOVERS = 400;
/** How many hosts are tried as the one on which room is made, the most promising first. */
const MAX_TARGETS = 24;
const MAX_NODES = 5000;

export interface Wish {
  readonly vm: number;
  readonly terms: Terms;
  readonly finding: Finding;
  readonly fit: Fit;
  /** Whether other VMs may be moved for the sake of this one. */
  readonly mayPush: boolean;
  /** The terms on which they may; absent: those of the VM itself. */
  readonly othersTerms?: Terms;
  /** Whether going there still serves its purpose once others were moved; absent: always. */
  readonly helps?: (to: number) => boolean;
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
  return mayPush && (freeRoom(draft, wish) || pushAnother(draft, wish));
}

interface Prospect {
  readonly task: ClearTask;
  readonly candidates: readonly number[];
  readonly bound: number;
}

/** Moves off some host what it takes for the VM to fit there; the cheapest way that is found. */
function freeRoom(draft: Draft, wish: Wish): boolean {
  const { vm, terms, finding, othersTerms = terms, helps = () => true } = wish;
  let best: { readonly host: number; readonly clearing: Clearing } | undefined;
  for (const { task, candidates, bound } of promisingTargets(draft, wish)) {
    if (best !== undefined && bound >= best.clearing.cost) break;
    const clearing = findClearing(draft.state, task, candidates, 'pack');
    if (clearing === undefined || (best && clearing.cost >= best.clearing.cost)) continue;
    for (const { vm: other, to } of clearing.moves) draft.state.apply(other, to);
    const fits = draft.state.refusal(vm, task.host, terms, 'in-the-end') === 0 && helps(task.host);
    for (const { vm: other } of clearing.moves.toReversed()) draft.state.undo(other);
    if (fits) best = { host: task.host, clearing };
  }
  if (best === undefined) return false;
  for (const { vm: other, to } of best.clearing.moves) {
    draft.move(other, to, { finding, terms: othersTerms, makesRoomFor: vm });
  }
  draft.move(vm, best.host, { finding, terms, makesRoomFor: undefined });
  return true;
}

/** Hosts that lack one resource for the VM, by the least cost of what would have to leave. */
function promisingTargets(draft: Draft, wish: Wish): readonly Prospect[] {
  const { vm, terms, finding, othersTerms = terms } = wish;
  const { state } = draft;
  const { width, need, held, cost } = state.model;
  const found: Prospect[] = [];
  for (let host = 0; host < state.model.hosts.length; host += 1) {
    if (host === state.at[vm] || terms.useless?.[host] === 1) continue;
    if (!isReachable(state, vm, host, terms)) continue;
    const short = shortResources(state, vm, host, terms);
    const [resource] = short;
    if (short.length !== 1 || resource === undefined) continue;
    const at = host * width + resource;
    const room = (terms.limit[at] ?? 0) - (need[vm * width + resource] ?? 0);
    // The clearing counts what a host carries in the end; here moves in flight stay counted.
    const below = room - ((state.later[at] ?? 0) - (state.net[at] ?? 0));
    if (below < 0) continue;
    const own = { host, resource, below, relief: finding, reliefTerms: othersTerms };
    const task: ClearTask = { ...own, repairTerms: othersTerms, crowds: [] };
    const candidates = reliefCandidates(state, task, draft.residents(host));
    const items = candidates.map((v) => ({
      gain: held[v * width + resource] ?? 0,
      cost: cost[v] ?? 0,
    }));
    const wanted = (state.net[at] ?? 0) - below;
    const cover = cheapestCover(items, wanted, { below: Infinity, maxNodes: MAX_NODES });
    if (cover !== undefined) found.push({ task, candidates, bound: cover.cost });
  }
  found.sort((a, b) => a.bound - b.bound || a.task.host - b.task.host);
  return found.slice(0, MAX_TARGETS);
}

/** The resources of which the host would not have enough for the VM. */
function shortResources(state: State, vm: number, host: number, terms: Terms): number[] {
  const { width, need } = state.model;
  const short: number[] = [];
  for (let r = 0; r < width; r += 1) {
    const wanted = need[vm * width + r] ?? 0;
    const load = (state.later[host * width + r] ?? 0) + wanted;
    if (wanted > 0 && load > (terms.limit[host * width + r] ?? 0)) short.push(r);
  }
  return short;
}

function pushAnother(draft: Draft, wish: Wish): boolean {
  const { vm, terms, finding, othersTerms = terms, helps = () => true } = wish;
  const { state } = draft;
  for (const other of movers(state, vm, terms)) {
    const target = state.at[other] ?? -1;
    const aside = findTarget(state, other, othersTerms, 'pack');
    if (aside < 0 || aside === state.at[vm]) continue;
    draft.move(other, aside, { finding, terms: othersTerms, makesRoomFor: vm });
    if (state.refusal(vm, target, terms, 'in-the-end') === 0 && helps(target)) {
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
      open = terms.useless?.[host] !== 1 && isReachable(state, vm, host, terms);
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
