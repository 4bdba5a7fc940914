/**
 * A place for a VM where none is free: another VM leaves its host for what room is left elsewhere,
 * or, one step further, for the place of a third; or several leave one host. Short ejection chains
 * (Glover, "Ejection chains, reference structures and alternating path methods for traveling
 * salesman problems", 1996), the cheapest first.
 *
 * Invariant: an arrival counts on the room that its own chain frees and on no other departure. So
 * what one chain does stays valid when any other is taken back, and every chain can be carried out
 * from its far end, whatever else of the plan is done or not.
 */

import type { Finding } from '../domain/finding.ts';
import { CheapestFirst } from './cheapest-first.ts';
import { cheapestCover } from './cover.ts';
import { CPU_AT } from './model.ts';
import type { State, Terms } from './state.ts';
import { findTarget } from './targets.ts';

/** How many VMs are tried as the one that gives way, of those whose place would do. */
const MAX_TRIED = 24;
/** The same where the one that gives way needs another one to give way. */
const MAX_TRIED_DEEP = 6;
/** How many hosts are looked at as one from which several leave, and how far. */
const MAX_HOSTS = 6;
const MAX_NODES = 2000;
const MAX_SETS = 60;

/** A VM that leaves its host, and why. */
export interface Leaver {
  readonly vm: number;
  readonly terms: Terms;
  readonly finding: Finding;
}

/** A move of a VM that leaves its host for its own sake or to make room for another one. */
export interface Step extends Leaver {
  readonly to: number;
  readonly makesRoomFor: number | undefined;
}

export class Ejector {
  readonly #state: State;
  /** VMs that may be asked to give way. */
  readonly #movers: CheapestFirst;
  readonly #residents: readonly (readonly number[])[];
  readonly #spared: Uint8Array;
  readonly #prices = new Map<number, number>();
  /** The least that any of them costs per CPU. */
  readonly #rate: number;

  /** `spared`, per host: 1 where nobody gives way, since VMs leave there for reasons of its own. */
  constructor(state: State, spared: Uint8Array) {
    this.#state = state;
    this.#spared = spared;
    const { width, need, cost, home, inFlight } = state.model;
    const movers: number[] = [];
    const residents: number[][] = Array.from({ length: spared.length }, () => []);
    let rate = Number.POSITIVE_INFINITY;
    for (let v = 0; v < home.length; v += 1) {
      const h = home[v] ?? -1;
      if (h < 0 || spared[h] === 1 || inFlight[v] === 1) continue;
      movers.push(v);
      residents[h]?.push(v);
      rate = Math.min(rate, (cost[v] ?? 0) / (need[v * width + CPU_AT] ?? 0));
    }
    this.#residents = residents;
    this.#rate = rate;
    this.#movers = new CheapestFirst(state.model, movers);
  }

  /**
   * Moves the VM to the tightest place, or else at the least cost for others below `budget`; the
   * steps are made and appended in the order in which they can be carried out. What the others
   * cost; -1: there is no way, nothing was changed.
   */
  place(leaver: Leaver, budget: number, steps: Step[]): number {
    const { vm, terms } = leaver;
    const to = findTarget(this.#state, vm, terms, 'pack');
    if (to >= 0) {
      this.#make(leaver, to, undefined, steps);
      return 0;
    }
    if (budget <= 0) return -1;
    const before = steps.length;
    const one = this.#giveWay(leaver, budget, steps);
    const more = this.#makeWay(leaver, one < 0 ? budget : one, steps);
    if (more < 0) return one >= 0 ? one : this.#giveWayDeep(leaver, budget, steps);
    if (one >= 0) steps.splice(before, 2);
    return more;
  }

  /** Several others leave one host for places that are free; takes back what was found before. */
  #makeWay(leaver: Leaver, budget: number, steps: Step[]): number {
    const known = steps.at(-1)?.vm === leaver.vm ? steps.slice(-2) : [];
    for (const { vm } of known.toReversed()) this.#state.undo(vm);
    let best:
      | { readonly to: number; readonly aside: readonly Step[]; readonly cost: number }
      | undefined;
    for (const { to, missing } of this.#nearest(leaver)) {
      const below = best?.cost ?? budget;
      if (missing * this.#rate >= below) break;
      best = this.#cover(leaver, to, missing, below) ?? best;
    }
    if (best === undefined) {
      for (const { vm, to } of known) this.#state.apply(vm, to);
      return -1;
    }
    for (const step of best.aside) this.#make(step, step.to, leaver.vm, steps);
    this.#make(leaver, best.to, undefined, steps);
    return best.cost;
  }

  /** The hosts that lack least CPU for the VM and could take it otherwise, with what they lack. */
  #nearest({ vm, terms }: Leaver): readonly { readonly to: number; readonly missing: number }[] {
    const state = this.#state;
    const { width, need } = state.model;
    const wanted = need[vm * width + CPU_AT] ?? 0;
    const found: { to: number; missing: number }[] = [];
    const { order } = state.byRoom;
    for (let place = order.length - 1; place >= 0 && found.length < MAX_HOSTS; place -= 1) {
      const to = order[place] ?? -1;
      const at = to * width + CPU_AT;
      const missing = (state.gross[at] ?? 0) + wanted - (terms.limit[at] ?? 0);
      if (this.#spared[to] === 1 || missing <= 0 || !state.isReachable(vm, to, terms)) continue;
      found.push({ to, missing });
    }
    return found;
  }

  /** The cheapest set whose leaving lets the VM onto the host; the state is left as it was. */
  // oxlint-disable-next-line max-params -- who, where, how much, and the bound
  #cover(
    leaver: Leaver,
    to: number,
    missing: number,
    below: number,
  ): { readonly to: number; readonly aside: readonly Step[]; readonly cost: number } | undefined {
    const state = this.#state;
    const { width, held, cost } = state.model;
    const { vm, terms, finding } = leaver;
    const residents = this.#residents[to] ?? [];
    const free = residents.filter((v) => state.at[v] === to && state.stuck(v, terms) === 0);
    const items = free.map((v) => ({ gain: held[v * width + CPU_AT] ?? 0, cost: cost[v] ?? 0 }));
    let best: { to: number; aside: Step[]; cost: number } | undefined;
    const accept = (chosen: readonly number[]): boolean => {
      const aside: Step[] = [];
      let price = 0;
      let gain = 0;
      for (const index of chosen) {
        const other = free[index] ?? -1;
        const there = findTarget(state, other, terms, 'pack');
        if (there < 0) break;
        this.#make({ vm: other, terms, finding }, there, vm, aside);
        price += items[index]?.cost ?? 0;
        gain += items[index]?.gain ?? 0;
      }
      const placed = aside.length === chosen.length;
      const others = aside.map((step) => step.vm);
      const enough = placed && gain >= missing;
      const fits = enough && state.refusalWithout(vm, to, terms, others) === 0;
      for (let at = aside.length - 1; at >= 0; at -= 1) state.undo(aside[at]?.vm ?? -1);
      if (fits && price < (best?.cost ?? below)) best = { to, aside, cost: price };
      return placed && (!enough || fits);
    };
    const options = { below, maxNodes: MAX_NODES, maxQuestions: MAX_SETS, accept };
    cheapestCover(items, missing, options);
    return best;
  }

  /**
   * What others cost who give way for the VM, about: as things stood when it was first asked;
   * `budget` or more: it is not looked for dearer ones.
   */
  price(leaver: Leaver, budget: number): number {
    const known = this.#prices.get(leaver.vm);
    if (known !== undefined) return known;
    const { model } = this.#state;
    const steps: Step[] = [];
    let price = this.place(leaver, budget, steps);
    for (let at = steps.length - 1; at >= 0; at -= 1) this.#state.undo(steps[at]?.vm ?? -1);
    if (price < 0 && budget < Infinity) return budget;
    // Nobody can at the moment; that may change when others are placed anew.
    if (price < 0) price = this.#rate * (model.need[leaver.vm * model.width + CPU_AT] ?? 0);
    this.#prices.set(leaver.vm, price);
    return price;
  }

  /** One other VM leaves for a place that is free. */
  #giveWay(leaver: Leaver, budget: number, steps: Step[]): number {
    const state = this.#state;
    const { width, cost, need } = state.model;
    const { vm, terms, finding } = leaver;
    const most = state.byRoom.most();
    let tried = 0;
    for (let rank = 0; rank < this.#movers.length; rank += 1) {
      const other = this.#movers.at(rank);
      const price = cost[other] ?? 0;
      if (price >= budget || tried >= MAX_TRIED) return -1;
      if ((need[other * width + CPU_AT] ?? 0) > most) continue;
      if (!this.#makesRoom(other, vm, terms)) continue;
      const aside = findTarget(state, other, terms, 'pack');
      if (aside < 0) {
        tried += 1;
        continue;
      }
      const to = state.at[other] ?? -1;
      this.#make({ vm: other, terms, finding }, aside, vm, steps);
      // A rule may have wanted the other one there.
      if (state.refusalWithout(vm, to, terms, [other]) !== 0) {
        state.undo(other);
        steps.pop();
        continue;
      }
      this.#make(leaver, to, undefined, steps);
      return price;
    }
    return -1;
  }

  /** One other VM leaves for the place of a third, which leaves for a place that is free. */
  #giveWayDeep(leaver: Leaver, budget: number, steps: Step[]): number {
    const state = this.#state;
    const { cost } = state.model;
    const { vm, terms, finding } = leaver;
    const least = cost[this.#movers.at(0)] ?? Number.POSITIVE_INFINITY;
    let tried = 0;
    for (let rank = 0; rank < this.#movers.length; rank += 1) {
      const other = this.#movers.at(rank);
      const price = cost[other] ?? 0;
      if (price + least >= budget || tried >= MAX_TRIED_DEEP) return -1;
      if (!this.#makesRoom(other, vm, terms)) continue;
      tried += 1;
      const to = state.at[other] ?? -1;
      const more = this.#giveWay({ vm: other, terms, finding }, budget - price, steps);
      if (more < 0) continue;
      // Where the third went, it may be in the way.
      if (state.refusalWithout(vm, to, terms, [other]) !== 0) {
        for (const { vm: undone } of steps.splice(-2).toReversed()) state.undo(undone);
        continue;
      }
      const last = steps.length - 1;
      const made = steps[last];
      // The second of the two gave way for the VM that is placed here.
      if (made !== undefined) steps[last] = { ...made, makesRoomFor: vm };
      this.#make(leaver, to, undefined, steps);
      return price + more;
    }
    return -1;
  }

  /** Whether the VM could go where the other one is if that one were gone. */
  #makesRoom(other: number, vm: number, terms: Terms): boolean {
    const state = this.#state;
    const { width, need, held } = state.model;
    const to = state.at[other] ?? -1;
    if (to === state.at[vm] || state.closed[to] === 1) return false;
    for (let r = 0; r < width; r += 1) {
      const at = to * width + r;
      const wanted = need[vm * width + r] ?? 0;
      const load = (state.gross[at] ?? 0) - (held[other * width + r] ?? 0) + wanted;
      if (wanted > 0 && load > (terms.limit[at] ?? 0)) return false;
    }
    if (state.stuck(other, terms) !== 0) return false;
    return state.refusalWithout(vm, to, terms, [other]) === 0;
  }

  // oxlint-disable-next-line max-params -- a move, what it is for, and where it is noted
  #make(leaver: Leaver, to: number, makesRoomFor: number | undefined, steps: Step[]): void {
    this.#state.apply(leaver.vm, to);
    steps.push({ ...leaver, to, makesRoomFor });
  }
}
