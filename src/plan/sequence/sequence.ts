/**
 * A final placement made into ordered steps that are valid at every moment: which of the moved
 * items goes when, and what it has to wait for. While an item moves, both bins carry it.
 *
 * Invariant: for every arrival, what is in the bin at the start, plus everything listed so far to
 * arrive there, less the departures it waits for, is within capacity; and it waits for all that
 * earlier arrivals wait for there. So no order or overlap that the dependencies allow ever
 * overfills a bin. Rules that keep items apart at every moment are kept the same way: wherever a
 * member has been counts until the step that takes it away has ended.
 *
 * Items that wait for each other in a circle are untied by parking: one of them goes somewhere
 * else first, and so moves twice.
 */

import { BINS, type GroupRule, type Problem } from '../reassign/problem.ts';

export interface Step {
  readonly item: number;
  /** -1: it was in no bin. */
  readonly from: number;
  readonly to: number;
  /** Positions in the list, ascending: all of them end before this one starts. */
  readonly dependsOn: readonly number[];
}

export interface Sequence {
  readonly steps: readonly Step[];
  /** Items for which no order was found; they stay where they are. */
  readonly stuck: readonly number[];
}

/** `always`: the rules that hold at every moment; the others are not looked at. */
export function sequence(
  problem: Problem,
  at: Int32Array,
  always: Iterable<GroupRule> = [],
): Sequence {
  return new Sequencer(problem, at, always).run();
}

/** Per step: the earliest moment it can start if each takes one moment and nothing else limits. */
export function momentsOf(steps: readonly Step[]): readonly number[] {
  const moments: number[] = [];
  for (const { dependsOn } of steps) {
    moments.push(dependsOn.reduce((last, place) => Math.max(last, (moments[place] ?? 0) + 1), 0));
  }
  return moments;
}

interface Apart {
  readonly members: readonly number[];
  readonly domainOf: Int32Array | undefined;
  readonly atMost: number;
}

/** Where an item was put, and the step that takes it away again; -1: none so far. */
interface Stay {
  readonly bin: number;
  left: number;
}

class Sequencer {
  readonly #problem: Problem;
  readonly #target: Int32Array;
  readonly #steps: Step[] = [];
  /** bins × R: everything that was ever there or is listed to arrive. */
  readonly #gross: Float64Array;
  /** Per bin: the listed steps out of it. */
  readonly #departures: number[][];
  /** Per bin: how many of them arrivals wait for, and (× R) what those give free. */
  readonly #awaited: Int32Array;
  readonly #freed: Float64Array;
  readonly #apartOf = new Map<number, Apart[]>();
  /** By item, of those that are watched by a rule or parked. */
  readonly #stays = new Map<number, Stay[]>();

  constructor(problem: Problem, at: Int32Array, always: Iterable<GroupRule>) {
    const { items, bins, resources, need, home, base } = problem;
    this.#problem = problem;
    this.#target = at;
    this.#gross = base?.slice() ?? new Float64Array(bins * resources);
    this.#departures = Array.from({ length: bins }, () => []);
    this.#awaited = new Int32Array(bins);
    this.#freed = new Float64Array(bins * resources);
    for (let item = 0; item < items; item += 1) {
      const bin = home[item] ?? -1;
      for (let r = 0; bin >= 0 && r < resources; r += 1) {
        add(this.#gross, bin * resources + r, need[item * resources + r] ?? 0);
      }
    }
    for (const rule of always) this.#watch(rule);
  }

  run(): Sequence {
    const { home } = this.#problem;
    let waiting: number[] = [];
    for (const [item, to] of this.#target.entries()) {
      if (to >= 0 && to !== (home[item] ?? -1)) waiting.push(item);
    }
    waiting = this.#listAll(waiting);
    while (waiting.length > 0 && this.#parkOne(waiting)) waiting = this.#listAll(waiting);
    return { steps: this.#steps, stuck: waiting };
  }

  #watch(rule: GroupRule): void {
    if (rule.kind !== 'apart') return;
    const apart = {
      members: [...(this.#problem.groups?.[rule.group] ?? [])],
      domainOf: rule.by === BINS ? undefined : this.#problem.partitions?.[rule.by],
      atMost: rule.atMost ?? 1,
    };
    for (const member of apart.members) {
      const rules = this.#apartOf.get(member);
      if (rules === undefined) this.#apartOf.set(member, [apart]);
      else rules.push(apart);
    }
  }

  /** What is left over is what nothing listed so far makes possible. */
  #listAll(items: readonly number[]): number[] {
    let left = [...items];
    for (;;) {
      const still = left.filter((item) => !this.#tryList(item, this.#target[item] ?? -1));
      if (still.length === left.length) return still;
      left = still;
    }
  }

  #tryList(item: number, to: number): boolean {
    const waits = this.#inTheWay(item, to);
    if (waits === undefined || !this.#makeWait(item, to, waits)) return false;
    const stays = this.#staysOf(item);
    const last = stays.at(-1);
    const own = last === undefined ? undefined : this.#steps.findLastIndex((s) => s.item === item);
    if (own !== undefined && own >= 0) waits.add(own);
    const place = this.#steps.length;
    const from = last?.bin ?? -1;
    this.#steps.push({ item, from, to, dependsOn: [...waits].sort((a, b) => a - b) });
    if (last !== undefined) last.left = place;
    if (from >= 0) this.#departures[from]?.push(place);
    this.#stays.set(item, [...stays, { bin: to, left: -1 }]);
    const { resources, need } = this.#problem;
    for (let r = 0; r < resources; r += 1) {
      add(this.#gross, to * resources + r, need[item * resources + r] ?? 0);
    }
    return true;
  }

  #staysOf(item: number): readonly Stay[] {
    const known = this.#stays.get(item);
    if (known !== undefined) return known;
    const home = this.#problem.home[item] ?? -1;
    const stays = home < 0 ? [] : [{ bin: home, left: -1 }];
    this.#stays.set(item, stays);
    return stays;
  }

  /** Steps that take others out of its way; undefined: somebody is there who does not leave yet. */
  #inTheWay(item: number, to: number): Set<number> | undefined {
    const waits = new Set<number>();
    for (const { members, domainOf, atMost } of this.#apartOf.get(item) ?? []) {
      const domain = domainOf?.[to] ?? to;
      if (domain < 0) continue;
      const met = members.flatMap((member) =>
        member === item
          ? []
          : this.#staysOf(member).filter(({ bin }) => (domainOf?.[bin] ?? bin) === domain),
      );
      let tooMany = met.length + 1 - atMost;
      for (const { left } of met) {
        if (tooMany <= 0) break;
        if (left < 0) continue;
        waits.add(left);
        tooMany -= 1;
      }
      if (tooMany > 0) return undefined;
    }
    return waits;
  }

  /** Adds the departures that make room; false: those listed so far do not. */
  #makeWait(item: number, to: number, waits: Set<number>): boolean {
    if (!this.#isShort(item, to, undefined)) return true;
    const { resources, need } = this.#problem;
    const departures = this.#departures[to] ?? [];
    let awaited = this.#awaited[to] ?? 0;
    const freed = this.#freed.slice(to * resources, (to + 1) * resources);
    while (this.#isShort(item, to, freed)) {
      const leaver = this.#steps[departures[awaited] ?? -1]?.item;
      if (leaver === undefined) return false;
      awaited += 1;
      for (let r = 0; r < resources; r += 1) add(freed, r, need[leaver * resources + r] ?? 0);
    }
    this.#awaited[to] = awaited;
    this.#freed.set(freed, to * resources);
    for (const place of departures.slice(0, awaited)) waits.add(place);
    return true;
  }

  #isShort(item: number, to: number, freed: Float64Array | undefined): boolean {
    const { resources, need, capacity } = this.#problem;
    for (let r = 0; r < resources; r += 1) {
      const wanted = need[item * resources + r] ?? 0;
      const load = (this.#gross[to * resources + r] ?? 0) + wanted - (freed?.[r] ?? 0);
      const whole = capacity[to * resources + r] ?? 0;
      if (wanted > 0 && load > whole + 1e-9 * whole) return true;
    }
    return false;
  }

  /** Sends the cheapest that has not been parked yet where there is room without waiting. */
  #parkOne(waiting: readonly number[]): boolean {
    const { moveCost, home } = this.#problem;
    const wanted = new Set(waiting.map((item) => this.#target[item] ?? -1));
    const parkable = waiting
      .filter((item) => this.#staysOf(item).length === 1 && wanted.has(home[item] ?? -1))
      .sort((a, b) => (moveCost[a] ?? 0) - (moveCost[b] ?? 0) || a - b);
    // Where nothing has to be waited for first: it frees its home at once.
    return (
      parkable.some((item) => this.#park(item, (bin) => this.#isOpen(item, bin))) ||
      parkable.some((item) => this.#park(item, () => true))
    );
  }

  #park(item: number, mayUse: (bin: number) => boolean): boolean {
    const { bins, home, allowed, classOf } = this.#problem;
    const row = allowed?.[classOf?.[item] ?? 0];
    for (let bin = 0; bin < bins; bin += 1) {
      if (bin === home[item] || bin === this.#target[item] || row?.[bin] === 0) continue;
      if (mayUse(bin) && this.#tryList(item, bin)) return true;
    }
    return false;
  }

  #isOpen(item: number, bin: number): boolean {
    return !this.#isShort(item, bin, undefined) && this.#inTheWay(item, bin)?.size === 0;
  }
}

function add(table: Float64Array, at: number, amount: number): void {
  table[at] = (table[at] ?? 0) + amount;
}
