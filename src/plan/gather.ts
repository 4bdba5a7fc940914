/**
 * A parted group whose members cannot all go where most of them are, because one of the others may
 * not leave, or finds no room there: all of the rest go to where that one is, or nobody does. On
 * their way they are as parted as they were, and no step of it is better by itself; so the rule is
 * not asked meanwhile, and has to hold in the end. All other rules are asked.
 *
 * Room is made for them only where one is that has to stay, at a few places, and where what may
 * leave there would be enough: making room for a whole group may be a look at the whole fleet for
 * each of them.
 */

import type { Draft } from './draft.ts';
import { moveSomewhere } from './make-room.ts';
import type { Repair } from './repair.ts';
import type { State, Terms } from './state.ts';

/** At how many places room is made for one group, those first that lack the fewest. */
const MOST_CLEARED = 3;

export interface Gathering {
  /** Who found no place where the others are. */
  readonly left: ReadonlySet<number>;
  /** Asked before each place; true: it is left as it is. */
  readonly shouldStop: () => boolean;
}

/** False: there is no such place, and nothing was changed. */
export function gather(draft: Draft, { rule, finding, terms }: Repair, how: Gathering): boolean {
  const { state } = draft;
  const { at, model } = state;
  const { gathers, members } = rule;
  // Where one in flight will be is not certain.
  if (gathers === undefined || members.some((v) => (model.alsoAt[v] ?? -1) >= 0)) return false;
  const outsideOf = (host: number): readonly number[] =>
    members.filter((v) => !gathers(at[v] ?? -1, host));
  const stays = (v: number): boolean => state.stuck(v, terms) !== 0;
  const isAnchor = (v: number): boolean => how.left.has(v) || stays(v);
  const anchors = members.filter(isAnchor).map((v) => at[v] ?? -1);
  const isPossible = (host: number): boolean => !outsideOf(host).some(stays);
  const fewestFirst = placesOf(members, at, gathers)
    .filter(isPossible)
    .sort((a, b) => outsideOf(a).length - outsideOf(b).length || a - b);
  let cleared = 0;
  const isDone = (host: number): boolean => {
    const useless = Uint8Array.from(model.hosts, (_, h) => (gathers(h, host) ? 0 : 1));
    const there: Terms = { ...terms, useless };
    const outside = outsideOf(host);
    // Where nobody has to stay, the members only went past each other: all places are as good.
    const isAnchored = anchors.length === 0 || anchors.some((h) => gathers(h, host));
    const hosts = [...model.hosts.keys()].filter((h) => useless[h] === 0 && state.closed[h] !== 1);
    const isRoomy = hasRoom(draft, outside, { hosts, terms: there });
    const mayPush = isAnchored && cleared < MOST_CLEARED;
    const isEnough =
      isRoomy || (mayPush && hasRoom(draft, outside, { hosts, terms: there, others: terms }));
    if (!isEnough || !outside.every((v) => couldGo(state, v, { hosts, terms: there })))
      return false;
    if (mayPush) cleared += 1;
    const before = draft.mark();
    const wish = { terms: there, othersTerms: terms, finding, fit: 'spread' } as const;
    const isGathered = outside.every((vm) => moveSomewhere(draft, { ...wish, vm, mayPush }));
    if (isGathered && rule.broken(at) === 0) return true;
    draft.backTo(before);
    return false;
  };
  state.suspended.add(rule);
  const found = fewestFirst.some((host) => !how.shouldStop() && isDone(host));
  state.suspended.delete(rule);
  return found;
}

/** One host of each place where members are. */
function placesOf(
  members: readonly number[],
  at: Int32Array,
  gathers: (a: number, b: number) => boolean,
): number[] {
  const places: number[] = [];
  for (const v of members) {
    const host = at[v] ?? -1;
    if (gathers(host, host) && !places.some((h) => gathers(h, host))) places.push(host);
  }
  return places;
}

interface Place {
  readonly hosts: readonly number[];
  readonly terms: Terms;
}

/**
 * Whether the hosts together have enough of everything for all of them: as things are, or once all
 * that may leave them on the terms of others has left.
 */
function hasRoom(
  draft: Draft,
  vms: readonly number[],
  { hosts, terms, others }: Place & { readonly others?: Terms },
): boolean {
  const { state } = draft;
  const { width, need, held } = state.model;
  const leavers = (h: number): readonly number[] =>
    others === undefined ? [] : leaversOf(draft, h, others);
  const those = hosts.map((h) => ({ h, gone: leavers(h) }));
  for (let r = 0; r < width; r += 1) {
    const wanted = vms.reduce((sum, v) => sum + (need[v * width + r] ?? 0), 0);
    const room = those.reduce((sum, { h, gone }) => {
      const at = h * width + r;
      const freed = gone.reduce((all, v) => all + (held[v * width + r] ?? 0), 0);
      return sum + Math.max(0, (terms.limit[at] ?? 0) - (state.later[at] ?? 0) + freed);
    }, 0);
    if (wanted > 0 && wanted * (1 - ROUNDING) > room) return false;
  }
  return true;
}

/** Sums of the same in another order differ by less than this share. */
const ROUNDING = 1e-9;

function leaversOf(draft: Draft, h: number, terms: Terms): readonly number[] {
  const { state, spared } = draft;
  return draft
    .residents(h)
    .filter((v) => state.at[v] === h && state.stuck(v, terms) === 0 && !spared.has(v));
}

/** Whether anything but room keeps the VM from all hosts of the place. */
function couldGo(state: State, v: number, { hosts, terms }: Place): boolean {
  return hosts.some((h) => state.barrier(v, h, terms, 'in-the-end') === 0);
}
