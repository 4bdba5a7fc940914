// Role: counts what is wrong with a plan for a BtrPlace instance. It plays the actions moment by
// moment over the instance's own JSON and shares no code with the reader, the translation or the
// engine; nothing that those believe is taken over.
//
// A violation is: an action that cannot be carried out where it stands; an arrival or a raised
// allocation that overfills a node at that moment (what migrates counts on both nodes until it has
// ended, on the target with what it is granted there); an arrival against a continuous constraint;
// a constraint that does not hold in the end; a written placement that is not the one the actions
// lead to.
import type {
  BtrplaceAction,
  BtrplaceConstraint,
  BtrplaceDocument,
  BtrplaceMapping,
  BtrplaceOutcome,
  BtrplaceResource,
} from './btrplace-document.ts';
import { type Scene, holds } from './btrplace-judge-constraints.ts';

export interface BtrplaceVerdict {
  /** In words; empty is a good plan. */
  readonly violations: readonly string[];
  readonly moves: number;
  /** VMs and nodes that are booted or shut down. */
  readonly bootsAndStops: number;
}

export function judgeBtrplace(
  document: BtrplaceDocument,
  outcome: BtrplaceOutcome,
): BtrplaceVerdict {
  const world = new World(document);
  world.play(outcome.actions);
  world.judgeEnd();
  world.compare(outcome.placement);
  const migrations = outcome.actions.filter(({ id }) => id === 'migrateVM').length;
  const allocations = outcome.actions.filter(({ id }) => id === 'allocate').length;
  const bootsAndStops = outcome.actions.length - migrations - allocations;
  return { violations: world.violations, moves: migrations, bootsAndStops };
}

class World {
  readonly violations: string[] = [];
  readonly #constraints: readonly BtrplaceConstraint[];
  readonly #resources: readonly BtrplaceResource[];
  readonly #online = new Set<number>();
  readonly #known = new Set<number>();
  /** Nodes that are being booted or shut down: nothing may be there. */
  readonly #switching = new Set<number>();
  readonly #sleeping = new Map<number, number>();
  readonly #ready = new Set<number>();
  /** Where a VM runs; a migrating one at its source. */
  readonly #where = new Map<number, number>();
  /** Who runs on a node, comes, or has not left it yet. */
  readonly #present = new Map<number, Set<number>>();
  readonly #busy = new Set<number>();
  readonly #origin: ReadonlyMap<number, number>;
  /** Per resource, per VM: what it is granted now. */
  readonly #granted = new Map<string, Map<number, number>>();
  /** Per resource, per VM: what it will be granted once its migration has ended. */
  readonly #promised = new Map<string, Map<number, number>>();
  readonly #quarantined = new Set<number>();
  /** By resource and node: how much more than it has a node may grant. */
  readonly #overbook = new Map<string, number>();
  /** By VM: the continuous constraints that name it. */
  readonly #watching = new Map<number, BtrplaceConstraint[]>();

  constructor(document: BtrplaceDocument) {
    const { mapping, views } = document.model;
    this.#constraints = document.constraints;
    this.#resources = views.filter((view): view is BtrplaceResource => 'rcId' in view);
    for (const [name, { runningVMs, sleepingVMs }] of Object.entries(mapping.onlineNodes)) {
      const node = Number(name);
      this.#online.add(node);
      this.#known.add(node);
      this.#present.set(node, new Set(runningVMs));
      for (const vm of runningVMs) this.#where.set(vm, node);
      for (const vm of sleepingVMs) this.#sleeping.set(vm, node);
    }
    for (const node of mapping.offlineNodes) this.#known.add(node);
    for (const vm of mapping.readyVMs) this.#ready.add(vm);
    this.#origin = new Map(this.#where);
    for (const { rcId } of this.#resources) {
      this.#granted.set(rcId, new Map());
      this.#promised.set(rcId, new Map());
    }
    for (const constraint of this.#constraints) {
      if (constraint.id === 'quarantine') this.#quarantined.add(constraint.node);
      if (constraint.id === 'overbook') {
        this.#overbook.set(`${constraint.rc}@${constraint.node}`, constraint.ratio);
      }
      if (constraint.continuous !== true) continue;
      const vms = 'vms' in constraint ? constraint.vms : 'vm' in constraint ? [constraint.vm] : [];
      for (const vm of vms) {
        const others = this.#watching.get(vm);
        if (others === undefined) this.#watching.set(vm, [constraint]);
        else others.push(constraint);
      }
    }
  }

  play(actions: readonly BtrplaceAction[]): void {
    const events = actions.flatMap((action) => {
      if (!(action.end > action.start)) this.#complain(`${action.id} that takes no time`);
      return [
        { at: action.start, ends: false, action },
        { at: action.end, ends: true, action },
      ];
    });
    events.sort((a, b) => a.at - b.at || Number(b.ends) - Number(a.ends));
    for (const { action, ends } of events) {
      if (ends) this.#end(action);
      else this.#start(action);
    }
  }

  #start(action: BtrplaceAction): void {
    switch (action.id) {
      case 'bootNode':
        this.#expect(
          this.#known.has(action.node) &&
            !this.#online.has(action.node) &&
            !this.#switching.has(action.node),
          `node ${action.node} is booted, but not off`,
        );
        this.#switching.add(action.node);
        return;
      case 'shutdownNode':
        this.#expect(
          this.#online.delete(action.node) && this.#guests(action.node).size === 0,
          `node ${action.node} is shut down with guests or while off`,
        );
        this.#switching.add(action.node);
        return;
      case 'bootVM':
        this.#take(action.vm);
        this.#expect(this.#ready.delete(action.vm), `VM ${action.vm} is booted, but not ready`);
        for (const { rc, vm, amount } of action.hooks.PRE) this.#granted.get(rc)?.set(vm, amount);
        this.#arrive(action.vm, action.to);
        return;
      case 'migrateVM':
        this.#take(action.vm);
        this.#expect(
          this.#where.get(action.vm) === action.from && action.from !== action.to,
          `VM ${action.vm} is moved from node ${action.from}, but is not there`,
        );
        for (const { rc, vm, amount } of action.hooks.POST) this.#promised.get(rc)?.set(vm, amount);
        this.#arrive(action.vm, action.to);
        return;
      case 'shutdownVM':
        this.#take(action.vm);
        this.#expect(
          this.#where.get(action.vm) === action.on,
          `VM ${action.vm} is shut down on node ${action.on}, but is not there`,
        );
        return;
      case 'allocate':
        this.#expect(
          this.#where.get(action.vm) === action.on && !this.#busy.has(action.vm),
          `VM ${action.vm} is allocated more on node ${action.on}, but is not there`,
        );
        this.#granted.get(action.rc)?.set(action.vm, action.amount);
        this.#judgeRoom(action.on, `allocation of VM ${action.vm}`);
    }
  }

  #end(action: BtrplaceAction): void {
    switch (action.id) {
      case 'bootNode':
        this.#switching.delete(action.node);
        this.#online.add(action.node);
        return;
      case 'shutdownNode':
        this.#switching.delete(action.node);
        return;
      case 'bootVM':
        this.#busy.delete(action.vm);
        this.#where.set(action.vm, action.to);
        return;
      case 'migrateVM':
        this.#busy.delete(action.vm);
        this.#where.set(action.vm, action.to);
        this.#guests(action.from).delete(action.vm);
        for (const { rc, vm, amount } of action.hooks.POST) this.#granted.get(rc)?.set(vm, amount);
        return;
      case 'shutdownVM':
        this.#busy.delete(action.vm);
        this.#where.delete(action.vm);
        this.#guests(action.on).delete(action.vm);
        this.#ready.add(action.vm);
        return;
      case 'allocate':
    }
  }

  /** One action at a time per VM. */
  #take(vm: number): void {
    this.#expect(!this.#busy.has(vm), `VM ${vm} has two actions at the same moment`);
    this.#busy.add(vm);
  }

  #arrive(vm: number, to: number): void {
    this.#expect(this.#online.has(to), `VM ${vm} arrives on node ${to}, which is off`);
    for (const constraint of this.#watching.get(vm) ?? []) this.#judgeArrival(constraint, vm, to);
    this.#expect(!this.#quarantined.has(to), `VM ${vm} into quarantined node ${to}`);
    this.#guests(to).add(vm);
    this.#judgeRoom(to, `arrival of VM ${vm}`);
  }

  #judgeArrival(constraint: BtrplaceConstraint, vm: number, to: number): void {
    if (constraint.id === 'spread') {
      const guests = this.#guests(to);
      const met = constraint.vms.find((other) => other !== vm && guests.has(other));
      this.#expect(met === undefined, `VM ${vm} meets VM ${met} on node ${to}: spread`);
    } else if (constraint.id === 'among') {
      const part = constraint.parts.find((nodes) => nodes.includes(to));
      const stay = constraint.vms.every((other) => {
        const node = other === vm ? to : this.#where.get(other);
        return node === undefined || (part?.includes(node) ?? false);
      });
      this.#expect(stay, `VM ${vm} leaves its part for node ${to}: among`);
    } else if (constraint.id === 'fence') {
      this.#expect(constraint.nodes.includes(to), `VM ${vm} on node ${to}: fence`);
    } else if (constraint.id === 'ban') {
      this.#expect(!constraint.nodes.includes(to), `VM ${vm} on node ${to}: ban`);
    } else if (constraint.id === 'root') {
      this.#expect(!this.#origin.has(vm), `VM ${vm} moves: root`);
    }
  }

  #judgeRoom(node: number, occasion: string): void {
    for (const resource of this.#resources) {
      const load = this.#load(node, resource);
      const room = this.#capacity(node, resource);
      const full = `${occasion}: ${resource.rcId} of node ${node} ${load} of ${room}`;
      this.#expect(load <= room, full);
    }
  }

  #load(node: number, { rcId }: BtrplaceResource): number {
    const promised = this.#promised.get(rcId);
    let load = 0;
    for (const vm of this.#guests(node)) {
      const now = this.#grantedNow(vm, rcId);
      load += this.#where.get(vm) === node ? now : Math.max(now, promised?.get(vm) ?? 0);
    }
    return load;
  }

  #grantedNow(vm: number, rc: string): number {
    const given = this.#granted.get(rc)?.get(vm);
    if (given !== undefined) return given;
    const resource = this.#resources.find(({ rcId }) => rcId === rc);
    return resource?.vms[vm] ?? resource?.defConsumption ?? 0;
  }

  #capacity(node: number, resource: BtrplaceResource): number {
    const ratio = this.#overbook.get(`${resource.rcId}@${node}`) ?? 1;
    return ratio * (resource.nodes[node] ?? resource.defCapacity);
  }

  judgeEnd(): void {
    for (const node of this.#online) {
      if (this.#present.has(node)) this.#judgeRoom(node, 'in the end');
    }
    const scene: Scene = {
      isOn: (node) => this.#online.has(node),
      isOff: (node) => this.#known.has(node) && !this.#online.has(node),
      isReady: (vm) => this.#ready.has(vm),
      nodeOf: (vm) => this.#where.get(vm),
      origin: this.#origin,
      granted: (vm, rc) => this.#grantedNow(vm, rc),
      guestsOf: (node) => this.#guests(node),
    };
    for (const constraint of this.#constraints) {
      if (!holds(constraint, scene)) this.#complain(`in the end: ${describe(constraint)}`);
    }
  }

  /** Of what was written, all that is not so. */
  compare(written: BtrplaceMapping): void {
    const seen = new Set<number>();
    for (const [name, { runningVMs, sleepingVMs }] of Object.entries(written.onlineNodes)) {
      this.#expect(this.#online.has(Number(name)), `written as on: node ${name}`);
      for (const vm of runningVMs) {
        this.#expect(this.#where.get(vm) === Number(name), `written elsewhere: VM ${vm}`);
        seen.add(vm);
      }
      for (const vm of sleepingVMs) {
        this.#expect(this.#sleeping.get(vm) === Number(name), `written as asleep: VM ${vm}`);
      }
    }
    this.#expect(seen.size === this.#where.size, 'written: not all that run, or one twice');
    this.#expect(
      Object.keys(written.onlineNodes).length === this.#online.size &&
        written.offlineNodes.length === this.#known.size - this.#online.size &&
        written.offlineNodes.every((node) => !this.#online.has(node)),
      'written: other nodes are on or off',
    );
    this.#expect(
      written.readyVMs.length === this.#ready.size &&
        written.readyVMs.every((vm) => this.#ready.has(vm)),
      'written: other VMs are ready',
    );
  }

  #guests(node: number): Set<number> {
    const known = this.#present.get(node);
    if (known !== undefined) return known;
    const none = new Set<number>();
    this.#present.set(node, none);
    return none;
  }

  #expect(holds: boolean, complaint: string): void {
    if (!holds) this.#complain(complaint);
  }

  #complain(complaint: string): void {
    this.violations.push(complaint);
  }
}

/** Short: an `among` names thousands of nodes. */
function describe(constraint: BtrplaceConstraint): string {
  return JSON.stringify(constraint).slice(0, 120);
}
