/**
 * Whether an optional move is worth it: it has to lower the objective by more than it costs and
 * the margin. What is moved to mend a soft rule, or although it breaks one, is judged by this one
 * number, so that no two such moves ever undo each other in turn.
 */

import type { Draft, Cause } from './draft.ts';
import { ObjectiveTracker } from './objective.ts';
import { powersOf } from './power.ts';
import type { Setting } from './setting.ts';
import type { State, Terms } from './state.ts';
import { fillAfter } from './targets.ts';

/** Hosts of one VM for which the objective is reckoned: those with least burden, then most room. */
const RECKONED = 8;

/** What sums of the same loads in another order differ by is no gain. */
const ROUNDING = 1e-9;

export interface Choice {
  readonly vm: number;
  readonly to: number;
  /** By how much the objective is lowered, cost and margin taken off. */
  readonly gain: number;
}

export type Pairs = 'counted' | 'left-out';

export class Judge {
  readonly #state: State;
  readonly #tracker: ObjectiveTracker;
  readonly #margin: number;
  readonly #pairs: Pairs;

  /**
   * Judges from the setting's state as it stands; all further moves have to go through it.
   *
   * @param pairs whether the balance between resources counts: whom relief moves, it has no say in.
   */
  constructor(setting: Setting, pairs: Pairs) {
    this.#pairs = pairs;
    const { state, model, rules, request } = setting;
    this.#state = state;
    this.#tracker = new ObjectiveTracker(model, rules, { ...request, powers: powersOf(setting) });
    this.#margin = request.limits.gainMargin;
    for (const { vm, from, to } of state.moves) this.#tracker.move(vm, from, to);
  }

  /** The move of this VM to one of the hosts that gains most; undefined: none gains anything. */
  bestMove(vm: number, hosts: readonly number[], terms: Terms): Choice | undefined {
    const state = this.#state;
    if (state.stuck(vm, terms) !== 0) return undefined;
    const key = (h: number): number => state.burden(vm, h);
    const sorted = hosts.toSorted(
      (a, b) => key(a) - key(b) || fillAfter(state, vm, a) - fillAfter(state, vm, b) || a - b,
    );
    let best: Choice | undefined;
    let reckoned = 0;
    for (const to of sorted) {
      if (reckoned >= RECKONED) break;
      if (!this.#fits(vm, to, terms)) continue;
      reckoned += 1;
      const gain = this.#gain(vm, to);
      if (gain > Math.max(ROUNDING, best?.gain ?? 0)) best = { vm, to, gain };
    }
    return best;
  }

  move(draft: Draft, { vm, to }: Choice, cause: Cause): void {
    this.#tracker.move(vm, this.#state.at[vm] ?? -1, to);
    draft.move(vm, to, cause);
  }

  #fits(vm: number, to: number, terms: Terms): boolean {
    const state = this.#state;
    if (state.refusal(vm, to, terms, 'any-moment') === 0) return true;
    return state.refusal(vm, to, terms, 'in-the-end') === 0;
  }

  #gain(vm: number, to: number): number {
    const change = this.#tracker.look(vm, this.#state.at[vm] ?? -1, to);
    const { overload, imbalance, softRules, moveCost, power = 0 } = change;
    const balance = this.#pairs === 'counted' ? (change.balance ?? 0) : 0;
    return -(overload + imbalance + balance + softRules + power + moveCost * (1 + this.#margin));
  }
}
