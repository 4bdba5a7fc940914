/**
 * What levelling evens out beside CPU where the policy gives it a weight: resources that it names
 * (their `imbalance`), and pairs that are of use together only (`weights.balance`). Each is one
 * figure per host, a share in use or the difference of two, and adds its weight, over that of
 * uneven load, × Σ over hosts of its squared distance from the common figure.
 */

import type { Weights } from '../domain/policy.ts';
import type { Model } from './model.ts';
import { type Figure, figureOf, loadFigure, pairsOf } from './pairs.ts';
import type { State } from './state.ts';

interface Form extends Figure {
  readonly weight: number;
  /** Per host: how far it is from the common figure. */
  readonly off: Float64Array;
  level: number;
  squares: number;
}

export class LevelForms {
  readonly #model: Model;
  readonly #forms: readonly Form[];

  /** Undefined where nothing but CPU and memory is to be level. */
  static of(state: State, weights: Weights, hosts: readonly number[]): LevelForms | undefined {
    const { model } = state;
    const { imbalance } = weights;
    if (imbalance <= 0) return undefined;
    const extras = model.extras.flatMap(({ imbalance: weight }, index) => {
      return weight > 0 ? [{ resource: model.firstExtra + index, less: -1, weight }] : [];
    });
    const pairs = pairsOf(model, weights).map((pair) => {
      return { ...pair, weight: pair.weight / imbalance };
    });
    const chosen = [...extras, ...pairs];
    return chosen.length === 0 ? undefined : new LevelForms(state, chosen, hosts);
  }

  private constructor(
    { model, net }: State,
    chosen: readonly Pick<Form, 'resource' | 'less' | 'weight'>[],
    hosts: readonly number[],
  ) {
    this.#model = model;
    this.#forms = chosen.map((one) => {
      const sum = hosts.reduce((all, h) => all + loadFigure(model, net, one, h), 0);
      const level = hosts.length > 0 ? sum / hosts.length : 0;
      return { ...one, level, squares: 0, off: new Float64Array(model.hosts.length) };
    });
  }

  /** The weighted squares of all hosts together. */
  get value(): number {
    return this.#forms.reduce((sum, { weight, squares }) => sum + weight * squares, 0);
  }

  /** To be called after every change of the host's load. */
  measure(h: number, load: Float64Array): void {
    for (const form of this.#forms) {
      const off = loadFigure(this.#model, load, form, h) - form.level;
      form.squares += off ** 2 - (form.off[h] ?? 0) ** 2;
      form.off[h] = off;
    }
  }

  /** How far off the host is in what is furthest. */
  furthest(h: number): number {
    return this.#forms.reduce((most, { off }) => Math.max(most, Math.abs(off[h] ?? 0)), 0);
  }

  /** Of the weighted squares of both hosts, what is gone when the VM goes from one to the other. */
  gain(v: number, from: number, to: number): number {
    const { need, width } = this.#model;
    const own = need.subarray(v * width, (v + 1) * width);
    let sum = 0;
    for (const form of this.#forms) {
      const leaves = figureOf(this.#model, own, form, from);
      const comes = figureOf(this.#model, own, form, to);
      const [source, target] = [form.off[from] ?? 0, form.off[to] ?? 0];
      sum += form.weight * (leaves * (2 * source - leaves) - comes * (2 * target + comes));
    }
    return sum;
  }
}
