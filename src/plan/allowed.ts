/**
 * What budgets, the reverse-move ban and circuit breakers leave for this plan (domain/allowances),
 * in dense indexes, and how much of it the plan has used up. A plan stays within it move by move:
 * the gate counts in the same way.
 */

import { Allowances } from '../domain/allowances.ts';
import type { Host } from '../domain/host.ts';
import type { Vm } from '../domain/vm.ts';
import { sharedLinks } from '../domain/links.ts';
import { BREAKER, BUDGET, codeNumber, REVERSE_MOVE } from './codes.ts';
import type { Model } from './model.ts';
import type { PlanRequest } from './request.ts';

/** Whose terms decide: budgets do not bind what is mandatory. */
interface Asking {
  readonly urgent: boolean;
  readonly restMatters: boolean;
}

interface Left {
  /** Per index: further moves. */
  readonly most: Float64Array;
  /** Per index: the code that is told when there are none. */
  readonly code: Uint8Array;
}

/** What is counted under one name for each of many: hosts as sources, clusters, … */
interface Column {
  readonly urgent: Left;
  readonly other: Left;
  readonly used: Int32Array;
}

export class Allowed {
  /** As the snapshot stands: without what the plan has used up. */
  readonly allowances: Allowances;
  readonly #model: Model;
  readonly #out: Column;
  readonly #into: Column;
  readonly #cluster: Column;
  readonly #source: Column;
  /** Per host: its place in the columns of clusters and of sources; -1: it has none. */
  readonly #clusterOf: Int32Array;
  readonly #sourceOf: Int32Array;
  /** Per VM: the code with which it is kept where it is; 0: it is not. */
  readonly #urgentVm: Uint8Array;
  readonly #otherVm: Uint8Array;
  /** By VM × host. */
  readonly #pairs = new Map<number, number>();
  readonly #reverse = new Set<number>();
  readonly #links: ((from: Host, to: Host) => boolean) | undefined;
  readonly #linksUsed = new Map<string, number>();
  /** Moves that are not mandatory, while the hour's budget lasts; what is mandatory counts too. */
  readonly total: number;

  constructor({ snapshot, limits }: Pick<PlanRequest, 'snapshot' | 'limits'>, model: Model) {
    const allowances = new Allowances(snapshot, limits);
    const { hosts, vms } = model;
    this.allowances = allowances;
    this.#model = model;
    const clusters = [...new Set(hosts.map(({ cluster }) => cluster ?? ''))];
    const sources = [...new Set(hosts.map(({ source }) => source))];
    this.#clusterOf = Int32Array.from(hosts, (host) => clusters.indexOf(host.cluster ?? ''));
    this.#sourceOf = Int32Array.from(hosts, (host) => sources.indexOf(host.source));
    const column = (names: readonly string[]): Column => ({
      urgent: leftOf(names, (name) => allowances.under(name, 'mandatory')),
      other: leftOf(names, (name) => allowances.under(name, 'corrective')),
      used: new Int32Array(names.length),
    });
    this.#out = column(hosts.map(({ id }) => `out ${id}`));
    this.#into = column(hosts.map(({ id }) => `into ${id}`));
    this.#cluster = column(clusters.map((name) => (name === '' ? 'none' : `cluster ${name}`)));
    this.#source = column(sources.map((name) => `source ${name}`));
    this.total = allowances.under('all', 'corrective')?.most ?? Number.POSITIVE_INFINITY;
    this.#urgentVm = new Uint8Array(vms.length);
    this.#otherVm = new Uint8Array(vms.length);
    this.#readVms(snapshot);
    if (limits.budgets.movesPerLinkPerHour !== undefined) {
      this.#links = (from, to) => this.#areLinksFree(from, to);
    }
  }

  /** Why the VM may not leave, wherever it would go; 0: it may. */
  stuck(v: number, from: number, { urgent }: Asking): number {
    const kept = (urgent ? this.#urgentVm : this.#otherVm)[v] ?? 0;
    return kept === 0 ? spent(this.#out, from, urgent) : kept;
  }

  /** Why it may not go there; 0: it may. */
  code(v: number, from: number, to: number, asking: Asking): number {
    const { urgent } = asking;
    const first = this.stuck(v, from, asking) || spent(this.#into, to, urgent);
    if (first !== 0) return first;
    const pair = v * this.#model.hosts.length + to;
    const kept = this.#pairs.size === 0 ? 0 : (this.#pairs.get(pair) ?? 0);
    if (kept !== 0) return kept;
    if (asking.restMatters && this.#reverse.size > 0 && this.#reverse.has(pair)) {
      return REVERSE_MOVE;
    }
    return this.#wide(from, to, urgent);
  }

  count(from: number, to: number, sign: 1 | -1): void {
    add(this.#out.used, from, sign);
    add(this.#into.used, to, sign);
    const [here, there] = [this.#clusterOf[from] ?? -1, this.#clusterOf[to] ?? -1];
    add(this.#cluster.used, here, sign);
    if (there !== here) add(this.#cluster.used, there, sign);
    add(this.#source.used, this.#sourceOf[from] ?? -1, sign);
    if (this.#links === undefined) return;
    for (const name of this.#linkNames(from, to)) {
      this.#linksUsed.set(name, (this.#linksUsed.get(name) ?? 0) + sign);
    }
  }

  #wide(from: number, to: number, urgent: boolean): number {
    const here = this.#clusterOf[from] ?? -1;
    const there = this.#clusterOf[to] ?? -1;
    const code =
      spent(this.#cluster, here, urgent) ||
      spent(this.#cluster, there, urgent) ||
      spent(this.#source, this.#sourceOf[from] ?? -1, urgent);
    if (code !== 0 || urgent || this.#links === undefined) return code;
    const [source, target] = [this.#model.hosts[from], this.#model.hosts[to]];
    if (source === undefined || target === undefined) return 0;
    return this.#links(source, target) ? 0 : BUDGET;
  }

  #areLinksFree(from: Host, to: Host): boolean {
    return sharedLinks(from, to).every(({ name }) => {
      const left = this.allowances.under(`link ${name}`, 'corrective');
      return left === undefined || (this.#linksUsed.get(name) ?? 0) < left.most;
    });
  }

  #linkNames(from: number, to: number): readonly string[] {
    const [source, target] = [this.#model.hosts[from], this.#model.hosts[to]];
    if (source === undefined || target === undefined) return [];
    return sharedLinks(source, target).map(({ name }) => name);
  }

  /** A VM is moved once by a plan at most: only what is used up already matters. */
  #readVms(snapshot: PlanRequest['snapshot']): void {
    const { allowances } = this;
    const { vmIndex, hostIndex, hosts } = this.#model;
    const place = (vm: Vm['id'], host: Host['id']): number | undefined => {
      const [v, h] = [vmIndex.get(vm), hostIndex.get(host)];
      return v === undefined || h === undefined ? undefined : v * hosts.length + h;
    };
    for (const { vm, from } of snapshot.recentMoves ?? []) {
      const v = vmIndex.get(vm);
      const daily = allowances.under(`vm ${vm}`, 'corrective');
      if (v !== undefined && daily?.most === 0) this.#otherVm[v] = BUDGET;
      const back = place(vm, from);
      if (back !== undefined && allowances.reverse(vm, from) !== undefined) this.#reverse.add(back);
    }
    for (const { subject } of snapshot.breakers ?? []) {
      if (subject.kind !== 'pair' && subject.kind !== 'vm') continue;
      const way = subject.kind === 'vm' ? `vm ${subject.vm}` : `pair ${subject.vm} ${subject.to}`;
      if (allowances.under(way, 'mandatory')?.most !== 0) continue;
      const v = vmIndex.get(subject.vm);
      const at = subject.kind === 'pair' ? place(subject.vm, subject.to) : undefined;
      if (at !== undefined) this.#pairs.set(at, BREAKER);
      else if (v !== undefined && subject.kind === 'vm') {
        this.#urgentVm[v] = BREAKER;
        this.#otherVm[v] = BREAKER;
      }
    }
  }
}

function leftOf(
  names: readonly string[],
  allowance: (name: string) => ReturnType<Allowances['under']>,
): Left {
  const most = new Float64Array(names.length).fill(Number.POSITIVE_INFINITY);
  const code = new Uint8Array(names.length);
  for (const [index, name] of names.entries()) {
    const left = allowance(name);
    if (left === undefined) continue;
    most[index] = left.most;
    code[index] = codeNumber(left.code);
  }
  return { most, code };
}

function spent(column: Column, index: number, urgent: boolean): number {
  const { most, code } = urgent ? column.urgent : column.other;
  const left = most[index];
  return left === undefined || (column.used[index] ?? 0) < left ? 0 : (code[index] ?? 0);
}

function add(counts: Int32Array, index: number, by: number): void {
  if (index >= 0) counts[index] = (counts[index] ?? 0) + by;
}
