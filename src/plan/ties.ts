/** What ties a VM that is to come to a host to those who are there: hard rules of both. */

import type { CompiledRule } from './rules/rule.ts';
import type { State } from './state.ts';

export class Ties {
  readonly #state: State;
  readonly #vm: number;
  readonly #host: number;

  constructor(state: State, vm: number, host: number) {
    this.#state = state;
    this.#vm = vm;
    this.#host = host;
  }

  /** Whether, once the VM has come, more stand against such a rule with the other one aside. */
  isCut(other: number, aside: number): boolean {
    const stays = this.#state.at[other] ?? -1;
    return this.#rulesOf(other).some(
      (rule) => this.#broken(rule, other, aside) > this.#broken(rule, other, stays),
    );
  }

  isCutAnywhere(other: number): boolean {
    if (this.#rulesOf(other).length === 0) return false;
    const { at, model } = this.#state;
    return [...model.hosts.keys()].every((h) => h === at[other] || this.isCut(other, h));
  }

  #rulesOf(other: number): readonly CompiledRule[] {
    const rules = this.#state.rules.hardOf[this.#vm] ?? [];
    return rules.filter(({ members }) => members.includes(other));
  }

  #broken(rule: CompiledRule, other: number, place: number): number {
    const at = this.#state.at.slice();
    at[this.#vm] = this.#host;
    at[other] = place;
    return rule.broken(at);
  }
}
