/**
 * Emptying hosts. Everything leaves, the most important first and to the hosts with the most room;
 * the rest follow to whatever fits. When spreading leaves VMs without a place, the lesser ones
 * are packed, and then all are, largest first. What still fits nowhere has others moved out of
 * its way. Where CPU alone is short (or not known: then it counts as all that the VM could use), or
 * what the policy calls soft, a host that is to be emptied is emptied all the same (pressed.ts), to
 * the host that then is the least busy: a guest that gets less CPU is slow, one on a dying host is
 * lost. Last of all others make room for it where CPU stays short. How much of a cluster may be out
 * at once, which bounds what the others are given, is the gate's affair (`evacuatedShare`). Who
 * lacks anything else stays, and is said to stay.
 */

import type { Draft } from './draft.ts';
import { takeBackIdlePushes } from './idle-pushes.ts';
import {
  type Evacuation,
  type Leaver,
  bySize,
  staysOff,
  leaversOf,
  moveToOne,
  moveTogether,
} from './leavers.ts';
import { listed } from '../domain/listed.ts';
import { moveSomewhere } from './make-room.ts';
import { BENDS, type Bend, bent, pressed, softOf, whereItBends } from './pressed.ts';
import { CPU_AT } from './model.ts';
import { resourceName } from './resource-words.ts';
import type { DraftMove, State, Terms } from './state.ts';
import { findLaterTarget } from './targets.ts';
import { compareText } from '../domain/ids.ts';

/** Of the most important two classes; the others may be packed. */
const SPREAD_UP_TO = 1;

/** Of a first answer: more take longer to plan and to write down than the first can wait. */
const MOST_AT_FIRST = 32;

const STRATEGIES = ['spread', 'pack-lesser', 'pack'] as const;
type Strategy = (typeof STRATEGIES)[number];

/** @param isFirst a few of the most important, and only who finds a place at once. */
export function evacuate(
  draft: Draft,
  evacuations: readonly Evacuation[],
  isFirst: boolean | undefined,
): void {
  if (evacuations.length === 0) return;
  const all = evacuations.flatMap((evacuation) => leaversOf(draft, evacuation));
  const { state } = draft;
  const mayGo = ({ vms }: Leaver): boolean => vms.every((v) => state.keptOwn?.[v] !== 1);
  const leavers = isFirst === true ? firstToLeave(all.filter(mayGo)) : all;
  let best: { readonly placed: Placement; readonly left: readonly Leaver[] } | undefined;
  for (const strategy of isFirst === true ? STRATEGIES.slice(0, 1) : STRATEGIES) {
    const result = place(draft, leavers, strategy);
    for (const { vm } of result.placed.toReversed()) draft.takeBack(vm);
    if (best === undefined || isBetter(result.left, best.left)) best = result;
    if (best.left.length === 0) break;
  }
  for (const { vm, to, evacuation } of best?.placed ?? []) {
    draft.move(vm, to, { ...evacuation, makesRoomFor: undefined });
  }
  const left = best?.left ?? [];
  if (isFirst !== true) {
    noteWhoIsOff(draft, evacuations);
    for (const leaver of left) lastResort(draft, leaver);
    takeBackIdlePushes(draft);
    return;
  }
  // Where CPU is short everywhere, or not known, the first ones do not wait for it.
  if (best?.placed.length === 0) for (const leaver of left) crowd(draft, leaver);
  noteNext(draft, all);
}

/**
 * Whoever else is to be brought to a host that is crowded in the end may find it crowded on
 * arrival: its move has to allow for that too. Names the hosts in a note.
 */
export function allowForCrowds(draft: Draft): void {
  for (const bend of BENDS) allowFor(draft, bend);
}

function allowFor(draft: Draft, bend: Bend): void {
  const { state, causes } = draft;
  const { model } = state;
  const isCrowding = ({ vm }: DraftMove): boolean => causes.get(vm)?.terms[bend] === true;
  const crowded = new Set(state.moves.filter(isCrowding).map(({ to }) => to));
  for (const { vm, to } of state.moves) {
    const cause = causes.get(vm);
    if (!crowded.has(to) || cause?.finding.tier !== 'mandatory') continue;
    causes.set(vm, { ...cause, terms: bent(cause.terms, bend, model) });
  }
  const hosts = [...crowded].sort((a, b) => a - b);
  for (const resource of bend === 'overCpu' ? [CPU_AT] : softOf(model)) {
    noteAbove(draft, resource, bend === 'overCpu' ? hosts : hosts.filter(isAbove(state, resource)));
  }
}

/** Whether the host may hold more than its safety capacity at some moment of the plan. */
function isAbove({ model, gross }: State, resource: number): (h: number) => boolean {
  return (h) => {
    const at = h * model.width + resource;
    return (gross[at] ?? 0) > (model.safe[at] ?? 0);
  };
}

function noteAbove(draft: Draft, resource: number, hosts: readonly number[]): void {
  const { model } = draft.state;
  const names = hosts.map((h) => model.hosts[h]?.name ?? '').join(', ');
  if (names === '') return;
  const what = resourceName(model, resource);
  draft.notes.push(`no room below the safety capacity of ${what}: ${names} may go above it`);
}

type Placement = { readonly vm: number; readonly to: number; readonly evacuation: Evacuation }[];

function place(
  draft: Draft,
  leavers: readonly Leaver[],
  strategy: Strategy,
): { readonly placed: Placement; readonly left: readonly Leaver[] } {
  const placed: Placement = [];
  const left: Leaver[] = [];
  for (const leaver of inOrder(leavers, strategy)) {
    const spread = strategy === 'spread' || isImportant(leaver, strategy);
    if (!moveTogether(draft, leaver, spread ? 'spread' : 'pack')) {
      left.push(leaver);
      continue;
    }
    const { evacuation } = leaver;
    for (const vm of leaver.vms) placed.push({ vm, to: draft.state.at[vm] ?? -1, evacuation });
  }
  return { placed, left };
}

function isImportant(leaver: Leaver, strategy: Strategy): boolean {
  return strategy === 'pack-lesser' && leaver.criticality <= SPREAD_UP_TO;
}

/** By importance, then size; `pack`: by size alone, which fits the most in. */
function inOrder(leavers: readonly Leaver[], strategy: Strategy): readonly Leaver[] {
  if (strategy === 'pack') return leavers.toSorted(bySize);
  return leavers.toSorted((a, b) => a.criticality - b.criticality || bySize(a, b));
}

/** Fewer left behind; of the most important first. */
function isBetter(left: readonly Leaver[], than: readonly Leaver[]): boolean {
  for (const level of [0, 1, 2, 3]) {
    const count = (list: readonly Leaver[]): number =>
      list.filter(({ criticality }) => criticality === level).length;
    const difference = count(left) - count(than);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Of each host in turn, so that they do not wait for one another; the largest of a host first. */
function firstToLeave(leavers: readonly Leaver[]): readonly Leaver[] {
  const top = Math.min(...leavers.map(({ criticality }) => criticality));
  const most = leavers.filter(({ criticality }) => criticality === top).toSorted(bySize);
  const places = new Map<number, number>();
  const inTurns = most.map((leaver) => {
    const place = places.get(leaver.evacuation.host) ?? 0;
    places.set(leaver.evacuation.host, place + 1);
    return { leaver, place };
  });
  inTurns.sort((a, b) => a.place - b.place);
  return inTurns.slice(0, MOST_AT_FIRST).map(({ leaver }) => leaver);
}

/** Of a dead host nobody moves anything: there it says nothing new. */
function noteWhoIsOff(draft: Draft, evacuations: readonly Evacuation[]): void {
  const { model } = draft.state;
  for (const { host, terms } of evacuations) {
    if (terms.compatibility.ways === 'restart') continue;
    const off = draft.residents(host).filter((v) => staysOff(draft, v));
    if (off.length === 0) continue;
    const names = off.map((v) => model.vms[v]?.name ?? '').sort(compareText);
    const name = model.hosts[host]?.name ?? '';
    draft.notes.push(`switched off, and stay on ${name}: ${listed(names)}`);
  }
}

function noteNext(draft: Draft, leavers: readonly Leaver[]): void {
  const left = leavers.flatMap(({ vms }) => vms).filter((v) => draft.state.moved[v] !== 1).length;
  if (left > 0) draft.notes.push(`a first answer: ${left} more have to leave with the next plan`);
}

function lastResort(draft: Draft, leaver: Leaver): void {
  const { vms, evacuation } = leaver;
  const { terms, othersTerms = terms, finding, host } = evacuation;
  const [only] = vms;
  const tryAll = (): boolean => {
    const who = { vm: only ?? -1, othersTerms, finding } as const;
    const wish = { ...who, fit: 'pack', mayPush: true } as const;
    const push = (own: Terms): boolean =>
      vms.length === 1 && moveSomewhere(draft, { ...wish, terms: own });
    // Who is down waits for nobody's migration where there is room at all.
    const isDown = terms.compatibility.ways === 'restart';
    const ways = [() => push(terms), () => crowd(draft, leaver)];
    if ((isDown ? ways.toReversed() : ways).some((way) => way())) return true;
    // Both at once: to where CPU is short and others make room for the rest of it.
    return crowding(draft, evacuation).some((bending) => {
      const crowded = whereItBends(draft.state, who.vm, { terms, bending });
      return crowded !== undefined && push(crowded);
    });
  };
  if (tryAll()) return;
  // What stands in its way is nothing that bends.
  const last = bendingTerms(draft, evacuation).at(-1) ?? terms;
  for (const vm of vms) {
    const isFirst = vm === only;
    const retry = (): boolean => draft.state.moved[vm] === 1 || (isFirst && tryAll());
    const about = { vm, host, finding, terms: last };
    draft.open.push({ ...about, detail: 'stays on the host', retry });
  }
}

/** To the host with the most CPU left, however little that is: all of them, or nobody. */
function crowd(draft: Draft, leaver: Leaver): boolean {
  const { evacuation } = leaver;
  return crowding(draft, evacuation).some((terms) =>
    crowdOn(draft, { ...leaver, evacuation: { ...evacuation, terms } }),
  );
}

/** On which it may go to where there is no room for it; the gentlest first. */
function crowding(draft: Draft, evacuation: Evacuation): readonly Terms[] {
  const useless = withLesserArrivals(draft, evacuation.terms.useless);
  return bendingTerms(draft, evacuation).map((bending) => ({ ...bending, useless }));
}

/** For whom limits bend: for nobody who can wait. */
function bendingTerms({ state }: Draft, { finding, terms }: Evacuation): readonly Terms[] {
  return finding.tier === 'mandatory' ? pressed(terms, state.model) : [];
}

function crowdOn(draft: Draft, leaver: Leaver): boolean {
  const { state } = draft;
  const { vms, evacuation } = leaver;
  const { terms } = evacuation;
  if (vms.some((vm) => state.stuck(vm, terms) !== 0)) return false;
  if (moveToOne(draft, leaver, 'spread')) return true;
  const [only] = vms;
  if (only === undefined || vms.length > 1) return false;
  const to = findLaterTarget(state, only, terms);
  if (to >= 0) draft.move(only, to, { ...evacuation, makesRoomFor: undefined });
  return to >= 0;
}

/**
 * Hosts to which the plan brings others that could wait: those were promised the room, and would
 * find the host crowded. With the next plan, who cannot wait comes first.
 */
function withLesserArrivals(draft: Draft, useless: Uint8Array | undefined): Uint8Array {
  const { state, causes } = draft;
  const marked = useless?.slice() ?? new Uint8Array(state.model.hosts.length);
  for (const { vm, to } of state.moves) {
    if (causes.get(vm)?.finding.tier !== 'mandatory') marked[to] = 1;
  }
  return marked;
}
