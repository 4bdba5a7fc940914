/**
 * What a plan changes: where each VM is, how full each host is, and which moves were made so far.
 * `apply` and `undo` cost O(resources + rules of the VM).
 *
 * Three loads per host. `gross`: everything that was ever there or arrives, departures not taken
 * off; while it stays within the limits, the moves are valid in any order and all at once.
 * `later`: after all moves of the plan so far have ended; what fits only there has to wait for
 * others (order.ts turns that into dependencies). `net`: after the moves in flight have ended too,
 * for which nothing can wait; it is what hosts will carry in the end.
 */

import type { MoveMethod } from '../domain/plan.ts';
import { GIB } from '../domain/units.ts';
import {
  BUDGET,
  COOL_DOWN,
  DISCONNECTED,
  IN_FLIGHT,
  PLANNED_ALREADY,
  NO_GAIN,
  OTHER_SOURCE,
  OWN_VM,
  PRESERVE,
  QUARANTINED,
  RESOURCE_UNKNOWN,
  SAME_HOST,
  STALE_METRICS,
  VCPUS,
} from './codes.ts';
import type { Allowed } from './allowed.ts';
import type { Compatibility } from './compat.ts';
import { Evenness } from './evenness.ts';
import { FITS, Judged } from './judged.ts';
import type { Model } from './model.ts';
import { TouchedGroups } from './move-prices.ts';
import { resourceCode } from './resource-words.ts';
import { RoomIndex } from './room.ts';
import type { RuleSet } from './rules.ts';
import type { CompiledRule, Outlook, Strain } from './rules/rule.ts';
import type { StorageSpace } from './storage-space.ts';

/** What holds for the moves of one tier. */
export interface Terms {
  readonly optional: boolean;
  /** What is kept for emergencies may be used. */
  readonly urgent: boolean;
  /** What yields at last is left alone all the same, since there may be another place. */
  readonly sparing?: true;
  /** Moved too recently counts against corrective and optional moves. */
  readonly restMatters: boolean;
  readonly compatibility: Compatibility;
  /** Per host and resource: what no arrival may exceed. */
  readonly limit: Float64Array;
  /** Optional, and worth more than the soft rules that it breaks: that was reckoned. */
  readonly mayStrain?: true;
  /** How much lower the limit of CPU is than the model's, at least, on any host that matters. */
  readonly cpuBelow?: number;
  /** What cannot wait: CPU limits nothing; soft resources do no sooner than all is given out. */
  readonly overCpu?: true;
  readonly overSoft?: true;
  /** Per host: 1 when going there does not serve the finding. */
  readonly useless?: Uint8Array;
}

/** Per host and resource; {@link State} says what each is. */
export interface Loads {
  readonly gross: Float64Array;
  readonly later: Float64Array;
  readonly net: Float64Array;
}

export interface DraftMove {
  readonly vm: number;
  readonly from: number;
  readonly to: number;
}

export class State {
  readonly model: Model;
  readonly rules: RuleSet;
  readonly at: Int32Array;
  readonly gross: Float64Array;
  readonly later: Float64Array;
  readonly net: Float64Array;
  readonly byRoom: RoomIndex;
  /** Of pairs of resources; undefined: the policy names none. */
  readonly evenness: Evenness | undefined;
  /** Per host: 1 when nothing may move in, beyond what the host's own state says. */
  readonly closed: Uint8Array;
  /** Per VM: 1 when the plan moves it: once at most, but for trial (level-glance.ts). */
  readonly moved: Uint8Array;
  /** In the order in which they were made: each is valid after those before it have ended. */
  readonly moves: DraftMove[] = [];
  /** Rules that are not asked while a whole group is being moved together. */
  readonly suspended = new Set<CompiledRule>();
  readonly judged: Judged;
  /** How many moves the plan may hold (limits.movesPerPlan), those left out that came first. */
  mostMoves = Number.POSITIVE_INFINITY;
  uncounted = 0;
  /** What the moves cost beyond `model.cost`, in bytes: of paths, and of groups once each. */
  beyond = 0;
  readonly #touched: TouchedGroups | undefined;
  /** What budgets, bans and breakers leave; undefined: nobody counts. */
  allowed: Allowed | undefined;
  /** The room for copies of disks; undefined: nobody counts. */
  space: StorageSpace | undefined;
  /** Per VM: 1 where Drover stands on it and nothing asks it to move; undefined: there is none. */
  keptOwn: Uint8Array | undefined;
  /** How often a VM × host pair was judged. */
  evaluated = 0;
  /** What going elsewhere does to the soft rules of the VM that was asked about last. */
  #strains: { readonly vm: number; readonly of: readonly Strain[] } | undefined;

  constructor(model: Model, rules: RuleSet) {
    this.model = model;
    this.rules = rules;
    this.#touched = model.prices && new TouchedGroups(model.prices);
    this.at = model.home.slice();
    this.gross = model.gross.slice();
    this.later = model.gross.slice();
    this.net = model.net.slice();
    this.byRoom = new RoomIndex(model, this.gross);
    this.evenness = Evenness.of(model);
    this.closed = new Uint8Array(model.hosts.length);
    this.judged = new Judged(model.hosts.length);
    this.moved = new Uint8Array(model.vms.length);
  }

  /**
   * How many VMs more stand against soft rules in the end when this one goes there; negative: it
   * mends some. 0 where the policy gives soft rules no weight.
   */
  strain(v: number, to: number): number {
    const rules = this.rules.softOf[v];
    if (rules === undefined || this.model.weights.softRules <= 0) return 0;
    if (this.#strains?.vm !== v) {
      this.#strains = { vm: v, of: rules.map((rule) => rule.strain(v, this.at)) };
    }
    let sum = 0;
    for (const strain of this.#strains.of) sum += strain(to);
    return sum;
  }

  /** Whether hosts differ for the VM in what else than room, so that it is worth asking. */
  isParticular(v: number): boolean {
    return this.rules.softOf[v] !== undefined || this.model.prices !== undefined;
  }

  /** What going there costs in terms of the objective beside the least that any move of it does. */
  burden(v: number, to: number): number {
    const { prices, weights } = this.model;
    const strain = this.strain(v, to);
    if (prices === undefined) return strain;
    const price = (weights.moveCost * prices.beyond(v, to)) / GIB;
    return weights.softRules * strain + price;
  }

  /** In bytes, what moving the VM adds for groups that no other one has touched. */
  due(v: number): number {
    if (this.#touched === undefined || this.moved[v] === 1) return 0;
    return this.#touched.due(v);
  }

  /** In bytes, what moving the VM there would cost now beyond `model.cost`. */
  extra(v: number, to: number): number {
    const { prices } = this.model;
    return prices === undefined ? 0 : prices.beyond(v, to) + this.due(v);
  }

  /** Why the VM may not move at all, whatever the target; 0: it may. */
  stuck(v: number, terms: Terms): number {
    return this.moved[v] === 1 ? PLANNED_ALREADY : this.stuckLater(v, terms);
  }

  /** The same once this plan was carried out. */
  stuckLater(v: number, terms: Terms): number {
    const { model } = this;
    if (model.inFlight[v] === 1) return IN_FLIGHT;
    if (this.keptOwn?.[v] === 1) return OWN_VM;
    if (terms.restMatters && model.resting[v] === 1) return COOL_DOWN;
    if (terms.optional && model.demandKnown[v] === 0) return STALE_METRICS;
    if (model.needUnknown?.[v] === 1) return RESOURCE_UNKNOWN;
    return this.allowed?.stuck(v, this.at[v] ?? -1, terms) ?? 0;
  }

  /** The first reason why the VM may not go to the host as things stand; 0: it may. */
  refusal(v: number, to: number, terms: Terms, outlook: Outlook): number {
    const judged = this.#judge(v, to, terms, outlook);
    const code = judged === 0 && this.isSpent(terms) ? BUDGET : judged;
    this.evaluated += 1;
    this.judged.note(v, to, code === 0 ? FITS : code);
    return code;
  }

  /** The same at any moment once `gone`, who were there, have left: the room of no other counts. */
  // oxlint-disable-next-line max-params -- the question of `refusal`, and who is gone
  refusalWithout(v: number, to: number, terms: Terms, gone: readonly number[]): number {
    for (const other of gone) this.#shed(other, to, 1);
    const code = this.refusal(v, to, terms, 'any-moment');
    for (const other of gone) this.#shed(other, to, -1);
    const beside = gone.filter((other) => this.moved[other] !== 1).length;
    return code === 0 && this.isSpent(terms, beside) ? BUDGET : code;
  }

  /** Whether the plan may hold no further move on such terms, after so many others. */
  isSpent(terms: Terms, beside = 0): boolean {
    if (terms.urgent) return false;
    const moves = this.moves.length + beside;
    return moves - this.uncounted >= this.mostMoves || moves >= (this.allowed?.total ?? Infinity);
  }

  /** Whether the VM could run on the host, leaving aside how full it is and who is there. */
  isReachable(v: number, to: number, terms: Terms): boolean {
    const { model } = this;
    if (this.closed[to] === 1 || to === this.at[v] || terms.useless?.[to] === 1) return false;
    if (terms.optional && model.hostMeasured[to] === 0) return false;
    if (this.notAllowed(v, to, terms) !== 0) return false;
    if ((model.vms[v]?.vcpus ?? 0) > (model.hosts[to]?.cpu.threads ?? 0)) return false;
    return terms.compatibility.way(v, to).code === 0;
  }

  #shed(v: number, h: number, sign: 1 | -1): void {
    const { width, held } = this.model;
    for (let r = 0; r < width; r += 1) {
      const at = h * width + r;
      this.gross[at] = (this.gross[at] ?? 0) - sign * (held[v * width + r] ?? 0);
    }
  }

  /** The first reason against it other than how full the host is; 0: there is none. */
  barrier(v: number, to: number, terms: Terms, outlook: Outlook): number {
    return this.#never(v, to) || this.#against(v, to, terms, outlook);
  }

  #judge(v: number, to: number, terms: Terms, outlook: Outlook): number {
    // What can never be comes before what is so at the moment: full, or not measured.
    return (
      this.#never(v, to) ||
      this.overflow(v, to, terms.limit, outlook) ||
      this.#against(v, to, terms, outlook) ||
      (this.space?.code(v, to) ?? 0)
    );
  }

  #never(v: number, to: number): number {
    if (this.at[v] === to) return SAME_HOST;
    const target = this.model.hosts[to];
    if (this.model.vms[v]?.source !== target?.source) return OTHER_SOURCE;
    if (this.closed[to] === 1) return QUARANTINED;
    return target?.connection === 'connected' ? 0 : DISCONNECTED;
  }

  /** What budgets, the reverse-move ban and breakers say; 0: nothing. */
  notAllowed(v: number, to: number, terms: Terms): number {
    return this.allowed?.code(v, this.at[v] ?? -1, to, terms) ?? 0;
  }

  #against(v: number, to: number, terms: Terms, outlook: Outlook): number {
    const kept = this.notAllowed(v, to, terms);
    if (kept !== 0) return kept;
    if (terms.optional && this.model.hostMeasured[to] === 0) return STALE_METRICS;
    const against = this.#ruleAgainst(v, to, terms, outlook);
    if (against !== undefined) return against.code;
    if (terms.useless?.[to] === 1) return NO_GAIN;
    if (terms.optional && terms.mayStrain !== true && this.strain(v, to) > 0) return NO_GAIN;
    if ((this.model.vms[v]?.vcpus ?? 0) > (this.model.hosts[to]?.cpu.threads ?? 0)) return VCPUS;
    return terms.compatibility.way(v, to).code;
  }

  /** The code of the first resource that would not fit; 0: all do. */
  overflow(v: number, to: number, limit: Float64Array, outlook: Outlook): number {
    const { width, need } = this.model;
    const load = outlook === 'any-moment' ? this.gross : this.later;
    for (let r = 0; r < width; r += 1) {
      const wanted = need[v * width + r] ?? 0;
      const carried = (load[to * width + r] ?? 0) + wanted;
      if (wanted > 0 && carried > (limit[to * width + r] ?? 0)) {
        return this.shortageCode(to, r, carried, limit);
      }
    }
    return 0;
  }

  /** The code that says what is short on the host when it would carry so much. */
  // oxlint-disable-next-line max-params -- a host, a resource, how much of it, and the limits
  shortageCode(h: number, resource: number, carried: number, limit: Float64Array): number {
    const at = h * this.model.width + resource;
    const kept = this.model.preserved[at] ?? 0;
    const most = limit[at] ?? 0;
    const isKept = kept > 0 && most === this.model.limit[at] && carried <= most + kept;
    return isKept ? PRESERVE : resourceCode(this.model, h, resource);
  }

  // oxlint-disable-next-line max-params -- the question of `refusal`
  #ruleAgainst(v: number, to: number, terms: Terms, outlook: Outlook): CompiledRule | undefined {
    const rules = this.rules.hardOf[v];
    if (rules === undefined) return undefined;
    return rules.find((rule) => {
      if (this.suspended.has(rule)) return rule.bars?.(to) === true;
      return this.isForbiddenBy(rule, v, to, terms, outlook);
    });
  }

  // oxlint-disable-next-line max-params -- the question of `refusal`, of one rule
  isForbiddenBy(rule: CompiledRule, v: number, to: number, terms: Terms, outlook: Outlook) {
    if (terms.urgent && yieldsTo(terms, rule)) return false;
    const from = this.at[v] ?? -1;
    if (rule.forbids(v, from, to, outlook, terms.overCpu)) return true;
    return terms.optional && rule.worsens?.(v, from, to) === true;
  }

  method(v: number, to: number, terms: Terms): MoveMethod | undefined {
    return terms.compatibility.way(v, to).method;
  }

  apply(v: number, to: number): void {
    const from = this.at[v] ?? -1;
    this.#pay(v, to, 1);
    this.moves.push({ vm: v, from, to });
    this.#shift(v, from, to, 1);
    this.at[v] = to;
    this.moved[v] = 1;
  }

  /** Takes the VM's move back. Only sound while no later move relies on it. */
  undo(v: number): void {
    let index = this.moves.length - 1;
    while (index >= 0 && this.moves[index]?.vm !== v) index -= 1;
    const move = this.moves[index];
    if (move === undefined) return;
    this.moves.splice(index, 1);
    this.#shift(v, move.from, move.to, -1);
    this.at[v] = move.from;
    this.moved[v] = move.from === this.model.home[v] ? 0 : 1;
    this.#pay(v, move.to, -1);
  }

  #pay(v: number, to: number, sign: 1 | -1): void {
    if (this.#touched === undefined) return;
    if (sign === -1) this.#touched.count(v, sign);
    this.beyond += sign * this.extra(v, to);
    if (sign === 1) this.#touched.count(v, sign);
  }

  /** The loads as they are; see {@link reset}. */
  loads(): Loads {
    return { gross: this.gross.slice(), later: this.later.slice(), net: this.net.slice() };
  }

  /**
   * Puts the loads back to the last digit, where all moves made since were undone: sums that went
   * up and down again may differ in it, and whether a VM just fits must not depend on what was
   * tried before.
   */
  reset({ gross, later, net }: Loads): void {
    this.gross.set(gross);
    this.later.set(later);
    this.net.set(net);
    for (const h of this.model.hosts.keys()) this.byRoom.update(h);
  }

  /** Load over capacity of one resource in the end. */
  utilisation(h: number, resource: number): number {
    const { width, capacity } = this.model;
    const room = capacity[h * width + resource] ?? 0;
    const load = this.net[h * width + resource] ?? 0;
    if (room > 0) return load / room;
    return load > 0 ? Number.POSITIVE_INFINITY : 0;
  }

  #shift(v: number, from: number, to: number, sign: 1 | -1): void {
    this.#strains = undefined;
    this.allowed?.count(from, to, sign);
    this.space?.count(v, to, sign);
    const { width, need, held } = this.model;
    const { gross, later, net } = this;
    // Who goes last leaves no room that anybody else could be given.
    const leavesRoom = this.keptOwn === undefined || this.model.vms[v]?.own === undefined;
    for (let r = 0; r < width; r += 1) {
      const arriving = sign * (need[v * width + r] ?? 0);
      const leaving = sign * (held[v * width + r] ?? 0);
      const [source, target] = [from * width + r, to * width + r];
      gross[target] = (gross[target] ?? 0) + arriving;
      later[target] = (later[target] ?? 0) + arriving;
      net[target] = (net[target] ?? 0) + arriving;
      if (leavesRoom) later[source] = (later[source] ?? 0) - leaving;
      net[source] = (net[source] ?? 0) - leaving;
    }
    this.byRoom.update(to);
    this.rules.hardOf[v]?.forEach((rule) => rule.count(v, from, to, sign));
    this.rules.softOf[v]?.forEach((rule) => rule.count(v, from, to, sign));
  }
}

function yieldsTo({ sparing }: Terms, { yields }: CompiledRule): boolean {
  return yields === 'readily' || (yields === 'at-last' && sparing !== true);
}
