/**
 * A place for a VM that fits nowhere as things are: a target that others on their way out leave
 * room on, or one from which others are moved first, the cheapest set that is enough. The arrival
 * then waits for those departures; order.ts makes the dependencies.
 *
 * Whom a hard rule wants beside the VM is not moved off for it, since it would be brought back; but
 * for one that cannot wait, where nobody else can make room.
 */

import type { Finding } from '../domain/finding.ts';
import { type Job, findClearing, makeJob } from './clear.ts';
import type { Draft } from './draft.ts';
import type { State, Terms } from './state.ts';
import { type Fit, findLaterTarget, findTarget } from './targets.ts';
import { Ties } from './ties.ts';
import type { Clearing } from './trial.ts';

/** How many VMs are tried as the one that is in the way, cheapest first; no known stranded one. */
const MAX_MOVERS = 400;
/** How many hosts are tried as the one on which room is made, the most promising first. */
const MAX_TARGETS = 24;
/** How many more are looked at that turn out to be left by nobody; what is known costs nothing. */
const MAX_DEAD_ENDS = 200;

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
  /** Also those may be moved whom a hard rule wants beside it. */
  readonly mayPart?: true;
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
  if (!mayPush || draft.futile.has(wish)) return false;
  if (draft.pools.shortFor(vm, terms) !== undefined) return false;
  if (push(draft, wish)) return true;
  draft.futile.add(wish);
  return false;
}

function push(draft: Draft, wish: Wish): boolean {
  if (makeRoom(draft, wish)) return true;
  const mayPart = wish.terms.urgent && draft.state.rules.hardOf[wish.vm] !== undefined;
  return mayPart && makeRoom(draft, { ...wish, mayPart });
}

function makeRoom(draft: Draft, wish: Wish): boolean {
  return freeRoom(draft, wish) || pushAnother(draft, wish);
}

/** Moves off some host what it takes for the VM to fit there; the cheapest way that is found. */
function freeRoom(draft: Draft, wish: Wish): boolean {
  const { vm, terms, finding, othersTerms = terms, helps = () => true } = wish;
  const stranded = draft.futile.stranded(othersTerms);
  let [tried, deadEnds] = [0, 0];
  let best: { readonly host: number; readonly clearing: Clearing } | undefined;
  for (const job of promisingTargets(draft, wish, stranded)) {
    const { task } = job;
    if (best !== undefined && boundOf(job) >= best.clearing.cost) break;
    if (tried >= MAX_TARGETS || deadEnds >= MAX_DEAD_ENDS) break;
    if (!canAnyLeave(draft.state, job, stranded)) {
      deadEnds += 1;
      continue;
    }
    tried += 1;
    const clearing = findClearing(draft.state, job, { fit: 'pack', ejector: undefined });
    if (clearing === undefined || (best && clearing.cost >= best.clearing.cost)) continue;
    const ties = tiesOf(draft.state, wish, task.host);
    if (clearing.moves.some((move) => ties?.isCut(move.vm, move.to))) continue;
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

/** Whoever leaves first does so as things are: where nobody can now, no set of them can. */
function canAnyLeave(state: State, { ideals, task }: Job, stranded: Uint8Array): boolean {
  const canGo = (v: number): boolean => wayOut(state, v, task.reliefTerms, stranded) >= 0;
  return (
    // Mostly it is the cheapest set that goes.
    ideals.some(({ leavers }) => leavers.some(({ vm }) => canGo(vm))) ||
    ideals.some(({ candidates }) => candidates.some(canGo))
  );
}

/** Where it could go, as things are; -1: nowhere, which is marked. */
function wayOut(state: State, v: number, terms: Terms, stranded: Uint8Array): number {
  if (stranded[v] === 1) return -1;
  const to = findTarget(state, v, terms, 'pack');
  if (to < 0) stranded[v] = 1;
  return to;
}

/** Hosts that lack one resource for the VM, by the least cost of what would have to leave. */
function promisingTargets(draft: Draft, wish: Wish, stranded: Uint8Array): readonly Job[] {
  const { vm, terms, finding, othersTerms = terms } = wish;
  const { state } = draft;
  const { width, need } = state.model;
  const found: Job[] = [];
  for (let host = 0; host < state.model.hosts.length; host += 1) {
    if (!state.isReachable(vm, host, terms)) continue;
    const short = shortResources(state, vm, host, terms);
    const [resource] = short;
    if (short.length !== 1 || resource === undefined) continue;
    const at = host * width + resource;
    const room = (terms.limit[at] ?? 0) - (need[vm * width + resource] ?? 0);
    // The clearing counts what a host carries in the end; here moves in flight stay counted.
    const below = room - ((state.later[at] ?? 0) - (state.net[at] ?? 0));
    if (below < 0) continue;
    const own = { host, resource, below, relief: finding, reliefTerms: othersTerms };
    const task = { ...own, repairTerms: othersTerms, crowds: [] };
    const ties = tiesOf(state, wish, host);
    const others = draft
      .residents(host)
      .filter((other) => !draft.spared.has(other) && ties?.isCutAnywhere(other) !== true);
    // Known at once for most: to reckon the sets for each host anew takes longest.
    if (others.every((other) => stranded[other] === 1)) continue;
    const job = makeJob(state, task, others);
    const isDeadEnd = job.ideals.every(({ candidates }) =>
      candidates.every((v) => stranded[v] === 1),
    );
    if (!isDeadEnd) found.push(job);
  }
  return found.sort((a, b) => boundOf(a) - boundOf(b) || a.task.host - b.task.host);
}

/** With those on the host; undefined: they may be cut, or there are none. */
function tiesOf(state: State, { vm, mayPart }: Wish, host: number): Ties | undefined {
  return mayPart || state.rules.hardOf[vm] === undefined ? undefined : new Ties(state, vm, host);
}

/** The least that clearing the host costs. */
function boundOf({ ideals }: Job): number {
  return ideals[0]?.cost ?? Number.POSITIVE_INFINITY;
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
  const home = state.at[vm] ?? -1;
  const useless = othersTerms.useless?.slice() ?? new Uint8Array(state.model.hosts.length);
  useless[home] = 1;
  const stranded = draft.futile.stranded(othersTerms);
  for (const other of movers(state, wish, stranded)) {
    if (draft.spared.has(other)) continue;
    const target = state.at[other] ?? -1;
    let aside = wayOut(state, other, othersTerms, stranded);
    if (aside === home) aside = findTarget(state, other, { ...othersTerms, useless }, 'pack');
    if (aside < 0 || tiesOf(state, wish, target)?.isCut(other, aside)) continue;
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
function movers(state: State, { vm, terms }: Wish, stranded: Uint8Array): number[] {
  const { model } = state;
  const home = state.at[vm] ?? -1;
  const helpful = new Map<number, boolean>();
  const found: number[] = [];
  for (let other = 0; other < model.vms.length; other += 1) {
    const host = state.at[other] ?? -1;
    if (host < 0 || host === home || other === vm || stranded[other] === 1) continue;
    if (state.stuck(other, terms) !== 0) continue;
    let open = helpful.get(host);
    if (open === undefined) {
      open = state.isReachable(vm, host, terms);
      helpful.set(host, open);
    }
    if (open && leavesEnough(state, vm, other, host, terms)) found.push(other);
  }
  found.sort((a, b) => (model.cost[a] ?? 0) - (model.cost[b] ?? 0) || a - b);
  return found.slice(0, MAX_MOVERS);
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
