// Role: translates a BtrPlace instance into the engine's numbers: VMs that run in the end are
// items, nodes are bins, shareable resources are resources. What needs no choice (who is stopped,
// which nodes change state, how much VMs are granted) is worked out here; the rest is the engine's.
//
// Meanings after btrplace/scheduler (org.btrplace.model.constraint): VMs and nodes that no
// constraint names stay as they are; `preserve` raises what a VM is granted to at least its amount;
// `among` keeps those who run in one part of the nodes (when continuous: in the one they are in);
// a node grants its capacity × its overbooking ratio, 1 unless said.
import { BINS, type GroupRule, type Problem } from '../../src/plan/reassign/problem.ts';
import {
  type BtrplaceConstraint,
  type BtrplaceDocument,
  type BtrplaceResource,
  resourcesOf,
} from './btrplace-document.ts';

export interface BtrplaceInstance {
  readonly problem: Problem;
  /** Ids of the items and of the bins. */
  readonly vms: readonly number[];
  readonly nodes: readonly number[];
  readonly resources: readonly BtrplaceResource[];
  /** Per item × resource: what it is granted at the start. */
  readonly granted: Float64Array;
  /** Of the rules, those that hold at every moment; the others hold in the end. */
  readonly always: ReadonlySet<GroupRule>;
  readonly stops: readonly { readonly vm: number; readonly node: number }[];
  readonly bootNodes: readonly number[];
  readonly stopNodes: readonly number[];
}

export function toInstance(document: BtrplaceDocument): BtrplaceInstance {
  return new Translation(document).instance();
}

type Of<Id extends BtrplaceConstraint['id']> = Extract<BtrplaceConstraint, { readonly id: Id }>;

class Translation {
  readonly #document: BtrplaceDocument;
  readonly #resources: readonly BtrplaceResource[];
  readonly #nodes: number[] = [];
  readonly #binOf = new Map<number, number>();
  readonly #vms: number[] = [];
  readonly #itemOf = new Map<number, number>();
  readonly #home: number[] = [];
  readonly #stops: { vm: number; node: number }[] = [];
  readonly #onAtStart = new Set<number>();
  readonly #onInEnd = new Set<number>();
  readonly #fixed = new Set<number>();
  readonly #sets = new NodeSets();
  /** Per item: the sets of nodes that it has to be in, and (negative) those it may not be in. */
  readonly #confined = new Map<number, number[]>();
  readonly #partitions: Int32Array[] = [];
  readonly #partitionOf = new Map<string, number>();
  readonly #groups: Int32Array[] = [];
  readonly #rules: GroupRule[] = [];
  readonly #always = new Set<GroupRule>();

  constructor(document: BtrplaceDocument) {
    this.#document = document;
    this.#resources = resourcesOf(document);
    this.#readNodes();
    this.#readVms();
    for (const constraint of document.constraints) this.#read(constraint);
  }

  instance(): BtrplaceInstance {
    const granted = this.#table(this.#vms, (resource, vm) => grantOf(resource, vm));
    return {
      problem: this.#problem(granted),
      vms: this.#vms,
      nodes: this.#nodes,
      resources: this.#resources,
      granted,
      always: this.#always,
      stops: this.#stops,
      bootNodes: this.#nodes.filter((node) => this.#onInEnd.has(node) && !this.#isOn(node)),
      stopNodes: this.#nodes.filter((node) => !this.#onInEnd.has(node) && this.#isOn(node)),
    };
  }

  #isOn(node: number): boolean {
    return this.#onAtStart.has(node);
  }

  #of<Id extends BtrplaceConstraint['id']>(id: Id): readonly Of<Id>[] {
    return this.#document.constraints.filter((one): one is Of<Id> => one.id === id);
  }

  #readNodes(): void {
    const { onlineNodes, offlineNodes } = this.#document.model.mapping;
    const online = Object.keys(onlineNodes).map(Number);
    for (const node of [...online, ...offlineNodes].sort((a, b) => a - b)) {
      this.#binOf.set(node, this.#nodes.push(node) - 1);
    }
    for (const node of online) this.#onAtStart.add(node);
    for (const node of online) this.#onInEnd.add(node);
    for (const { node } of this.#of('online')) this.#onInEnd.add(node);
    for (const { node } of this.#of('offline')) this.#onInEnd.delete(node);
  }

  #readVms(): void {
    const { onlineNodes, readyVMs } = this.#document.model.mapping;
    const where = new Map<number, number>();
    for (const [node, { runningVMs }] of Object.entries(onlineNodes)) {
      for (const vm of runningVMs) where.set(vm, Number(node));
    }
    const stopped = new Set(this.#of('ready').map(({ vm }) => vm));
    for (const [vm, node] of where) if (stopped.has(vm)) this.#stops.push({ vm, node });
    const ready = new Set(readyVMs);
    const booted = this.#of('running').filter(({ vm }) => ready.has(vm));
    const running = [...where.keys()].filter((vm) => !stopped.has(vm));
    const ids = new Set([...running, ...booted.map(({ vm }) => vm)]);
    for (const vm of [...ids].sort((a, b) => a - b)) {
      this.#itemOf.set(vm, this.#vms.push(vm) - 1);
      this.#home.push(this.#binOf.get(where.get(vm) ?? Number.NaN) ?? -1);
    }
  }

  #read(constraint: BtrplaceConstraint): void {
    switch (constraint.id) {
      case 'spread': {
        const group = this.#group(constraint.vms);
        this.#rule({ kind: 'apart', group, by: BINS }, constraint.continuous === true);
        return;
      }
      case 'among':
        this.#readAmong(constraint);
        return;
      case 'fence':
        this.#confine(constraint.vm, this.#sets.index(constraint.nodes));
        return;
      case 'ban':
        this.#confine(constraint.vm, -1 - this.#sets.index(constraint.nodes));
        return;
      case 'root':
        this.#fix(this.#itemOf.get(constraint.vm));
        return;
      case 'quarantine': {
        const bin = this.#binOf.get(constraint.node);
        for (const [item, home] of this.#home.entries()) if (home === bin) this.#fix(item);
        return;
      }
      case 'online':
      case 'offline':
      case 'running':
      case 'ready':
      case 'preserve':
      case 'overbook':
        return; // looked up where they matter
      case 'resourceCapacity':
        if (constraint.nodes.length > 1) {
          throw new TypeError('resourceCapacity over several nodes together is not supported');
        }
    }
  }

  #readAmong({ vms, parts, continuous }: Of<'among'>): void {
    const domain = this.#partition(parts);
    const items = vms.flatMap((vm) => this.#itemOf.get(vm) ?? []);
    const used = items.flatMap((item) => domain[this.#home[item] ?? -1] ?? []);
    const [first] = used;
    if (continuous === true && first !== undefined) {
      // Who runs has chosen for all.
      for (const vm of vms) this.#confine(vm, this.#sets.index(parts[first] ?? []));
      return;
    }
    for (const vm of vms) this.#confine(vm, this.#sets.index(parts.flat()));
    const by = this.#partitions.indexOf(domain);
    this.#rule({ kind: 'together', group: this.#group(vms), by }, false);
  }

  /** Per bin: its part; -1 in none. */
  #partition(parts: readonly (readonly number[])[]): Int32Array {
    const key = parts.map((nodes) => this.#sets.index(nodes)).join(' ');
    const known = this.#partitions[this.#partitionOf.get(key) ?? -1];
    if (known !== undefined) return known;
    const domain = new Int32Array(this.#nodes.length).fill(-1);
    for (const [index, nodes] of parts.entries()) {
      for (const node of nodes) domain[this.#binOf.get(node) ?? -1] = index;
    }
    this.#partitionOf.set(key, this.#partitions.push(domain) - 1);
    return domain;
  }

  #group(vms: readonly number[]): number {
    const items = vms.flatMap((vm) => this.#itemOf.get(vm) ?? []);
    return this.#groups.push(Int32Array.from(items)) - 1;
  }

  #rule(rule: GroupRule, always: boolean): void {
    this.#rules.push(rule);
    if (always) this.#always.add(rule);
  }

  #confine(vm: number, set: number): void {
    const item = this.#itemOf.get(vm);
    if (item === undefined) return;
    const sets = this.#confined.get(item);
    if (sets === undefined) this.#confined.set(item, [set]);
    else sets.push(set);
  }

  #fix(item: number | undefined): void {
    if (item !== undefined && (this.#home[item] ?? -1) >= 0) this.#fixed.add(item);
  }

  #problem(granted: Float64Array): Problem {
    const [items, bins] = [this.#vms.length, this.#nodes.length];
    const need = granted.slice();
    const width = this.#resources.length;
    for (const { vm, rc, amount } of this.#of('preserve')) {
      const r = this.#resources.findIndex(({ rcId }) => rcId === rc);
      const cell = (this.#itemOf.get(vm) ?? Number.NaN) * width + r;
      if (r >= 0 && cell >= 0) need[cell] = Math.max(need[cell] ?? 0, amount);
    }
    return {
      items,
      bins,
      resources: width,
      need,
      home: Int32Array.from(this.#home),
      fixed: Uint8Array.from({ length: items }, (_none, item) => Number(this.#fixed.has(item))),
      ...this.#classes(),
      capacity: this.#capacity(),
      soft: new Float64Array(bins * width).fill(Number.POSITIVE_INFINITY),
      softWeight: new Float64Array(bins * width),
      moveCost: Float64Array.from(this.#home, (home) => (home < 0 ? 0 : 1)),
      partitions: this.#partitions,
      groups: this.#groups,
      rules: this.#rules,
      penalty: 1 + items,
    };
  }

  #capacity(): Float64Array {
    const capacity = this.#table(
      this.#nodes,
      ({ nodes, defCapacity }, node) => nodes[node] ?? defCapacity,
    );
    const cellOf = (node: number | undefined, rc: string): number => {
      const r = this.#resources.findIndex(({ rcId }) => rcId === rc);
      const bin = this.#binOf.get(node ?? Number.NaN);
      return r < 0 || bin === undefined ? -1 : bin * this.#resources.length + r;
    };
    for (const { node, rc, ratio } of this.#of('overbook')) {
      const cell = cellOf(node, rc);
      if (cell >= 0) capacity[cell] = (capacity[cell] ?? 0) * ratio;
    }
    for (const { nodes, rc, amount } of this.#of('resourceCapacity')) {
      const cell = cellOf(nodes[0], rc);
      if (cell >= 0) capacity[cell] = Math.min(capacity[cell] ?? 0, amount);
    }
    return capacity;
  }

  /** Items with the same choice of nodes share a row. */
  #classes(): Pick<Problem, 'classOf' | 'allowed'> {
    const closed = new Set(this.#of('quarantine').map(({ node }) => node));
    const open = Uint8Array.from(this.#nodes, (node) =>
      Number(this.#onInEnd.has(node) && !closed.has(node)),
    );
    // Who is fixed is where it may be.
    const rows: (Uint8Array | undefined)[] = [open, undefined];
    const rowOf = new Map<string, number>([['', 0]]);
    const classOf = new Int32Array(this.#vms.length);
    for (const [item, sets] of this.#confined) {
      const key = [...new Set(sets)].sort((a, b) => a - b).join(' ');
      let row = rowOf.get(key);
      if (row === undefined) {
        row = rows.push(this.#row(open, new Set(sets))) - 1;
        rowOf.set(key, row);
      }
      classOf[item] = row;
    }
    for (const item of this.#fixed) classOf[item] = 1;
    return { classOf, allowed: rows };
  }

  #row(open: Uint8Array, sets: ReadonlySet<number>): Uint8Array {
    const row = open.slice();
    for (const set of sets) {
      const nodes = this.#sets.nodes(set < 0 ? -1 - set : set);
      const inside = new Set(nodes.map((node) => this.#binOf.get(node)));
      for (const bin of row.keys()) if (inside.has(bin) === set < 0) row[bin] = 0;
    }
    return row;
  }

  #table(
    ids: readonly number[],
    value: (resource: BtrplaceResource, id: number) => number,
  ): Float64Array {
    const width = this.#resources.length;
    const table = new Float64Array(ids.length * width);
    for (const [r, resource] of this.#resources.entries()) {
      for (const [index, id] of ids.entries()) table[index * width + r] = value(resource, id);
    }
    return table;
  }
}

/** What the VM is granted at the start. */
function grantOf({ vms, defConsumption }: BtrplaceResource, vm: number): number {
  return vms[vm] ?? defConsumption;
}

/** The same lists of nodes stand in thousands of constraints: each is kept once. */
class NodeSets {
  readonly #lists: (readonly number[])[] = [];
  readonly #byHash = new Map<number, number[]>();

  index(nodes: readonly number[]): number {
    let hash = nodes.length;
    for (const node of nodes) hash = (Math.imul(hash, 31) + node) | 0;
    const alike = this.#byHash.get(hash);
    const known = alike?.find((index) => equal(this.#lists[index] ?? [], nodes));
    if (known !== undefined) return known;
    const index = this.#lists.push(nodes) - 1;
    if (alike === undefined) this.#byHash.set(hash, [index]);
    else alike.push(index);
    return index;
  }

  nodes(index: number): readonly number[] {
    return this.#lists[index] ?? [];
  }
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((node, index) => node === b[index]);
}
