/**
 * Why a need cannot be met, with as few causes as possible: the smallest set of rules, limits and
 * facts that leaves a VM no target. Where even the room that all who can leave would make does not
 * help, the proof is certain; else it holds with everything else where the plan leaves it.
 *
 * It explains and never decides: it reads the state after the search and changes nothing.
 */

import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Proof, ProofCause } from '../domain/plan.ts';
import type { Refusal } from '../domain/refusal.ts';
import { codeName } from './codes.ts';
import { refusalsOf } from './explain.ts';
import { smallestCover } from './hitting-set.ts';
import { LASTING, OF_THE_HOST } from './lasting.ts';
import { listed } from '../domain/listed.ts';
import { PoolRoom, type Shortage, shortageText } from './pool-room.ts';
import { formatAmount } from './resource-words.ts';
import type { Setting } from './setting.ts';
import type { Terms } from './state.ts';

/** VMs of a host whose causes are told where nothing is certain. */
const VMS_TOLD = 3;

/** So many others that could move instead of a VM are asked whether they stay as well. */
const OTHERS_ASKED = 8;

/** Who could move instead of a VM, and the hosts that it could not go to. */
interface Others {
  readonly instead: readonly (readonly number[])[];
  readonly targets: readonly number[];
}

/** A host that is to get below a load. */
interface Crowded {
  readonly h: number;
  readonly resource: number;
  readonly below: number;
}

interface Stuck {
  readonly v: number;
  readonly certain: boolean;
  readonly causes: readonly ProofCause[];
  /** Where that is why: all hosts within its reach together have too little room for it. */
  readonly short: Shortage | undefined;
}

/** Makes the proofs of one plan; remembers what several of them ask. */
export class Prover {
  readonly #setting: Setting;
  /** Per limits, asked on demand: what cannot leave a host, in the resource's unit. */
  readonly #fixed = new Map<Terms['limit'], Map<string, number>>();
  #residents: ReadonlyMap<number, readonly number[]> | undefined;
  readonly #pools: PoolRoom;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#pools = new PoolRoom(setting.state);
  }

  /**
   * Why the VM stays: none of the targets takes it. With it stays the need, if all of one of the
   * sets `instead` stay as well. Undefined: one of the targets would take it.
   */
  // oxlint-disable-next-line max-params -- a VM, where to, on which terms, or who else
  vm(
    v: number,
    targets: readonly number[],
    terms: Terms,
    instead: readonly (readonly number[])[] = [[]],
  ): Proof | undefined {
    const stuck = this.#stuck(v, targets, terms);
    if (stuck === undefined) return undefined;
    const others = stuck.certain ? this.#alsoStuck(v, { instead, targets }, terms) : undefined;
    const certain = others !== undefined;
    const told = [stuck, ...(others ?? [])];
    const text = told.map((one) => this.#sentence(one, targets)).join('. ');
    return { certain, causes: told.flatMap((one) => one.causes), text: withDoubt(text, certain) };
  }

  /** The first of the sets of whom all stay for certain, wherever they could go. */
  #alsoStuck(v: number, { instead, targets }: Others, terms: Terms): readonly Stuck[] | undefined {
    const hosts = [...new Set([...targets, this.#setting.state.at[v] ?? -1])];
    let asked = 0;
    for (const set of instead) {
      const found: Stuck[] = [];
      for (const other of set) {
        asked += 1;
        const stuck = asked > OTHERS_ASKED ? undefined : this.#stuck(other, hosts, terms);
        if (!isCertain(stuck)) break;
        found.push(stuck);
      }
      if (found.length === set.length) return found;
    }
    return undefined;
  }

  /**
   * Why the host stays above `below`: not enough of what is on it can leave, or there is not
   * enough room on all the hosts that its VMs could reach; else why its largest VMs stay.
   */
  host(
    h: number,
    { resource, below }: { readonly resource: number; readonly below: number },
    terms: Terms,
  ): Proof | undefined {
    const { model, state } = this.#setting;
    const load = (v: number): number => model.held[v * model.width + resource] ?? 0;
    const residents = [...model.vms.keys()].filter((v) => state.at[v] === h && load(v) > 0);
    residents.sort((a, b) => load(b) - load(a) || a - b);
    const targets = [...model.hosts.keys()].filter((to) => to !== h);
    const excess = (state.net[h * model.width + resource] ?? 0) - below;
    if (excess <= 0) return undefined;
    const short = this.#roomShort({ h, resource, below }, terms);
    if (short !== undefined) return { certain: true, text: short, causes: [] };
    const bound = residents.filter(
      (v) => !this.#mayLeave(v, terms) || this.#pools.shortFor(v, terms) !== undefined,
    );
    const stuck = bound.flatMap((v) => this.#stuck(v, targets, terms) ?? []);
    const certain = this.#enoughStuck(h, { stuck, resource, excess });
    // One that is enough by itself would be the least to move; the smallest of them are told first.
    const enough = residents.filter((v) => load(v) >= excess).toReversed();
    const likely = [...enough, ...residents.filter((v) => load(v) < excess)].slice(0, VMS_TOLD);
    const told = certain ?? likely.flatMap((v) => this.#stuck(v, targets, terms) ?? []);
    if (told.length === 0) return undefined;
    const name = model.hosts[h]?.name ?? '';
    const head = `${name} has ${formatAmount(model, resource, excess)} more than it should`;
    const sentences = told.map((one) => this.#sentence(one, targets));
    const text = `${head}. ${sentences.join('. ')}`;
    return {
      certain: certain !== undefined,
      text: withDoubt(text, certain !== undefined),
      causes: told.flatMap(({ causes }) => causes),
    };
  }

  /**
   * The fewest VMs that can never leave without which the rest of the host is less than the
   * excess: the smallest are let go first (deletion filter). Undefined: enough can leave.
   */
  #enoughStuck(
    h: number,
    of: { readonly stuck: readonly Stuck[]; readonly resource: number; readonly excess: number },
  ): readonly Stuck[] | undefined {
    const { model, state } = this.#setting;
    const load = (v: number): number => model.held[v * model.width + of.resource] ?? 0;
    const certain = of.stuck.filter((one) => one.certain);
    const held = new Set(certain.map(({ v }) => v));
    let free = 0;
    for (const v of model.vms.keys()) if (state.at[v] === h && !held.has(v)) free += load(v);
    if (free >= of.excess) return undefined;
    const kept = [...certain];
    for (const one of certain.toReversed()) {
      if (free + load(one.v) >= of.excess) continue;
      free += load(one.v);
      kept.splice(kept.indexOf(one), 1);
    }
    return kept;
  }

  #stuck(v: number, targets: readonly number[], terms: Terms): Stuck | undefined {
    const { state, model } = this.#setting;
    const others = targets.filter((to) => to !== state.at[v]);
    const against = others.map((to) => refusalsOf(this.#setting, { v, to, terms }));
    const short = this.#pools.shortFor(v, terms);
    const lasting = against.map((all, i) =>
      all.filter((one) => {
        if (short !== undefined && OF_THE_HOST.has(one.code)) return true;
        return this.#lasts(one, v, others[i] ?? -1, terms);
      }),
    );
    const certain = lasting.every((all) => all.length > 0);
    // Where something lasting speaks against a host, what others could change is not needed.
    const used = against.map((all, i) => (lasting[i]?.length ? lasting[i] : all));
    const numbers = new Map<string, number>();
    const first: Refusal[] = [];
    const rulingOut = used.map((all) =>
      [...new Set(all.map((one) => numberOf(one, numbers, first)))].sort((a, b) => a - b),
    );
    const cover = smallestCover(rulingOut);
    const vm = model.vms[v];
    if (cover === undefined || vm === undefined) return undefined;
    const taken = new Set<number>();
    const causes = cover.flatMap((cause) => {
      const refusal = first[cause];
      const ruledOut = rulingOut.flatMap((all, i) => {
        if (taken.has(i) || !all.includes(cause)) return [];
        taken.add(i);
        return model.hosts[others[i] ?? -1]?.id ?? [];
      });
      if (refusal === undefined) return [];
      return [{ vm: vm.id, code: refusal.code, detail: refusal.detail, hosts: ruledOut }];
    });
    const isOfRoom = causes.some(({ code }) => OF_THE_HOST.has(code));
    return { v, certain, causes, short: isOfRoom ? short : undefined };
  }

  /** Whether the reason stays whatever else is moved. */
  #lasts({ code }: Refusal, v: number, to: number, terms: Terms): boolean {
    if (LASTING.has(code)) return true;
    if (code === 'storage-space') return this.#setting.state.space?.isHopeless(v, to) === true;
    const { width, need } = this.#setting.model;
    if (!OF_THE_HOST.has(code)) return false;
    const others = this.#othersTerms(terms);
    for (let r = 0; r < width; r += 1) {
      const wanted = need[v * width + r] ?? 0;
      const most = terms.limit[to * width + r] ?? 0;
      if (wanted > 0 && this.#fixedLoad(to, r, others) + wanted > most * (1 + 1e-9)) return true;
    }
    return false;
  }

  /** Of those who run: by the ways of who is to be started again nobody else goes anywhere. */
  #othersTerms(terms: Terms): Terms {
    if (terms.compatibility.ways !== 'restart') return terms;
    return { ...terms, compatibility: this.#setting.termsOf('mandatory').compatibility };
  }

  /**
   * What is on the host and cannot leave: its own use, and VMs that no other host could take. The
   * host's limit is lowered for the worst of those whose demand is unknown: who could leave gives
   * that back, so that there may be less than nothing.
   */
  #fixedLoad(h: number, r: number, terms: Terms): number {
    const found = this.#fixed.get(terms.limit) ?? new Map<string, number>();
    this.#fixed.set(terms.limit, found);
    const { optional, restMatters, urgent, overCpu } = terms;
    const ways = terms.compatibility.ways;
    const key = `${h} ${r} ${ways} ${optional} ${restMatters} ${urgent} ${overCpu}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    const { model, state } = this.#setting;
    const leavers = this.#residentsOf(h).filter((v) => this.#mayLeave(v, terms));
    const left = leavers.reduce(
      (load, v) => load - (model.held[v * model.width + r] ?? 0),
      model.net[h * model.width + r] ?? 0,
    );
    // What the plan brought there may be brought elsewhere by another one.
    const fixed = Math.max(0, Math.min(left, state.gross[h * model.width + r] ?? 0));
    const value = fixed - this.#keptFor(leavers, r);
    found.set(key, value);
    return value;
  }

  #residentsOf(h: number): readonly number[] {
    const { model } = this.#setting;
    this.#residents ??= Map.groupBy(model.vms.keys(), (v) => model.home[v] ?? -1);
    return this.#residents.get(h) ?? [];
  }

  /** By how much the limit of their host is lowered for what these VMs may use at the worst. */
  #keptFor(vms: readonly number[], r: number): number {
    const { need, held, width } = this.#setting.model;
    return vms.reduce((sum, v) => sum + (need[v * width + r] ?? 0) - (held[v * width + r] ?? 0), 0);
  }

  /** Whether any other host could take the VM, were it empty. Rather yes than no. */
  #mayLeave(v: number, terms: Terms): boolean {
    const { model, state } = this.#setting;
    if (model.inFlight[v] === 1 || model.needUnknown?.[v] === 1) return false;
    if (terms.restMatters && model.resting[v] === 1) return false;
    const home = model.home[v] ?? -1;
    return model.hosts.some(
      (_host, to) => to !== home && state.closed[to] !== 1 && this.#couldRun(v, to, terms),
    );
  }

  #couldRun(v: number, to: number, terms: Terms): boolean {
    const { model, state } = this.#setting;
    const { width, need } = model;
    const [vm, host] = [model.vms[v], model.hosts[to]];
    if (vm === undefined || host === undefined || vm.source !== host.source) return false;
    if (vm.vcpus > host.cpu.threads || terms.compatibility.way(v, to).code !== 0) return false;
    for (let r = 0; r < width; r += 1) {
      const wanted = need[v * width + r] ?? 0;
      const most = terms.limit[to * width + r] ?? 0;
      if (wanted > most && wanted > most + this.#keptFor(this.#residentsOf(to), r)) return false;
    }
    return !(state.rules.hardOf[v] ?? []).some(
      (rule) =>
        LASTING.has(codeName(rule.code)) && state.isForbiddenBy(rule, v, to, terms, 'in-the-end'),
    );
  }

  /**
   * All that has to leave this host, and the others that are to be relieved as well, is more than
   * there is room for on all the hosts that their VMs could ever come to, also by pushing others
   * on: load is only moved, never lost. Undefined: there is room, or too many hosts to ask.
   */
  #roomShort({ h, resource, below }: Crowded, terms: Terms): string | undefined {
    const { model, needs } = this.#setting;
    const pool = this.#pools.around(h, terms);
    if (pool === undefined) return undefined;
    const asked = new Map<number, number>();
    for (const one of needs.reliefs) {
      if (one.resource !== resource || !pool.has(one.host)) continue;
      // Of several the one that asks least: it has to be made in any case.
      asked.set(one.host, Math.max(one.below, asked.get(one.host) ?? 0));
    }
    asked.set(h, below);
    const most = (at: number): number => {
      const least = asked.get((at - resource) / model.width);
      return Math.min(terms.limit[at] ?? 0, least ?? Number.POSITIVE_INFINITY);
    };
    // One that is too full and not to be relieved may stay so.
    const excess = [...asked].reduce((sum, [to, least]) => {
      return sum + Math.max(0, (model.net[to * model.width + resource] ?? 0) - least);
    }, 0);
    const room = this.#pools.room(pool, resource, most);
    if (room >= excess * (1 - 1e-9)) return undefined;
    const also = asked.size > 1 ? ` and ${asked.size - 1} more` : '';
    const others = pool.size - asked.size;
    const hot = `${model.hosts[h]?.name ?? ''}${also}`;
    const leaves = `${formatAmount(model, resource, excess)} has to leave ${hot}`;
    if (others === 0) return `${leaves}; no other host is within reach of their VMs`;
    const many = others === 1 ? 'one other host' : `${others} other hosts`;
    const have = others === 1 ? 'has room for' : 'together have room for';
    return (
      `${leaves}; the ${many} within reach of their VMs, also by pushing others on, ` +
      `${have} ${formatAmount(model, resource, room)}`
    );
  }

  #sentence({ v, causes, short }: Stuck, targets: readonly number[]): string {
    const { model, state } = this.#setting;
    const home = model.hosts[state.at[v] ?? -1];
    const head = `${model.vms[v]?.name ?? ''} cannot leave ${home?.name ?? 'its host'}`;
    if (short !== undefined && targets.length > 0) return `${head}: ${shortageText(model, short)}`;
    const names = new Map(model.hosts.map((host) => [host.id, host.name]));
    const possible = targets.flatMap((to) => model.hosts[to] ?? []);
    const parts = grouped(causes).map(({ hosts, code, detail }) => {
      const figures = detail === '' ? '' : ` (${detail})`;
      return `${whereOf(hosts, possible, names)}${code}${figures}`;
    });
    const nowhere = targets.length === 0 ? 'there is no other host' : parts.join('; ');
    return `${head}: ${nowhere}`;
  }
}

function isCertain(stuck: Stuck | undefined): stuck is Stuck {
  return stuck?.certain === true;
}

function withDoubt(text: string, certain: boolean): string {
  return certain ? text : `${text} (no way was found to change that)`;
}

/** What is the same fact about many hosts is one cause; what is short on a host is of that host. */
function numberOf(refusal: Refusal, numbers: Map<string, number>, first: Refusal[]): number {
  const { code, detail, host } = refusal;
  const key = OF_THE_HOST.has(code) ? `${code} ${host}` : `${code} ${detail}`;
  const known = numbers.get(key);
  if (known !== undefined) return known;
  numbers.set(key, first.length);
  first.push(refusal);
  return first.length - 1;
}

/** Hosts that lack the same thing are named together, with what is needed of it. */
function grouped(causes: readonly ProofCause[]): readonly ProofCause[] {
  const groups = Map.groupBy(causes, (cause) => {
    return OF_THE_HOST.has(cause.code) ? cause.code : `${cause.code} ${cause.detail}`;
  });
  return [...groups.values()].flatMap((alike) => {
    const [first] = alike;
    if (first === undefined || alike.length === 1) return alike;
    const [needs = ''] = first.detail.split(',');
    return [{ ...first, detail: needs, hosts: alike.flatMap(({ hosts }) => hosts) }];
  });
}

/** "h2: " for the hosts that the cause rules out; nothing where that is all of them. */
function whereOf(
  hosts: readonly HostId[],
  targets: readonly Host[],
  names: ReadonlyMap<string, string>,
): string {
  if (hosts.length >= targets.length && targets.length > 1) return '';
  return `${listed(hosts.map((id) => names.get(id) ?? id))}: `;
}
