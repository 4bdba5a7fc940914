/**
 * A simulated datacenter as its hypervisors present it: what can be asked of them and ordered. All
 * calls are synchronous and take no time; latency and lost answers are the adapter's business. The
 * world behind it (world.ts) catches up with the clock at every call.
 */

import { withHeld } from '../domain/held-memory.ts';
import { compareText, type HostId, type SourceId, type VmId } from '../domain/ids.ts';
import type { Refusal } from '../domain/refusal.ts';
import { inOneGo, mapInSlices, type Slices } from '../domain/slices.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { PowerState } from '../domain/vm.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  HostFacts,
  Inventory,
  Job,
  MoveOrder,
  Sighting,
  Steering,
  VmFacts,
} from '../ports/hypervisor.ts';
import type { Attempt, Reading } from '../ports/metric-source.ts';
import { buildFleet, type FleetOptions } from './build-fleet.ts';
import type { CallName, Fault, FaultOf, LastingFault } from './fault.ts';
import type { FleetSpec } from './fleet-spec.ts';
import { ACCEPTED, decline } from './migration-engine.ts';
import { diskBytesToCopy, isLocal, objectionsTo } from './objections.ts';
import { Truth } from './truth.ts';
import { World } from './world.ts';

/** A datacenter from a seed: the same options make the same one. */
export function buildDatacenter(options: FleetOptions, clock: Clock): SimulatedDatacenter {
  return new SimulatedDatacenter(buildFleet(options), clock);
}

/** VMs between two looks at the time. */
const SLICE = 500;

export class SimulatedDatacenter {
  readonly fleet: FleetSpec;
  readonly truth: Truth;
  readonly #world: World;

  constructor(fleet: FleetSpec, clock: Clock) {
    this.fleet = fleet;
    this.#world = new World(fleet, clock);
    this.truth = new Truth(this.#world);
  }

  get source(): SourceId {
    return this.#world.source;
  }

  /** When it came into being. */
  get startAt(): EpochSeconds {
    return this.#world.startAt;
  }

  /** The world's own time: begins as the clock's wall time and never jumps. */
  time(): EpochSeconds {
    return this.#world.time();
  }

  /** Lets a fault happen `inSeconds` from now; at once by default. */
  inject(fault: Fault, inSeconds = 0): void {
    this.#world.inject(fault, inSeconds);
  }

  /** Ends lasting faults of a kind, on one host or everywhere. A crashed host is booted. */
  heal(kind: LastingFault['kind'], host?: HostId): void {
    this.#world.heal(kind, host);
  }

  /** What the next call of that name will suffer; each use of a call fault counts. */
  takeCallFault(call: CallName): FaultOf<'call'> | undefined {
    this.time();
    return this.#world.board.takeCall(call);
  }

  hasHost(host: HostId): boolean {
    return this.#world.hosts.has(host);
  }

  hasVm(vm: VmId): boolean {
    return this.#world.vms.has(vm);
  }

  /** True when the hypervisor of that host answers. */
  isReachable(host: HostId): boolean {
    this.time();
    return this.#world.isReachable(host);
  }

  /** True when the host itself answers, whatever its hypervisor does. */
  answersProbe(host: HostId): boolean {
    this.time();
    return this.#world.host(host).powered;
  }

  /** True when the guest runs anywhere, and answers at its own address. */
  guestAnswers(vm: VmId): boolean {
    this.time();
    return this.#world.copies.runningOn(vm).length > 0;
  }

  /** What the host's power device says; undefined: it does not answer. */
  power(host: HostId): 'on' | 'off' | undefined {
    const now = this.time();
    if (!this.#world.board.hasPowerDevice(host, now)) return undefined;
    return this.#world.host(host).hasPower ? 'on' : 'off';
  }

  /** Switches the power of the host. Its guests die with it, and it boots when it comes back. */
  setPower(host: HostId, on: boolean): void {
    this.#world.setPower(host, on);
  }

  read(): Reading {
    return inOneGo(this.readInSlices());
  }

  readInSlices(): Slices<Reading> {
    return this.#world.meter.readInSlices(this.time());
  }

  inventory(): Inventory {
    return inOneGo(this.inventoryInSlices());
  }

  *inventoryInSlices(): Slices<Inventory> {
    const now = this.time();
    const problems: string[] = [];
    const hosts = [...this.#world.hosts.values()].map((host): HostFacts => {
      const facts = withHeld(host.facts, this.#world.heldBytes(host.facts.id));
      if (this.#world.isReachable(facts.id)) {
        return { ...facts, inMaintenanceMode: host.maintenance };
      }
      problems.push(`${facts.id}: no answer`);
      return { ...facts, connection: 'disconnected' };
    });
    const specs = [...this.#world.vms.values()];
    const shown = yield* mapInSlices(specs, SLICE, (spec) =>
      this.#shown(this.#world.factsOf(spec), now),
    );
    const vms = shown.flat();
    const storages = [...new Set(this.fleet.hosts.flatMap((host) => host.storages))]
      .toSorted(compareText)
      .map((id) => ({ ...this.#world.storages.shown(id), shared: !isLocal(id) }));
    const networks = [...new Set(this.fleet.hosts.flatMap((host) => host.networks))];
    return { hosts, vms, storages, networks: networks.toSorted(compareText), problems };
  }

  locate(vm: VmId): { readonly sightings: readonly Sighting[]; readonly blind: readonly HostId[] } {
    this.time();
    const blind = [...this.#world.hosts.keys()].filter((host) => !this.#world.isReachable(host));
    if (!this.#world.copies.has(vm)) return { sightings: [], blind };
    const sightings = this.#world.copies
      .of(vm)
      .filter(({ host }) => this.#world.isReachable(host))
      .map(({ host, copy }) => ({ host, ...copy }));
    return { sightings, blind };
  }

  /** The hypervisor's own opinion; `not-found` codes are the caller's business. */
  precheck(order: MoveOrder): readonly Refusal[] {
    const now = this.time();
    const spec = this.#world.vms.get(order.vm);
    if (spec === undefined) throw new RangeError(`no such guest: ${order.vm}`);
    const target = this.#world.host(order.to);
    return objectionsTo(order, {
      vm: this.#world.factsOf(spec),
      from: this.#world.host(order.from).facts,
      to: target.facts,
      isTargetUp: this.#world.isReachable(order.to),
      isTargetInMaintenance: target.maintenance,
      isLocked: this.#world.board.isLocked(order.vm, now),
      isRunningOnSource: this.#world.copies.get(order.vm, order.from)?.state === 'running',
      freeBytes: this.#world.freeBytes(order.to, order.vm),
      freeOn: (storage) => this.#world.storages.freeBytes(storage),
    });
  }

  startMove(order: MoveOrder): Attempt {
    const at = this.time();
    const spec = this.#world.vms.get(order.vm);
    if (spec === undefined) return decline('not-found', `no such guest: ${order.vm}`);
    for (const host of [order.from, order.to]) {
      if (!this.#world.hosts.has(host)) return decline('not-found', `no such host: ${host}`);
    }
    const running = this.#world.engine.run(order.vm);
    if (running !== undefined) {
      const { from, to } = running.order;
      if (from !== order.from || to !== order.to) {
        return decline('locked', `${order.vm} is being moved from ${from} to ${to}`);
      }
      this.#world.engine.resume(running, at);
      this.#world.changed();
      return ACCEPTED;
    }
    const declined = this.#declineStart(order);
    if (declined !== undefined) return declined;
    const load = {
      memoryBytes: spec.facts.memoryBytes * spec.touchedShare,
      workingSetBytes: spec.facts.memoryBytes * spec.workingSetShare,
      diskBytes: diskBytesToCopy(this.#world.factsOf(spec), this.#world.host(order.to).facts),
    };
    const { board } = this.#world;
    const refusal = board.isRefusing(order.to, at) ? 'setup' : undefined;
    this.#world.engine.start(order, load, at, {
      breaks: board.takeBreak(order.vm) ?? refusal,
      queueSeconds: board.queueSeconds(at),
    });
    this.#world.planRefresh();
    return ACCEPTED;
  }

  job(order: MoveOrder): Job {
    return this.#world.engine.job(order, this.time());
  }

  steer(order: MoveOrder, steering: Steering): Attempt {
    const attempt = this.#world.engine.steer(order, steering, this.time());
    this.#world.changed();
    return attempt;
  }

  abort(order: MoveOrder): Attempt {
    const at = this.time();
    if (!this.#world.copies.has(order.vm))
      return decline('not-found', `no such guest: ${order.vm}`);
    const attempt = this.#world.engine.abort(order, at);
    if (attempt.ok) this.#world.storages.remove(order.vm, order.to);
    this.#world.changed();
    return attempt;
  }

  commit({ vm, from, to, method }: MoveOrder): Attempt {
    const at = this.time();
    if (!this.#world.copies.has(vm)) return decline('not-found', `no such guest: ${vm}`);
    const { copies } = this.#world;
    const source = copies.get(vm, from);
    const target = copies.get(vm, to);
    if (target?.state !== 'running') return decline('refused', `${vm} does not run on ${to}`);
    if (source !== undefined && source.state !== 'defined') {
      return decline('refused', `${vm} is ${source.state} on ${from}`);
    }
    if (source === undefined && method !== 'restart') return ACCEPTED;
    copies.set(vm, to, { state: 'running', persistent: true }, at);
    // What a dead host holds is removed when it comes back.
    if (method === 'restart') return ACCEPTED;
    if (!this.#world.isReachable(from)) {
      return decline('unreachable', `${from} does not answer: it would start ${vm} when it boots`);
    }
    copies.set(vm, from, undefined, at);
    return ACCEPTED;
  }

  cleanUp({ vm, from, to, method, begunAs }: MoveOrder): Attempt {
    const at = this.time();
    if (!this.#world.copies.has(vm)) return decline('not-found', `no such guest: ${vm}`);
    if (this.#world.engine.run(vm) !== undefined) return decline('locked', `${vm} is being moved`);
    const target = this.#world.copies.get(vm, to);
    if (begunAs !== undefined && target?.state === 'defined') {
      return decline('refused', `${vm} may be defined on ${to} alone`);
    }
    this.#world.storages.remove(vm, to);
    if (target === undefined) return ACCEPTED;
    const isSafe = this.#world.copies.get(vm, from)?.state === 'running' || method === 'restart';
    if (!isSafe) {
      return decline('refused', `${vm} does not run on ${from}: ${to} may hold the only copy`);
    }
    if (target.state === 'running' || target.state === 'post-copy') {
      return decline('refused', `${vm} runs on ${to}`);
    }
    this.#world.copies.set(vm, to, undefined, at);
    return ACCEPTED;
  }

  setMaintenance(host: HostId, on: boolean): Attempt {
    this.time();
    const state = this.#world.hosts.get(host);
    if (state === undefined) return decline('not-found', `no such host: ${host}`);
    state.maintenance = on;
    return ACCEPTED;
  }

  /** Why the move can not be started, if so; guest and hosts are known, no move is under way. */
  #declineStart(order: MoveOrder): Attempt | undefined {
    const { vm, from, to, method } = order;
    const { copies } = this.#world;
    if (method === 'restart') {
      const [elsewhere] = copies.runningOn(vm).filter((host) => this.#world.isReachable(host));
      if (elsewhere !== undefined) return decline('refused', `${vm} runs on ${elsewhere}`);
    } else if (copies.get(vm, from)?.state !== 'running') {
      return decline('refused', `${vm} does not run on ${from}`);
    }
    const remains = copies.get(vm, to);
    if (remains !== undefined && remains.state !== 'defined') {
      return decline('refused', `${to} holds a copy of ${vm} already (${remains.state})`);
    }
    const [objection] = this.precheck(order);
    if (objection === undefined) return undefined;
    const code = objection.code === 'locked' ? 'locked' : 'refused';
    return decline(code, `${objection.code}: ${objection.detail}`);
  }

  /**
   * The guest as an inventory shows it: where it runs, else where it is or was on a
   * host that does not answer now, else where it is only defined; on each host that runs it, where
   * there are several. Empty: nobody knows it.
   */
  #shown(facts: VmFacts, now: EpochSeconds): readonly VmFacts[] {
    const { copies } = this.#world;
    const [first, ...others] = copies
      .of(facts.id)
      .filter(({ copy }) => copy.state !== 'incoming')
      .map(({ host, copy }) => ({ host, rank: this.#rank(host, copy.state) }))
      .toSorted((a, b) => a.rank - b.rank);
    if (first === undefined) return [];
    const locked = this.#world.board.isLocked(facts.id, now);
    const shown = [first, ...others.filter(({ rank }) => rank === RANK_RUNNING)];
    return shown.map(({ host, rank }) => {
      return { ...facts, host, powerState: powerOf(rank, facts), locked };
    });
  }

  /** How much a copy there says about where the guest is; lower is better. */
  #rank(host: HostId, state: Sighting['state']): number {
    if (!this.#world.isReachable(host)) return RANK_LAST_SEEN;
    if (state === 'running' || state === 'post-copy') return RANK_RUNNING;
    return state === 'defined' ? RANK_DEFINED : 1;
  }
}

const RANK_RUNNING = 0;
const RANK_LAST_SEEN = 2;
const RANK_DEFINED = 3;

/** As libvirt has it: of one whose host is silent nobody can tell whether it runs. */
function powerOf(rank: number, facts: VmFacts): PowerState {
  if (rank === RANK_DEFINED) return 'off';
  if (rank !== RANK_LAST_SEEN) return 'running';
  return facts.powerState === 'off' || facts.powerState === 'crashed'
    ? facts.powerState
    : 'unknown';
}
