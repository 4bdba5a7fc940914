/**
 * The order of a plan's moves, and what each has to wait for. Most important first: tier, then
 * criticality, then deadline, then what frees the most risk soonest; a move that needs room which
 * another one frees comes after it and depends on it. VMs that Drover stands on come after all.
 *
 * Invariant: for every arrival, what is on the host at the start, plus all arrivals listed so far,
 * less the departures that it (transitively) waits for, is within the limits. So no order or
 * overlap that the dependencies allow ever overfills a host.
 */

import { TIERS } from '../domain/finding.ts';
import type { Cause, Draft } from './draft.ts';
import { importantFirst } from './important-first.ts';
import { isOwn } from './own-vms.ts';
import type { CompiledRule } from './rules/rule.ts';
import { spreadOrder } from './spread-order.ts';
import type { DraftMove, State } from './state.ts';

export interface OrderedMove extends DraftMove {
  readonly cause: Cause;
  /** Positions in the ordered list, ascending. */
  readonly dependsOn: readonly number[];
}

/** Sums of the same loads in another order differ by less than this, in cores or bytes. */
const ROUNDING = 1e-9;

/** What would have to wait for a VM that goes last is taken back, with all made after it. */
export function orderMoves(draft: Draft): readonly OrderedMove[] {
  for (;;) {
    const { model, moves: made } = draft.state;
    const last = (move: DraftMove): number => Number(isOwn(model, move.vm));
    const isWhole = (listed: readonly OrderedMove[]): boolean =>
      listed.length === made.length &&
      listed.every((one, i) => last(one) <= last(listed[i + 1] ?? one));
    const sorted = made.toSorted(comparator(draft));
    const byImportance = new Lister(draft).list(sorted);
    if (isWhole(byImportance)) return byImportance;
    // Importance alone came to a circle of waiting; the order of making is valid by construction.
    const asMade = new Lister(draft).list(made.toSorted((a, b) => last(a) - last(b)));
    if (isWhole(asMade)) {
      const ranks = new Map(sorted.map(({ vm }, place) => [vm, place]));
      const rankOf = ({ vm }: DraftMove): number => ranks.get(vm) ?? 0;
      return importantFirst(asMade, rankOf, (moves) => {
        const listed = new Lister(draft).list(moves);
        return isWhole(listed) ? listed : undefined;
      });
    }
    if (!made.some(last)) return asMade;
    takeBackFrom(draft, firstThatWaits(made, asMade, last));
  }
}

/** The first move, in the order of making, that is not listed before those that go last. */
function firstThatWaits(
  made: readonly DraftMove[],
  listed: readonly OrderedMove[],
  last: (move: DraftMove) => number,
): number {
  const ends = listed.findIndex((move) => last(move) === 1);
  const before = new Set(listed.slice(0, ends < 0 ? listed.length : ends).map(({ vm }) => vm));
  const waiting = made.findIndex((move) => last(move) === 0 && !before.has(move.vm));
  // One of those that go last waits for nobody else, by construction; it is taken back if it does.
  return waiting < 0 ? made.findIndex((move) => last(move) === 1) : waiting;
}

function takeBackFrom(draft: Draft, place: number): void {
  const { open, notes, state } = draft;
  const count = state.moves.length - place;
  draft.backTo({ moves: place, open, notes: notes.length });
  draft.notes.push(`${count} more would wait for what goes last: left for the next plan`);
}

function comparator(draft: Draft): (a: DraftMove, b: DraftMove) => number {
  const ranks = new Map(draft.state.moves.map((move) => [move.vm, rank(draft, move)]));
  return (a, b) => {
    const first = ranks.get(a.vm) ?? [];
    const second = ranks.get(b.vm) ?? [];
    for (const [index, value] of first.entries()) {
      const other = second[index] ?? 0;
      if (value !== other) return value < other ? -1 : 1;
    }
    return a.vm - b.vm;
  };
}

/** Smaller is earlier, part by part. */
function rank(draft: Draft, { vm, from }: DraftMove): readonly number[] {
  const { model } = draft.state;
  const cause = draft.causes.get(vm);
  // What makes room for a VM is as urgent as that VM; but for those that go last in any case.
  const served = servedBy(draft, vm);
  const asUrgentAs = isOwn(model, served) ? vm : served;
  const criticality = Math.min(model.criticality[vm] ?? 0, model.criticality[asUrgentAs] ?? 0);
  const capacity = model.capacity[from * model.width] ?? 0;
  const freed = capacity > 0 ? (model.held[vm * model.width] ?? 0) / capacity : 0;
  return [
    Number(isOwn(model, vm)),
    cause === undefined ? 0 : TIERS.indexOf(cause.finding.tier),
    criticality,
    cause?.finding.deadline ?? Number.POSITIVE_INFINITY,
    served === vm ? 1 : 0,
    -freed / (model.cost[vm] ?? 1),
  ];
}

/** The VM for whose sake this one moves in the end: itself, where it makes room for nobody. */
function servedBy(draft: Draft, vm: number): number {
  const next = draft.causes.get(vm)?.makesRoomFor;
  return next === undefined ? vm : servedBy(draft, next);
}

class Lister {
  readonly #draft: Draft;
  readonly #state: State;
  readonly #listed: OrderedMove[] = [];
  readonly #placeOf = new Map<number, number>();
  /** Everything that was ever on a host or has been listed to arrive. */
  readonly #gross: Float64Array;
  readonly #departures: number[][];
  /** By VM, in the order in which the moves were made. */
  readonly #target = new Map<number, DraftMove>();
  /** Per host, for what cannot wait and for the others: the most that one may fill it to. */
  readonly #limits = new Map<string, Float64Array>();
  readonly #makers = new Map<number, number[]>();
  /** Per rule that is to end spread: the VMs that move. */
  readonly #spreadOrders = new Map<CompiledRule, readonly number[]>();

  constructor(draft: Draft) {
    this.#draft = draft;
    this.#state = draft.state;
    const { model } = draft.state;
    this.#gross = model.gross.slice();
    this.#departures = model.hosts.map(() => []);
    for (const move of draft.state.moves) {
      this.#target.set(move.vm, move);
      this.#raiseLimit(move);
    }
    for (const [vm, { makesRoomFor }] of draft.causes) {
      if (makesRoomFor === undefined) continue;
      this.#makers.set(makesRoomFor, [...(this.#makers.get(makesRoomFor) ?? []), vm]);
    }
  }

  /** As many of the moves as can be listed, each as early as its room allows. */
  list(moves: readonly DraftMove[]): readonly OrderedMove[] {
    let waiting: DraftMove[] = [];
    for (const move of moves) {
      if (!this.#tryList(move)) waiting.push(move);
      else if (waiting.length > 0) waiting = this.#listAll(waiting);
    }
    return this.#listed;
  }

  /** After each that could be listed, the most important of the others is asked first again. */
  #listAll(waiting: readonly DraftMove[]): DraftMove[] {
    const left = [...waiting];
    for (let at = 0; at < left.length; at += 1) {
      const move = left[at];
      if (move === undefined || !this.#tryList(move)) continue;
      left.splice(at, 1);
      at = -1;
    }
    return left;
  }

  #tryList(move: DraftMove): boolean {
    const waits = this.#waitsFor(move);
    const cause = this.#draft.causes.get(move.vm);
    if (waits === undefined || cause === undefined) return false;
    const { width, need } = this.#state.model;
    const place = this.#listed.length;
    this.#listed.push({ ...move, cause, dependsOn: [...waits].sort((a, b) => a - b) });
    this.#placeOf.set(move.vm, place);
    this.#departures[move.from]?.push(place);
    for (let r = 0; r < width; r += 1) {
      const at = move.to * width + r;
      this.#gross[at] = (this.#gross[at] ?? 0) + (need[move.vm * width + r] ?? 0);
    }
    return true;
  }

  /** Places of the listed moves that have to end before this one; undefined: not possible yet. */
  #waitsFor(move: DraftMove): Set<number> | undefined {
    const waits = new Set<number>();
    const others = [...this.#inTheWay(move), ...this.#wentBefore(move)];
    for (const other of [...others, ...this.#makersOfRoom(move)]) {
      const place = this.#placeOf.get(other);
      if (place === undefined) return undefined;
      waits.add(place);
    }
    return this.#addDepartures(move, waits) ? waits : undefined;
  }

  /** Those who moved for the sake of this VM only: without its move theirs would be for nothing. */
  #makersOfRoom({ vm }: DraftMove): readonly number[] {
    return this.#makers.get(vm) ?? [];
  }

  /** Members of a rule who have to be gone from the target's domain before. */
  #inTheWay({ vm, to }: DraftMove): number[] {
    const found: number[] = [];
    for (const rule of this.#state.rules.hardOf[vm] ?? []) {
      if (rule.rule.kind !== 'anti-affinity' || rule.rule.hold !== 'always') continue;
      for (const member of rule.members) {
        const other = member === vm ? undefined : this.#target.get(member);
        if (other === undefined || !rule.collides(other.from, to)) continue;
        if (!rule.collides(other.to, to)) found.push(member);
      }
    }
    return found;
  }

  /**
   * Members of a group that is to end spread: each of its moves is judged with those before it
   * done, and gives a domain away that they have gained.
   */
  #wentBefore({ vm }: DraftMove): number[] {
    return (this.#state.rules.hardOf[vm] ?? []).flatMap((compiled) => {
      if (compiled.rule.kind !== 'spread' || compiled.rule.hold !== 'finally') return [];
      const moved = this.#spreadOrders.get(compiled) ?? this.#spreadOrder(compiled);
      return moved.slice(0, moved.indexOf(vm));
    });
  }

  #spreadOrder(compiled: CompiledRule): readonly number[] {
    const { model, moves } = this.#state;
    const members = new Set(compiled.members);
    // Nobody waits for one that goes last in any case, where another order is as good.
    const last = ({ vm }: DraftMove): number => Number(isOwn(model, vm));
    const made = moves.filter(({ vm }) => members.has(vm)).sort((a, b) => last(a) - last(b));
    const order = spreadOrder(compiled, made, model.home.slice());
    this.#spreadOrders.set(compiled, order);
    return order;
  }

  #addDepartures({ vm, to }: DraftMove, waits: Set<number>): boolean {
    const short = this.#shortage(vm, to);
    if (short.every((missing) => missing <= ROUNDING)) return true;
    const { width, held } = this.#state.model;
    for (const place of this.#departures[to] ?? []) {
      if (short.every((missing) => missing <= ROUNDING)) break;
      const leaver = this.#listed[place]?.vm ?? -1;
      const helps = short.some((missing, r) => missing > 0 && (held[leaver * width + r] ?? 0) > 0);
      if (!helps) continue;
      waits.add(place);
      for (const r of short.keys()) short[r] = (short[r] ?? 0) - (held[leaver * width + r] ?? 0);
    }
    return short.every((missing) => missing <= ROUNDING);
  }

  /** By how much the arrival would exceed the limits if nothing had left, per resource. */
  #shortage(vm: number, to: number): number[] {
    const { width, need } = this.#state.model;
    const limit = this.#limits.get(this.#limitKey(vm, to));
    return Array.from({ length: width }, (_none, r) => {
      const wanted = need[vm * width + r] ?? 0;
      const load = (this.#gross[to * width + r] ?? 0) + wanted;
      return wanted > 0 ? load - (limit?.[r] ?? 0) : 0;
    });
  }

  /**
   * Moves were chosen under the limits of their own finding, one after the other. Here they come in
   * another order, which ends at the same load: what one finding may fill a host to must neither
   * put it behind a lesser move nor leave that one without room after it.
   */
  #raiseLimit({ vm, to }: DraftMove): void {
    const own = this.#draft.causes.get(vm)?.terms.limit;
    const { width } = this.#state.model;
    const limit = this.#limits.get(this.#limitKey(vm, to)) ?? new Float64Array(width);
    for (let r = 0; r < width; r += 1) {
      limit[r] = Math.max(limit[r] ?? 0, own?.[to * width + r] ?? 0);
    }
    this.#limits.set(this.#limitKey(vm, to), limit);
  }

  #limitKey(vm: number, to: number): string {
    const { overCpu = false, overSoft = false } = this.#draft.causes.get(vm)?.terms ?? {};
    return `${overCpu} ${overSoft} ${to}`;
  }
}
