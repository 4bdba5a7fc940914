/**
 * Follows the group rules: how many of each group are in each domain, and how far each rule is
 * broken. A move is tried by making it here; what it breaks is read afterwards, and it is taken
 * back by moving the items back in the opposite order. So one piece of code knows every kind of
 * rule, whatever the shape of the move.
 *
 * Rules are hard, or for sale (sale.ts): then each unit costs its rule's price.
 *
 * A group is counted once per partition that its rules name (a "tally"). Small groups by bin keep
 * no counts: their members are looked at, which saves tables of groups × bins.
 */

import { assertNever } from '../../domain/result.ts';
import { BINS, type GroupRule, type Problem } from './problem.ts';
import { SalePrices } from './sale-prices.ts';

/** Groups by bin up to this size are counted by looking at their members. */
const LOOK_AT_MEMBERS = 8;

interface Tally {
  readonly members: Int32Array;
  readonly domainOf: Int32Array | undefined;
  readonly counts: Uint16Array | undefined;
  /** Domains with at least one member. */
  used: number;
  /** In how many units all its rules are broken. */
  broken: number;
  /** Its rules by kind, with their index in `broken`; a depends rule is told to both tallies. */
  readonly apart: { readonly rule: number; readonly atMost: number }[];
  readonly together: number[];
  readonly spread: { readonly rule: number; readonly atLeast: number }[];
  readonly needs: { readonly rule: number; readonly on: Tally }[];
  readonly neededBy: { readonly rule: number; readonly by: Tally }[];
}

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

function domain(tally: Tally, bin: number): number {
  return bin < 0 || tally.domainOf === undefined ? bin : (tally.domainOf[bin] ?? -1);
}

function newTally(
  problem: Problem,
  { group, by }: { group: number; by: number },
  asked: boolean,
  domains: number,
): Tally {
  const members = problem.groups?.[group] ?? new Int32Array(0);
  const domainOf = by === BINS ? undefined : problem.partitions?.[by];
  const counted = asked || domainOf !== undefined || members.length > LOOK_AT_MEMBERS;
  return {
    members,
    domainOf,
    counts: counted ? new Uint16Array(domains) : undefined,
    used: 0,
    broken: 0,
    apart: [],
    together: [],
    spread: [],
    needs: [],
    neededBy: [],
  };
}

/** Returns the tallies that the rule speaks of. */
function addRule(
  rule: GroupRule,
  index: number,
  tally: (group: number, by: number, asked: boolean) => Tally,
): Tally[] {
  const own = tally(rule.group, rule.by, rule.kind === 'depends');
  switch (rule.kind) {
    case 'apart':
      own.apart.push({ rule: index, atMost: rule.atMost ?? 1 });
      return [own];
    case 'together':
      own.together.push(index);
      return [own];
    case 'spread':
      own.spread.push({ rule: index, atLeast: rule.atLeast });
      return [own];
    case 'depends': {
      if (rule.on === rule.group) return [own]; // met wherever its items are
      const on = tally(rule.on, rule.by, true);
      own.needs.push({ rule: index, on });
      on.neededBy.push({ rule: index, by: own });
      return [own, on];
    }
    default:
      return assertNever(rule, 'group rule');
  }
}
