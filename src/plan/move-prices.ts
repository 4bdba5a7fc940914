/**
 * What moves cost beyond what their VMs say (domain/move-costs.ts has the formula). The search
 * reckons with `model.cost`, the least that any move of a VM can cost, which keeps its bounds true;
 * here is what a given path adds to that, and what the first move of a group does. Most fleets have
 * no such prices: then there is none of this, and nothing is asked.
 */

import { bytesOf, copiedDisks } from '../domain/disks.ts';
import type { Host } from '../domain/host.ts';
import type { MovePrice, PathPrice } from '../domain/move-costs.ts';
import { own } from '../domain/own.ts';
import type { Vm } from '../domain/vm.ts';
import type { Model } from './model.ts';
import type { PlanRequest } from './request.ts';

interface Path {
  readonly factor: number;
  readonly origin: string | undefined;
}

const PLAIN: Path = { factor: 1, origin: undefined };

/** What of a model prices are made from. */
export type Priced = Pick<Model, 'hosts' | 'vms' | 'home' | 'vmIndex' | 'hostIndex'>;

/** Undefined: every move costs what its VM says. Lowers `cost` to the least of any path. */
export function pricesOf(
  model: Priced,
  cost: Float64Array,
  { snapshot, weights, migration }: Pick<PlanRequest, 'snapshot' | 'weights' | 'migration'>,
): MovePrices | undefined {
  const { groups = [], paths = [] } = snapshot.moveCosts ?? {};
  const copies = migration.methods.includes('storage') && model.vms.some(hasDisks);
  if (groups.length === 0 && paths.length === 0 && !copies) return undefined;
  const perMove = weights.perMoveBytes;
  return new MovePrices(model, cost, { groups, paths, copies, perMove });
}

function hasDisks({ disks }: Vm): boolean {
  return disks.length > 0;
}

interface PriceList {
  readonly groups: NonNullable<PlanRequest['snapshot']['moveCosts']>['groups'];
  readonly paths: readonly PathPrice[];
  /** Whether moves may copy disks. */
  readonly copies: boolean;
  readonly perMove: number;
}

export class MovePrices {
  /** Per group, in bytes. */
  readonly groupBytes: Float64Array;
  /** Per VM: its groups; undefined for the many that are in none. */
  readonly groupsOf: readonly (readonly number[] | undefined)[];
  readonly #model: Priced;
  readonly #list: PriceList;
  /** Per VM: what a byte of it counts; and the least that any move of it costs. */
  readonly #weight: Float64Array;
  readonly #least: Float64Array;
  /** Per host: hosts of one class have the same paths and reach the same storages. */
  readonly #classOf: Int32Array;
  readonly #samples: readonly Host[];
  /** Per pair of classes. */
  readonly #paths: readonly (readonly Path[])[];
  /** Per VM: what each class of hosts makes it copy; undefined: not asked yet. */
  readonly #copied: (Float64Array | undefined)[] = [];

  constructor(model: Priced, cost: Float64Array, list: PriceList) {
    this.#model = model;
    this.#list = list;
    this.groupBytes = Float64Array.from(list.groups, ({ bytes }) => bytes);
    this.groupsOf = groupsOf(model, list);
    const { classOf, samples, sizes } = classesOf(model, list);
    this.#classOf = classOf;
    this.#samples = samples;
    const matches = list.paths.map(matcher);
    this.#paths = samples.map((from) =>
      samples.map((to) => {
        const found = list.paths.find((_path, index) => matches[index]?.(from, to));
        return found === undefined ? PLAIN : { factor: found.factor, origin: found.origin };
      }),
    );
    const cheapest = this.#paths.map((row, from) =>
      Math.min(...row.flatMap(({ factor }, to) => (to === from && sizes[to] === 1 ? [] : factor))),
    );
    this.#weight = new Float64Array(cost.length);
    for (const [v, vm] of model.vms.entries()) {
      const known = vm.memoryBytes + list.perMove;
      this.#weight[v] = known > 0 ? (cost[v] ?? 0) / known : 0;
      const lowest = cheapest[classOf[model.home[v] ?? -1] ?? -1] ?? 1;
      const own = list.copies ? ownDiskBytes(vm) : 0;
      cost[v] = (known + own) * (this.#weight[v] ?? 0) * (lowest === Infinity ? 1 : lowest);
    }
    this.#least = cost;
  }

  /** In bytes, what the way to the host adds to the VM's least price; >= 0. */
  beyond(v: number, to: number): number {
    const path = this.#pathTo(v, to);
    const { memoryBytes = 0 } = this.#model.vms[v] ?? {};
    const all = memoryBytes + this.#list.perMove + this.#copiedTo(v, to);
    return Math.max(0, all * (this.#weight[v] ?? 0) * path.factor - (this.#least[v] ?? 0));
  }

  /** Undefined where neither path, disks nor groups have a part in it. */
  explain(v: number, to: number, touches: readonly number[]): MovePrice | undefined {
    const { factor, origin } = this.#pathTo(v, to);
    const diskBytes = this.#copiedTo(v, to);
    if (origin === undefined && diskBytes === 0 && touches.length === 0) return undefined;
    const groups = touches.flatMap((index) => {
      const group = this.#list.groups[index];
      return group === undefined ? [] : [{ origin: group.origin, bytes: group.bytes }];
    });
    const touched = groups.reduce((sum, { bytes }) => sum + bytes, 0);
    const bytes = (this.#least[v] ?? 0) + this.beyond(v, to) + touched;
    return { bytes, diskBytes, factor, path: origin, groups };
  }

  #pathTo(v: number, to: number): Path {
    const from = this.#classOf[this.#model.home[v] ?? -1] ?? -1;
    return this.#paths[from]?.[this.#classOf[to] ?? -1] ?? PLAIN;
  }

  #copiedTo(v: number, to: number): number {
    const vm = this.#model.vms[v];
    if (!this.#list.copies || vm === undefined || !hasDisks(vm)) return 0;
    const known = (this.#copied[v] ??= Float64Array.from(this.#samples, (host) =>
      copiedBytes(vm, host),
    ));
    return known[this.#classOf[to] ?? -1] ?? 0;
  }
}

/** Of a group the first move pays: counts who of each is moved. */
export class TouchedGroups {
  readonly #prices: MovePrices;
  readonly #moved: Int32Array;

  constructor(prices: MovePrices) {
    this.#prices = prices;
    this.#moved = new Int32Array(prices.groupBytes.length);
  }

  /** Tells that the VM is moved (1), or that this is taken back (-1). */
  count(v: number, sign: 1 | -1): void {
    for (const group of this.#prices.groupsOf[v] ?? []) {
      this.#moved[group] = (this.#moved[group] ?? 0) + sign;
    }
  }

  /** The groups of the VM of which nobody is moved so far. */
  untouched(v: number): readonly number[] {
    return (this.#prices.groupsOf[v] ?? []).filter((group) => this.#moved[group] === 0);
  }

  /** In bytes: what a move of the VM, which is not moved, has to pay for them. */
  due(v: number): number {
    let sum = 0;
    for (const group of this.#prices.groupsOf[v] ?? []) {
      if (this.#moved[group] === 0) sum += this.#prices.groupBytes[group] ?? 0;
    }
    return sum;
  }
}

function groupsOf({ vms, vmIndex }: Priced, { groups }: PriceList): (number[] | undefined)[] {
  const found: (number[] | undefined)[] = Array.from({ length: vms.length });
  for (const [group, one] of groups.entries()) {
    for (const id of new Set(one.vms)) {
      const v = vmIndex.get(id);
      if (v !== undefined) (found[v] ??= []).push(group);
    }
  }
  return found;
}

/** Hosts that no path and no storage tells apart. */
function classesOf({ hosts }: Priced, { paths, copies }: PriceList) {
  const sets = paths.flatMap((path) =>
    'across' in path ? [] : [new Set(path.from), new Set(path.to)],
  );
  const kinds = paths.flatMap((path) => ('across' in path ? [path.across] : []));
  const numbers = new Map<string, number>();
  const samples: Host[] = [];
  const sizes: number[] = [];
  const classOf = Int32Array.from(hosts, (host) => {
    const marks = sets.map((set) => (set.has(host.id) ? 1 : 0));
    const places = kinds.map((kind) => placeOf(host, kind));
    const key = JSON.stringify([marks, places, copies ? host.storages : []]);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    samples[number] ??= host;
    sizes[number] = (sizes[number] ?? 0) + 1;
    return number;
  });
  return { classOf, samples, sizes };
}

function matcher(path: PathPrice): (from: Host, to: Host) => boolean {
  if ('across' in path) {
    return (from, to) => {
      const [one, other] = [placeOf(from, path.across), placeOf(to, path.across)];
      return one === undefined || other === undefined || one !== other;
    };
  }
  const [sources, targets] = [new Set(path.from), new Set(path.to)];
  return (from, to) => sources.has(from.id) && targets.has(to.id);
}

/** Undefined: not known. */
function placeOf(host: Host, kind: string): string | undefined {
  if (kind === 'site') return host.site;
  if (kind === 'cluster') return host.cluster;
  return own(host.faultDomains, kind);
}

/** Nobody else sees them: they are copied wherever the VM goes. */
function ownDiskBytes({ disks }: Vm): number {
  return disks.reduce((sum, { shared, bytes }) => sum + (shared ? 0 : bytes), 0);
}

/** Of the disks that the host does not reach: they are copied, live or cold. */
function copiedBytes(vm: Vm, host: Host): number {
  return bytesOf(copiedDisks(vm, host, 'storage'));
}
