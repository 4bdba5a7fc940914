/**
 * Who leaves a host: its VMs, each alone or with those that a rule wants on one host with it, and
 * where such a group goes.
 */

import type { Finding } from '../domain/finding.ts';
import type { Draft } from './draft.ts';
import type { State, Terms } from './state.ts';
import { type Fit, findTarget } from './targets.ts';
import { moveGroup, togetherWith } from './together.ts';

export interface Evacuation {
  readonly host: number;
  readonly finding: Finding;
  readonly terms: Terms;
  /** On which others may be moved out of the way; absent: those. */
  readonly othersTerms?: Terms;
}

/** VMs that move as one: alone, or a group that a rule wants together in the end. */
export interface Leaver {
  readonly vms: readonly number[];
  readonly evacuation: Evacuation;
  readonly criticality: number;
  /** The largest share of a resource that it would take of the largest host. */
  readonly size: number;
}

/** The largest first, which fits the most in. */
export function bySize(a: Leaver, b: Leaver): number {
  return b.size - a.size || (a.vms[0] ?? 0) - (b.vms[0] ?? 0);
}

/** Off by somebody's wish, and not in the middle of a cold move: no adapter moves it. */
export function staysOff({ state }: Draft, v: number): boolean {
  return state.model.vms[v]?.powerState === 'off';
}

/** Those that are on the host still, and move by no other need. */
export function leaversOf(draft: Draft, evacuation: Evacuation): Leaver[] {
  const { state } = draft;
  const { model } = state;
  const taken = new Set<number>();
  const leavers: Leaver[] = [];
  for (const v of draft.residents(evacuation.host)) {
    if (taken.has(v) || state.moved[v] === 1) continue;
    // Nobody suffers with it. That it keeps its host from being switched off is another matter.
    if (staysOff(draft, v) && evacuation.finding.response !== 'consolidate') continue;
    const vms = togetherWith(draft, v, evacuation.host);
    for (const vm of vms) taken.add(vm);
    leavers.push({
      vms,
      evacuation,
      criticality: Math.min(...vms.map((vm) => model.criticality[vm] ?? 0)),
      size: vms.reduce((sum, vm) => sum + sizeOf(draft, vm), 0),
    });
  }
  return leavers;
}

/** Below this share, a host has plenty of the resource whoever comes: it sets no one apart. */
const PLENTY = 1e-9;

/** The largest share of a resource that the VM would take of the host that has most of it. */
function sizeOf(draft: Draft, v: number): number {
  const { width, need, largest } = draft.state.model;
  let size = 0;
  for (const [r, most] of largest.entries()) {
    if (most > 0) size = Math.max(size, (need[v * width + r] ?? 0) / most);
  }
  return size < PLENTY ? 0 : size;
}

/** All of the group to one host, or nothing. */
export function moveTogether(draft: Draft, leaver: Leaver, fit: Fit): boolean {
  const { state } = draft;
  const { vms, evacuation } = leaver;
  const { terms, finding } = evacuation;
  if (vms.some((vm) => state.stuck(vm, terms) !== 0)) return false;
  const [only] = vms;
  if (vms.length === 1 && only !== undefined) {
    const to = findTarget(state, only, terms, fit);
    if (to >= 0) draft.move(only, to, { finding, terms, makesRoomFor: undefined });
    return to >= 0;
  }
  return moveToOne(draft, leaver, fit);
}

/** To the first of the targets that takes them. */
export function moveToOne(draft: Draft, leaver: Leaver, fit: Fit): boolean {
  return moveToAnyOf(draft, leaver, targetsFor(draft.state, leaver.vms, fit));
}

/**
 * Hosts with the most room first (`spread`), or with the least; before those that strain more soft
 * rules or cost more, where each VM counts as if it went alone.
 */
function targetsFor(state: State, vms: readonly number[], fit: Fit): readonly number[] {
  const order = [...state.byRoom.order];
  const byRoom = fit === 'spread' ? order.reverse() : order;
  const particular = vms.filter((vm) => state.isParticular(vm));
  if (particular.length === 0) return byRoom;
  const burdens = new Float64Array(order.length);
  for (const vm of particular) {
    for (const h of order) burdens[h] = (burdens[h] ?? 0) + state.burden(vm, h);
  }
  return byRoom.sort((a, b) => (burdens[a] ?? 0) - (burdens[b] ?? 0));
}

/** To the first of the hosts that takes them all. */
export function moveToAnyOf(draft: Draft, leaver: Leaver, hosts: readonly number[]): boolean {
  return moveGroup(draft, { vms: leaver.vms, ...leaver.evacuation }, hosts);
}
