/**
 * Follows the group rules: how many of each group are in each domain (rule-tallies.ts), and how
 * far each rule is broken. Rules are hard, or for sale (sale.ts): then each unit costs its rule's
 * price.
 *
 * Most moves are judged without making them ({@link RuleCounts.judge}): a search judges many for
 * each that it makes. Where that cannot tell, since a hard rule is broken already, or two moves ask
 * each other's counts, the move is made here, what it breaks is read, and it is taken back by
 * moving the items back in the opposite order.
 */

import type { Problem } from './problem.ts';
import { RuleRelations } from './rule-relations.ts';
import { addRule, domain, newTally, type Tally } from './rule-tallies.ts';
import { SalePrices } from './sale-prices.ts';

const NONE: readonly Tally[] = [];

export class RuleCounts {
  /** Per rule: in how many units it is broken now. */
  readonly broken: Int32Array;
  /** The sum of `broken`. */
  total = 0;
  /** What is broken costs while rules are for sale; while they are hard: 0. */
  cost = 0;
  readonly #at: Int32Array;
  readonly #talliesOf: (Tally[] | undefined)[];
  /** Rules touched since {@link mark}, with what they were; only kept while some that are hard are
   *  broken. */
  readonly #touched: number[] = [];
  readonly #before: number[] = [];
  #totalBefore = 0;
  #costBefore = 0;
  /** Per rule. */
  readonly #prices: SalePrices;
  readonly #talliesUnder: readonly Tally[][];
  readonly #relations: RuleRelations;

  /** `at` is read, and written by {@link move} only. */
  constructor(problem: Problem, at: Int32Array) {
    const rules = problem.rules ?? [];
    this.#at = at;
    this.broken = new Int32Array(rules.length);
    this.#prices = new SalePrices(Float64Array.of(1), rules.length);
    const talliesUnder = rules.map((): Tally[] => []);
    this.#talliesUnder = talliesUnder;
    this.#talliesOf = Array.from({ length: problem.items });
    const tallies = new Map<string, Tally>();
    const domains = (problem.partitions ?? []).map((domainOf) =>
      domainOf.reduce((most, domain) => Math.max(most, domain + 1), 0),
    );
    // Tallies that ask each other are both counted, so that each sees the other's latest number.
    const tally = (group: number, by: number, asked: boolean): Tally => {
      const key = `${group}/${by}/${asked}`;
      const known = tallies.get(key);
      if (known !== undefined) return known;
      const made = newTally(problem, { group, by }, asked, domains[by] ?? problem.bins);
      tallies.set(key, made);
      return made;
    };
    rules.forEach((rule, index) => {
      talliesUnder[index] = addRule(rule, index, tally);
    });
    for (const each of tallies.values()) {
      for (const item of each.members) (this.#talliesOf[item] ??= []).push(each);
    }
    this.#relations = new RuleRelations(this.#talliesOf, tallies.values());
    const placed = at.slice();
    at.fill(-1);
    for (const each of tallies.values()) {
      for (const { rule, atLeast } of each.spread) this.#add(rule, atLeast);
    }
    for (let item = 0; item < problem.items; item += 1) this.move(item, placed[item] ?? -1);
  }

  /** True when no rule speaks of the item. */
  isFree(item: number): boolean {
    return this.#talliesOf[item] === undefined;
  }

  /** True when a rule that speaks of the item is broken, by whomever. */
  isBroken(item: number): boolean {
    if (this.total === 0) return false;
    for (const tally of this.#talliesOf[item] ?? NONE) if (tally.broken > 0) return true;
    return false;
  }

  get isForSale(): boolean {
    return this.#prices.isForSale;
  }

  /** From now on each unit costs so much, where it is not marked up; Infinity: rules are hard. */
  sell(price: number): void {
    this.#prices.sell(price);
    this.#recost();
  }

  /** Makes rules that are broken dearer by a factor, and others that were made dearer cheaper.
   *  Returns what that changes in {@link cost}. */
  markUp(dearer: number, cheaper: number): number {
    if (!this.isForSale) return 0;
    const before = this.cost;
    for (let rule = 0; rule < this.broken.length; rule += 1) {
      this.#prices.mark(rule, (this.broken[rule] ?? 0) > 0, dearer, cheaper);
    }
    this.#recost();
    return this.cost - before;
  }

  #recost(): void {
    this.cost = 0;
    if (!this.isForSale || this.total === 0) return;
    for (let rule = 0; rule < this.broken.length; rule += 1) {
      this.cost += (this.broken[rule] ?? 0) * (this.#prices.price[rule] ?? 0);
    }
  }

  /** From here on {@link change} and {@link worse} compare. */
  mark(): void {
    this.#totalBefore = this.total;
    this.#costBefore = this.cost;
    // Setting the length gives the array's memory back, even if it is 0 already: asked very often.
    if (this.#touched.length === 0) return;
    this.#touched.length = 0;
    this.#before.length = 0;
  }

  /** What has come about since {@link mark}: its price; of hard rules, Infinity if any is worse,
   *  or else what the penalty makes of it. */
  change(penalty: number): number {
    if (this.isForSale) return this.cost - this.#costBefore;
    return this.worse() ? Number.POSITIVE_INFINITY : penalty * (this.total - this.#totalBefore);
  }

  /** Since {@link mark}: is any rule broken further than it was? */
  worse(): boolean {
    if (this.total > this.#totalBefore) return true;
    if (this.#totalBefore === 0) return false;
    // Undoing touches rules again: the first entry of a rule tells what it was at the mark.
    const seen = new Set<number>();
    return this.#touched.some((rule, index) => {
      if (seen.has(rule)) return false;
      seen.add(rule);
      return (this.broken[rule] ?? 0) > (this.#before[index] ?? 0);
    });
  }

  /** Whether {@link judge} can tell of the item. */
  canJudge(item: number): boolean {
    return (this.isForSale || this.total === 0) && !this.#relations.isTangled(item);
  }

  /** Whether {@link judge} can tell of both as if the other stayed: no rule speaks of both. */
  canJudgeBoth(one: number, other: number): boolean {
    return this.canJudge(one) && this.canJudge(other) && !this.#relations.areRelated(one, other);
  }

  /** What a move would cost at the rules' prices; Infinity: it breaks one that is hard. */
  judge(item: number, to: number): number {
    const from = this.#at[item] ?? -1;
    let change = 0;
    for (const tally of this.#talliesOf[item] ?? NONE) {
      const left = domain(tally, from);
      const entered = domain(tally, to);
      if (left === entered) continue;
      change += this.#crossing(tally, left, entered);
      if (change === Number.POSITIVE_INFINITY) return change;
    }
    return change;
  }

  /** The same of one tally, of which one goes from one domain to another (-1: none). */
  #crossing(tally: Tally, left: number, entered: number): number {
    const { price } = this.#prices;
    const rest = left < 0 ? -1 : this.#count(tally, left) - 1;
    const there = entered < 0 ? -1 : this.#count(tally, entered);
    let change = 0;
    for (const { rule, atMost } of tally.apart) {
      if (rest >= atMost) change -= price[rule] ?? 0;
      if (there >= atMost) change += price[rule] ?? 0;
    }
    if (rest === 0) change -= this.#presence(tally, left);
    if (there === 0) change += this.#presence(tally, entered);
    return rest === 0 || there === 0 ? change + this.#using(tally, rest, there) : change;
  }

  /** What it costs in depends rules that there is one of the group in the domain, not none. */
  #presence({ needs, neededBy }: Tally, where: number): number {
    const { price } = this.#prices;
    let cost = 0;
    for (const { rule, on } of needs) if (this.#count(on, where) === 0) cost += price[rule] ?? 0;
    for (const { rule, by } of neededBy) if (this.#count(by, where) > 0) cost -= price[rule] ?? 0;
    return cost;
  }

  /** What it costs to use one domain less or more, when so many rest and are there. */
  #using({ used, together, spread }: Tally, rest: number, there: number): number {
    const { price } = this.#prices;
    const then = used - (rest === 0 ? 1 : 0) + (there === 0 ? 1 : 0);
    let cost = 0;
    for (const rule of together) {
      cost += priced(Math.max(0, then - 1) - Math.max(0, used - 1), price[rule] ?? 0);
    }
    for (const { rule, atLeast } of spread) {
      cost += priced(Math.max(0, atLeast - then) - Math.max(0, atLeast - used), price[rule] ?? 0);
    }
    return cost;
  }

  /** Moves the item, -1: into no bin. */
  move(item: number, to: number): void {
    const from = this.#at[item] ?? -1;
    const tallies = this.#talliesOf[item] ?? NONE;
    this.#at[item] = -1;
    for (const tally of tallies) {
      const [left, entered] = [domain(tally, from), domain(tally, to)];
      if (left === entered) continue;
      if (left >= 0) this.#leave(tally, left);
      if (entered >= 0) this.#enter(tally, entered);
    }
    this.#at[item] = to;
  }

  #leave(tally: Tally, left: number): void {
    if (tally.counts !== undefined) tally.counts[left] = (tally.counts[left] ?? 0) - 1;
    const rest = this.#count(tally, left);
    for (const { rule, atMost } of tally.apart) if (rest >= atMost) this.#add(rule, -1);
    if (rest > 0) return;
    tally.used -= 1;
    if (tally.used > 0) for (const rule of tally.together) this.#add(rule, -1);
    for (const { rule, atLeast } of tally.spread) if (tally.used < atLeast) this.#add(rule, 1);
    for (const { rule, on } of tally.needs) if (this.#count(on, left) === 0) this.#add(rule, -1);
    for (const { rule, by } of tally.neededBy) if (this.#count(by, left) > 0) this.#add(rule, 1);
  }

  #enter(tally: Tally, entered: number): void {
    const there = this.#count(tally, entered);
    if (tally.counts !== undefined) tally.counts[entered] = there + 1;
    for (const { rule, atMost } of tally.apart) if (there >= atMost) this.#add(rule, 1);
    if (there > 0) return;
    tally.used += 1;
    if (tally.used > 1) for (const rule of tally.together) this.#add(rule, 1);
    for (const { rule, atLeast } of tally.spread) if (tally.used <= atLeast) this.#add(rule, -1);
    for (const { rule, on } of tally.needs) if (this.#count(on, entered) === 0) this.#add(rule, 1);
    for (const { rule, by } of tally.neededBy) {
      if (this.#count(by, entered) > 0) this.#add(rule, -1);
    }
  }

  #count(tally: Tally, where: number): number {
    if (tally.counts !== undefined) return tally.counts[where] ?? 0;
    let count = 0;
    for (const member of tally.members) if (this.#at[member] === where) count += 1;
    return count;
  }

  #add(rule: number, change: number): void {
    const was = this.broken[rule] ?? 0;
    if (this.#totalBefore > 0 && !this.isForSale) {
      this.#touched.push(rule);
      this.#before.push(was);
    }
    this.broken[rule] = was + change;
    this.total += change;
    if (this.isForSale) this.cost += change * (this.#prices.price[rule] ?? 0);
    for (const tally of this.#talliesUnder[rule] ?? NONE) tally.broken += change;
  }
}

/** 0 units cost nothing, whatever the price. */
function priced(units: number, price: number): number {
  return units === 0 ? 0 : units * price;
}
