/**
 * Empties hosts one by one, each whole or not at all, and takes it back at will. Guests go to hosts
 * that stay on and carry VMs already, the tightest first. One that had been brought to a host which
 * is to be emptied itself is brought elsewhere instead: every VM makes one move at most, always
 * from an emptied host to one that stays on, so that no move has to wait for another.
 */

import type { Finding } from '../domain/finding.ts';
import type { Draft } from './draft.ts';
import { type Leaver, bySize, leaversOf, moveToAnyOf, moveTogether } from './leavers.ts';
import { CPU_AT, MEMORY_AT } from './model.ts';
import type { Reserve } from './reserve.ts';
import type { Terms } from './state.ts';
import type { Fit } from './targets.ts';

/** Why a host stays on; `vm`: the first that found no place, where not all together lack it. */
export type Stay =
  | { readonly kind: 'reserve' }
  | { readonly kind: 'no-room'; readonly vm: number | undefined };

const RESERVE: Stay = { kind: 'reserve' };

export interface EmptyingSettings {
  readonly reserve: Reserve;
  readonly findingOf: ReadonlyMap<number, Finding>;
  /** Their `useless` is the `off` below. */
  readonly termsOf: (finding: Finding) => Terms;
  /** Per host: 1 when it takes nothing in. Kept up to date. */
  readonly off: Uint8Array;
}

/** A group of VMs that was brought to one host. */
interface Placed {
  readonly leaver: Leaver;
  readonly to: number;
}

/** Hosts that are emptied, and how. */
export interface Emptied {
  /** In the order in which they were emptied. */
  readonly hosts: readonly number[];
  /** In an order in which each is allowed after those before it. */
  readonly placed: readonly Placed[];
}

export class Emptying {
  readonly #draft: Draft;
  readonly #settings: EmptyingSettings;
  /** How places are found from now on. */
  fit: Fit = 'match';
  readonly #hosts = new Set<number>();
  #placed: readonly Placed[] = [];

  constructor(draft: Draft, settings: EmptyingSettings) {
    this.#draft = draft;
    this.#settings = settings;
  }

  emptied(): Emptied {
    return { hosts: [...this.#hosts], placed: this.#placed };
  }

  has(h: number): boolean {
    return this.#hosts.has(h);
  }

  /** Undefined: it is empty in the end now. Else all is as it was before. */
  empty(h: number): Stay | undefined {
    const { off, reserve } = this.#settings;
    off[h] = 1;
    const lacking = reserve.holdsWithout(off) ? this.#bringAway(h) : RESERVE;
    if (lacking === undefined) this.#hosts.add(h);
    else off[h] = 0;
    return lacking;
  }

  /** Instead of what is now: these hosts are emptied in that way. None: nothing is. */
  restore({ hosts, placed }: Emptied = { hosts: [], placed: [] }): void {
    const { off } = this.#settings;
    this.#takeBack(this.#placed);
    for (const h of this.#hosts) off[h] = 0;
    this.#hosts.clear();
    for (const h of hosts) {
      this.#hosts.add(h);
      off[h] = 1;
    }
    this.#redo(placed);
    this.#placed = placed;
  }

  #bringAway(h: number): Stay | undefined {
    if (this.#hasRoomFor(h)) return this.#replaceAll(h);
    return { kind: 'no-room', vm: undefined };
  }

  /** Whether all hosts that take something in have the room together: a quick no. */
  #hasRoomFor(h: number): boolean {
    const { off, findingOf, termsOf } = this.#settings;
    const finding = findingOf.get(h);
    if (finding === undefined) return false;
    const { limit } = termsOf(finding);
    const { net, gross, model } = this.#draft.state;
    const { width } = model;
    return [CPU_AT, MEMORY_AT].every((r) => {
      let lacking = net[h * width + r] ?? 0;
      for (let to = 0; to < off.length && lacking > 0; to += 1) {
        const at = to * width + r;
        if (off[to] === 0) lacking -= Math.max(0, (limit[at] ?? 0) - (gross[at] ?? 0));
      }
      return lacking <= 0;
    });
  }

  /** Finds places for all who are on the host, and for those who were to go there. */
  #replaceAll(h: number): Stay | undefined {
    const before = this.#placed;
    const arrived = before.filter(({ to }) => to === h);
    const kept = arrived.length === 0 ? before : before.filter(({ to }) => to !== h);
    this.#takeBack(arrived);
    const result = this.#place([
      h,
      ...new Set(arrived.map(({ leaver }) => leaver.evacuation.host)),
    ]);
    if ('stuck' in result) {
      this.#redo(arrived);
      return { kind: 'no-room', vm: result.stuck };
    }
    const { hardOf } = this.#draft.state.rules;
    const isBound = arrived.some(({ leaver }) => leaver.vms.some((v) => hardOf[v] !== undefined));
    // Where no rule is about them, all that others rely on of those who arrived is their room.
    const failed = isBound ? this.#again(kept, result.placed) : undefined;
    if (failed !== undefined) {
      this.#redo(before);
      return { kind: 'no-room', vm: failed };
    }
    this.#placed = [...kept, ...result.placed];
    return undefined;
  }

  /**
   * Takes all of these back and makes them anew, each if it is allowed after those before it:
   * one may have been allowed only because of another that is not there any more. The first that
   * is not; then all are taken back.
   */
  #again(kept: readonly Placed[], more: readonly Placed[]): number | undefined {
    this.#takeBack(more);
    this.#takeBack(kept);
    const redone: Placed[] = [];
    for (const one of [...kept, ...more]) {
      if (!moveToAnyOf(this.#draft, one.leaver, [one.to])) {
        this.#takeBack(redone);
        return one.leaver.vms[0];
      }
      redone.push(one);
    }
    return undefined;
  }

  /** All who are left on these hosts; else the first that finds no place, and nobody moves. */
  #place(origins: readonly number[]): { placed: readonly Placed[] } | { stuck: number } {
    const draft = this.#draft;
    const { findingOf, termsOf } = this.#settings;
    const leavers = origins.flatMap((host) => {
      const finding = findingOf.get(host);
      if (finding === undefined) return [];
      return leaversOf(draft, { host, finding, terms: termsOf(finding) });
    });
    const placed: Placed[] = [];
    for (const leaver of leavers.sort(bySize)) {
      const [first = -1] = leaver.vms;
      if (!moveTogether(draft, leaver, this.fit)) {
        this.#takeBack(placed);
        return { stuck: first };
      }
      placed.push({ leaver, to: draft.state.at[first] ?? -1 });
    }
    return { placed };
  }

  #takeBack(placed: readonly Placed[]): void {
    for (const { leaver } of placed.toReversed()) {
      for (const vm of leaver.vms.toReversed()) this.#draft.takeBack(vm);
    }
  }

  /** As it was before: what was allowed then is so again. */
  #redo(placed: readonly Placed[]): void {
    for (const { leaver, to } of placed) {
      const { finding, terms } = leaver.evacuation;
      for (const vm of leaver.vms)
        this.#draft.move(vm, to, { finding, terms, makesRoomFor: undefined });
    }
  }
}
