/**
 * What each move does, in figures that people know: how full its two hosts are before and after
 * it, who still has to leave a host, how many stand against a rule. The objective weighs the same
 * things; a mandatory move that lowers no term of it shows here what it is good for.
 *
 * Follows the plan in its order, one move after the other; costs O(resources + rules of the VM).
 */

import type { MoveEffect } from '../domain/plan.ts';
import { CPU_AT, MEMORY_AT } from './model.ts';
import type { Setting } from './setting.ts';

/** Rules with more members than this are not counted for every move of one of them. */
const MOST_MEMBERS = 200;

export class EffectTracker {
  readonly #setting: Setting;
  readonly #load: Float64Array;
  readonly #at: Int32Array;
  readonly #emptied: ReadonlySet<number>;
  /** Per host to be emptied: VMs that are still there. */
  readonly #toLeave = new Map<number, number>();

  /** @param emptied hosts that are emptied to save power, beside those that are to be empty. */
  constructor(setting: Setting, emptied: ReadonlySet<number>) {
    const { model, needs } = setting;
    this.#emptied = emptied;
    this.#setting = setting;
    this.#load = model.net.slice();
    this.#at = model.home.slice();
    const emptying = new Set([...needs.evacuations.map((one) => one.host), ...emptied]);
    if (emptying.size === 0) return;
    const guests = new Uint32Array(model.hosts.length);
    for (let v = 0; v < model.home.length; v += 1) {
      const h = model.home[v] ?? -1;
      if (h >= 0) guests[h] = (guests[h] ?? 0) + 1;
    }
    for (const host of emptying) this.#toLeave.set(host, guests[host] ?? 0);
  }

  /** Makes the move and says what it changed; the source host first. */
  move(v: number, from: number, to: number): readonly MoveEffect[] {
    const { model, rules } = this.#setting;
    const all = [...(rules.hardOf[v] ?? []), ...(rules.softOf[v] ?? [])];
    const counted = all.filter((rule) => !rule.everyone && rule.members.length <= MOST_MEMBERS);
    const brokenBefore = counted.map((rule) => rule.broken(this.#at));
    const before = [from, to].map((h) => [CPU_AT, MEMORY_AT].map((r) => this.#use(h, r)));
    const extrasBefore = [from, to].map((h) => this.#extraUses(h));
    const { width, need, held } = model;
    for (let r = 0; r < width; r += 1) {
      this.#load[from * width + r] =
        (this.#load[from * width + r] ?? 0) - (held[v * width + r] ?? 0);
      this.#load[to * width + r] = (this.#load[to * width + r] ?? 0) + (need[v * width + r] ?? 0);
    }
    this.#at[v] = to;
    const effects: MoveEffect[] = this.#departure(from);
    for (const [end, h] of [from, to].entries()) {
      const host = model.hosts[h]?.id;
      if (host === undefined) continue;
      for (const [i, term] of (['cpu', 'memory'] as const).entries()) {
        const was = before[end]?.[i] ?? 0;
        effects.push({
          term,
          host,
          before: was,
          after: this.#use(h, i === 0 ? CPU_AT : MEMORY_AT),
        });
      }
    }
    for (const [end, h] of [from, to].entries()) {
      effects.push(...this.#scarce(h, extrasBefore[end] ?? []));
    }
    for (const [i, rule] of counted.entries()) {
      const [was, now] = [brokenBefore[i] ?? 0, rule.broken(this.#at)];
      if (was !== now) effects.push({ term: 'rule', rule: rule.id, before: was, after: now });
    }
    return effects;
  }

  #departure(from: number): MoveEffect[] {
    const before = this.#toLeave.get(from);
    const host = this.#setting.model.hosts[from]?.id;
    if (before === undefined || host === undefined) return [];
    this.#toLeave.set(from, before - 1);
    const left: MoveEffect = { term: 'to-leave', host, before, after: before - 1 };
    const idle = this.#setting.model.hosts[from]?.power?.idle;
    if (before > 1 || idle === undefined || !this.#emptied.has(from)) return [left];
    return [left, { term: 'power', host, before: idle, after: 0 }];
  }

  #extraUses(h: number): readonly number[] {
    const { extras, firstExtra } = this.#setting.model;
    return extras.map((_extra, index) => this.#use(h, firstExtra + index));
  }

  /** Of the resources that a policy names, those of which the host has or had too little. */
  #scarce(h: number, before: readonly number[]): readonly MoveEffect[] {
    const { extras, firstExtra, hosts, safety, width } = this.#setting.model;
    const host = hosts[h]?.id;
    if (host === undefined || extras.length === 0) return [];
    const now = this.#extraUses(h);
    return extras.flatMap(({ name: resource }, index): MoveEffect[] => {
      const [was, after] = [before[index] ?? 0, now[index] ?? 0];
      const share = safety[h * width + firstExtra + index] ?? 1;
      const isScarce = Math.max(was, after) > share * (1 + 1e-9) && was !== after;
      return isScarce ? [{ term: 'resource', resource, host, before: was, after }] : [];
    });
  }

  /** Load over capacity; 0 where there is no capacity. */
  #use(h: number, r: number): number {
    const { width, capacity } = this.#setting.model;
    const room = capacity[h * width + r] ?? 0;
    return room > 0 ? (this.#load[h * width + r] ?? 0) / room : 0;
  }
}
