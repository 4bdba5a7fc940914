/**
 * A parted group whose members cannot all go where most of them are, because one of the others may
 * not leave, or finds no room there: all of the rest go to where that one is, or nobody does. On
 * their way they are as parted as they were, and no step of it is better by itself; so the rule is
 * not asked meanwhile, and has to hold in the end. All other rules are asked.
 */

import type { Draft } from './draft.ts';
import { moveSomewhere } from './make-room.ts';
import type { Repair } from './repair.ts';
import type { Terms } from './state.ts';

/** False: there is no such place, and nothing was changed. */
export function gather(draft: Draft, { rule, finding, terms }: Repair): boolean {
  const { state } = draft;
  const { at, model } = state;
  const { gathers, members } = rule;
  // Where one in flight will be is not certain.
  if (gathers === undefined || members.some((v) => (model.alsoAt[v] ?? -1) >= 0)) return false;
  const outsideOf = (host: number): readonly number[] =>
    members.filter((v) => !gathers(at[v] ?? -1, host));
  const isPossible = (host: number): boolean =>
    outsideOf(host).every((v) => state.stuck(v, terms) === 0);
  const hosts = [...new Set(members.map((v) => at[v] ?? -1))].filter((h) => gathers(h, h));
  const fewestFirst = hosts
    .filter(isPossible)
    .sort((a, b) => outsideOf(a).length - outsideOf(b).length || a - b);
  state.suspended.add(rule);
  const isDone = fewestFirst.some((host) => {
    const useless = Uint8Array.from(model.hosts, (_, h) => (gathers(h, host) ? 0 : 1));
    const there: Terms = { ...terms, useless };
    const wish = {
      terms: there,
      othersTerms: terms,
      finding,
      fit: 'spread',
      mayPush: true,
    } as const;
    const before = draft.mark();
    const outside = outsideOf(host);
    const isGathered =
      outside.every((v) => couldGo(draft, v, there)) &&
      outside.every((vm) => moveSomewhere(draft, { ...wish, vm }));
    if (isGathered && rule.broken(at) === 0) return true;
    draft.backTo(before);
    return false;
  });
  state.suspended.delete(rule);
  return isDone;
}

/** Whether anything but room keeps the VM from all hosts of the place. */
function couldGo({ state }: Draft, v: number, terms: Terms): boolean {
  return state.model.hosts.some((_, h) => state.barrier(v, h, terms, 'in-the-end') === 0);
}
