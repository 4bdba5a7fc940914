/** A set of VMs that is to leave a host, placed one by one: whether they can, and what it costs. */

import type { Ejector, Leaver, Step } from './eject.ts';
import type { State } from './state.ts';
import { type Fit, findTarget } from './targets.ts';

/** Leavers of one host that are placed in every order where paths or groups are dear. */
const MOST_REORDERED = 3;

/** VMs that leave, with their targets, in an order in which they can. */
export interface Clearing {
  readonly moves: readonly Step[];
  readonly cost: number;
}

/** How targets are found: `pack` may have others give way, where there is an ejector. */
export interface Means {
  readonly fit: Fit;
  readonly ejector: Ejector | undefined;
}

/** Leavers placed one after the other on the state, the last one first to be taken back. */
export class Trial {
  readonly #state: State;
  readonly #means: Means;
  readonly #steps: Step[] = [];
  /** Per leaver: how many steps there were before it, and what all cost by then. */
  readonly #marks: { readonly steps: number; readonly cost: number }[] = [];
  #cost = 0;
  #below: number;
  #best: Clearing | undefined;

  constructor(state: State, means: Means, below: number) {
    this.#state = state;
    this.#means = means;
    this.#below = below;
  }

  get cost(): number {
    return this.#cost;
  }

  get depth(): number {
    return this.#marks.length;
  }

  /** What is of interest costs less. */
  get below(): number {
    return this.#below;
  }

  /** False: it finds no place at less than what is of interest; nothing was changed. */
  add(leaver: Leaver): boolean {
    const state = this.#state;
    const { fit, ejector } = this.#means;
    const { vm, terms } = leaver;
    const steps = this.#steps.length;
    const own = state.model.cost[vm] ?? 0;
    const beyond = state.beyond;
    const budget = this.#below - this.#cost - own;
    if (budget <= 0 || state.stuck(vm, terms) !== 0) return false;
    let extra = -1;
    if (ejector !== undefined) extra = ejector.place(leaver, budget, this.#steps);
    else {
      const to = findTarget(state, vm, terms, fit);
      if (to >= 0) {
        state.apply(vm, to);
        this.#steps.push({ ...leaver, to, makesRoomFor: undefined });
        extra = 0;
      }
    }
    if (extra < 0) return false;
    this.#marks.push({ steps, cost: this.#cost });
    this.#cost += own + extra + (state.beyond - beyond);
    return true;
  }

  /** Takes leavers back until this many are left. */
  cut(depth: number): void {
    while (this.#marks.length > depth) {
      const mark = this.#marks.pop();
      if (mark === undefined) return;
      while (this.#steps.length > mark.steps) this.#state.undo(this.#steps.pop()?.vm ?? -1);
      this.#cost = mark.cost;
    }
  }

  /** Notes what is placed now as the best so far, where it is. */
  keep(): void {
    if (this.#cost >= this.#below) return;
    this.#best = { moves: [...this.#steps], cost: this.#cost };
    this.#below = this.#cost;
  }

  /**
   * A few leavers, after the first `depth` that are placed, in whichever order costs the least: who
   * comes first takes the near place from another, for whom the long way may be dearer.
   */
  keepInAnyOrder(leavers: readonly Leaver[], depth: number): void {
    if (leavers.length > MOST_REORDERED) return;
    for (const order of ordersOf(leavers)) {
      this.cut(depth);
      if (order.every((leaver) => this.add(leaver))) this.keep();
    }
  }

  /** The best that was kept; the state is as it was at the beginning. */
  end(): Clearing | undefined {
    this.cut(0);
    return this.#best;
  }
}

function ordersOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((first, index) =>
    ordersOf(items.toSpliced(index, 1)).map((rest) => [first, ...rest]),
  );
}
