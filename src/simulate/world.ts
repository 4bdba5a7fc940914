/**
 * The state of a simulated datacenter and the passing of time in it: hosts, guests, links, faults.
 * There are no timers and no promises: whenever somebody asks, the world first catches up with the
 * clock, event by event. So it outlives a crash of whoever was using it, and the same seed, faults
 * and orders make the same run. Asking never changes what happens: physics advances at events only.
 */

import type { HostId, SourceId, VmId } from '../domain/ids.ts';
import { sharedLinks } from '../domain/links.ts';
import { assertNever } from '../domain/result.ts';
import { type Bytes, epochSeconds, type EpochSeconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { HostFacts, VmFacts } from '../ports/hypervisor.ts';
import { Copies } from './copies.ts';
import { EventQueue } from './event-queue.ts';
import type { Fault, LastingFault } from './fault.ts';
import { FaultBoard } from './fault-board.ts';
import type { FleetSpec, SimulatedVmSpec } from './fleet-spec.ts';
import { chance, hashText } from './hash.ts';
import { Meter } from './meter.ts';
import { MigrationEngine } from './migration-engine.ts';
import { copiesTo, copyRoom, disksAfter } from './objections.ts';
import { StorageRooms } from './storage-rooms.ts';

export interface HostState {
  readonly facts: HostFacts;
  /** Its system runs. A machine that hangs has power, and is not. */
  powered: boolean;
  /** What its power device says. */
  hasPower: boolean;
  /** Its power was cut from outside: it stays off until it is given back from there. */
  isCut: boolean;
  maintenance: boolean;
}

type Event =
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** A lasting fault ends: rates and links have to be looked at again. */
  | { readonly kind: 'expiry' }
  | { readonly kind: 'boot'; readonly host: HostId };

/** Seconds between two looks at the dirty rates of migrating guests. */
const REFRESH_SECONDS = 15;

export class World {
  readonly source: SourceId;
  readonly seed: number;
  /** When it came into being, by the clock it was given. */
  readonly startAt: EpochSeconds;
  readonly hosts: ReadonlyMap<HostId, HostState>;
  readonly vms: Map<VmId, SimulatedVmSpec>;
  readonly copies = new Copies();
  readonly board = new FaultBoard();
  readonly engine: MigrationEngine;
  readonly meter: Meter;
  readonly storages: StorageRooms;
  /** Of guests whose disks were copied elsewhere. */
  readonly #disks = new Map<VmId, VmFacts['disks']>();
  readonly #clock: Clock;
  readonly #origin: number;
  readonly #hasLocks: boolean;
  readonly #events = new EventQueue<Event>();
  #now: number;
  #refreshAt = Infinity;

  constructor(fleet: FleetSpec, clock: Clock) {
    const [first] = fleet.hosts;
    if (first === undefined) throw new RangeError('a datacenter needs a host');
    this.source = first.source;
    this.seed = fleet.seed;
    this.#hasLocks = fleet.storageLocks === true;
    this.#clock = clock;
    this.#origin = clock.monotonic();
    this.startAt = clock.now();
    this.#now = this.startAt;
    this.hosts = stateOf(fleet);
    this.storages = new StorageRooms(fleet.storages ?? []);
    this.vms = new Map(fleet.vms.map((spec) => [spec.facts.id, spec]));
    for (const { facts } of fleet.vms) {
      const state = facts.powerState === 'running' ? 'running' : 'defined';
      this.copies.add(facts.id, facts.host, { state, persistent: true });
    }
    this.engine = new MigrationEngine({
      copies: this.copies,
      linkCapacity: (host) => this.#linkCapacity(host),
      sharedLinks: (from, to) => sharedLinks(this.host(from).facts, this.host(to).facts),
      isPowered: (host) => this.host(host).powered,
      takeRoom: (vm, host) => this.#takeRoom(vm, host),
      settleDisks: (vm, host) => this.#settleDisks(vm, host),
      mayBoot: (vm) => !this.#isLockedOut(vm),
      dirtyRate: (vm) => this.meter.dirtyRate(vm, epochSeconds(this.#now)),
      coldSeconds: (vm) => coldSeconds(vm, fleet.seed),
    });
    this.meter = new Meter(this);
  }

  /** Catches up with the clock. The world's own time, unlike wall time, never jumps. */
  time(): EpochSeconds {
    const until = this.startAt + this.#clock.monotonic() - this.#origin;
    for (;;) {
      const event = this.#events.peek()?.at ?? Infinity;
      const next = Math.min(event, this.engine.nextAt(), this.#refreshAt);
      if (next > until) break;
      this.#now = Math.max(this.#now, next);
      const happened = event <= next ? this.#events.pop() : undefined;
      if (happened !== undefined) this.#happen(happened.item);
      this.engine.step(this.#now);
      this.planRefresh();
    }
    this.#now = Math.max(this.#now, until);
    return epochSeconds(this.#now);
  }

  /** To be called after every change from outside: divides the links anew. */
  changed(): void {
    this.engine.reshare(this.#now);
    this.planRefresh();
  }

  inject(fault: Fault, inSeconds: number): void {
    this.#events.push(this.time() + inSeconds, { kind: 'fault', fault });
    this.time();
  }

  heal(kind: LastingFault['kind'], host: HostId | undefined): void {
    this.time();
    for (const { fault } of this.board.heal(kind, host)) {
      if (fault.kind === 'host-crash') this.#boot(fault.host);
    }
    this.changed();
  }

  host(id: HostId): HostState {
    const state = this.hosts.get(id);
    if (state === undefined) throw new RangeError(`no such host: ${id}`);
    return state;
  }

  /** With the disks where they lie by now. */
  factsOf({ facts }: SimulatedVmSpec): VmFacts {
    const disks = this.#disks.get(facts.id);
    return disks === undefined ? facts : { ...facts, disks };
  }

  isReachable(host: HostId): boolean {
    return this.host(host).powered && !this.board.isCut(host, this.#now);
  }

  /** Memory that the host can still back, not counting the guest `except`. */
  freeBytes(host: HostId, except: VmId): number {
    let free: number = this.host(host).facts.memory.totalBytes;
    const guests = new Set<VmId>();
    for (const id of this.copies.on(host)) {
      if (this.copies.get(id, host)?.state !== 'defined') guests.add(id);
    }
    // A guest that moves cold has no copy here yet, but it is going to.
    for (const { order } of this.engine.runs()) if (order.to === host) guests.add(order.vm);
    guests.delete(except);
    for (const id of guests) {
      const spec = this.vms.get(id);
      if (spec !== undefined) free -= spec.facts.memoryBytes + spec.facts.overheadBytes;
    }
    return free;
  }

  /** What is left of broken post-copies takes, of guests that run elsewhere by now. Bytes. */
  heldBytes(host: HostId): number {
    let held = 0;
    for (const id of this.copies.on(host)) {
      const isLeft = this.copies.get(id, host)?.state === 'post-copy-paused';
      if (!isLeft || this.copies.runningOn(id).length === 0) continue;
      const { memoryBytes = 0, overheadBytes = 0 } = this.vms.get(id)?.facts ?? {};
      held += memoryBytes + overheadBytes;
    }
    return held;
  }

  #linkCapacity(host: HostId): number {
    const { facts, powered } = this.host(host);
    return powered ? facts.migrationBandwidth * this.board.linkFactor(host, this.#now) : 0;
  }

  /** When they are divided next by themselves; enough where the engine has just divided them. */
  planRefresh(): void {
    const isBusy = !this.engine.runs().next().done;
    if (!isBusy) this.#refreshAt = Infinity;
    else if (this.#refreshAt <= this.#now || this.#refreshAt === Infinity) {
      this.#refreshAt = this.#now + REFRESH_SECONDS;
    }
  }

  #happen(event: Event): void {
    switch (event.kind) {
      case 'fault':
        this.#strike(event.fault);
        break;
      case 'expiry':
        this.board.expire(this.#now);
        break;
      case 'boot':
        this.#boot(event.host);
        break;
      default:
        assertNever(event, 'event');
    }
  }

  #strike(fault: Fault): void {
    switch (fault.kind) {
      case 'call':
        this.board.addCall(fault);
        return;
      case 'migration':
        this.board.addBreak(fault.vm, fault.stage);
        return;
      case 'drift':
        this.#moveByHand(fault.vm, fault.to);
        return;
      case 'maintenance-mode':
        this.host(fault.host).maintenance = fault.on;
        return;
      case 'delete':
        for (const { host } of this.copies.of(fault.vm)) {
          this.copies.set(fault.vm, host, undefined, this.#now);
        }
        return;
      case 'resize':
        this.#resize(fault.vm, fault.memoryBytes);
        return;
      case 'host-crash':
        this.#crash(fault.host, fault.hangs === true);
        this.#events.push(this.#now + fault.forSeconds, { kind: 'boot', host: fault.host });
        break;
      case 'surge':
        this.board.add(fault, this.#now, new Set(this.#guestsOn(fault.host)));
        this.#events.push(this.#now + fault.forSeconds, { kind: 'expiry' });
        return;
      case 'overheat':
      case 'health':
      case 'link':
      case 'control-cut':
      case 'power-device':
      case 'refusing':
      case 'queue':
      case 'samples':
      case 'source-clock':
      case 'dirty-rate':
      case 'lock':
        break;
      default:
        assertNever(fault, 'fault');
    }
    this.board.add(fault, this.#now);
    this.#events.push(this.#now + fault.forSeconds, { kind: 'expiry' });
  }

  #guestsOn(host: HostId): VmId[] {
    return [...this.vms.keys()].filter((vm) => this.copies.runningOn(vm).includes(host));
  }

  /** The power device: cuts the power, or gives it back, and the host boots. */
  setPower(id: HostId, on: boolean): void {
    this.time();
    const host = this.host(id);
    host.isCut = !on;
    if (on) this.#boot(id);
    else this.#crash(id, false);
    this.changed();
  }

  /**
   * Its system is gone: what ran there does not run, what was not stored there is not there. The
   * power is gone with it, unless it only hangs.
   */
  #crash(id: HostId, hangs: boolean): void {
    const host = this.host(id);
    if (!hangs) host.hasPower = false;
    if (!host.powered) return;
    host.powered = false;
    for (const vm of this.vms.keys()) {
      const copy = this.copies.get(vm, id);
      if (copy === undefined) continue;
      const remains = copy.persistent
        ? ({ state: 'defined', persistent: true } as const)
        : undefined;
      this.copies.set(vm, id, remains, this.#now);
    }
    this.engine.hostLost(id, this.#now);
  }

  /**
   * The host starts whatever is defined on it, be it running elsewhere or not: unless locks on its
   * storage keep a second copy from opening the disks.
   */
  #boot(id: HostId): void {
    const host = this.host(id);
    if (host.powered || host.isCut) return;
    host.powered = true;
    host.hasPower = true;
    for (const [vm, { facts }] of this.vms) {
      const isMeantToRun = facts.powerState === 'running' && !this.#isLockedOut(vm);
      if (isMeantToRun && this.copies.get(vm, id)?.state === 'defined') {
        this.copies.boot(vm, id, true, this.#now);
      }
    }
  }

  #takeRoom(vm: VmId, host: HostId): boolean {
    const spec = this.vms.get(vm);
    const room = spec && copyRoom(this.factsOf(spec), this.host(host).facts);
    return room === undefined || this.storages.take(vm, host, room);
  }

  #settleDisks(vm: VmId, host: HostId): void {
    this.storages.settle(vm, host);
    const spec = this.vms.get(vm);
    if (spec !== undefined) {
      this.#disks.set(vm, disksAfter(this.factsOf(spec), this.host(host).facts));
    }
  }

  #isLockedOut(vm: VmId): boolean {
    return this.#hasLocks && this.copies.runningOn(vm).length > 0;
  }

  /** What a person does at the hypervisor's own console; not while the guest migrates already. */
  #resize(vm: VmId, memoryBytes: Bytes): void {
    const spec = this.vms.get(vm);
    if (spec === undefined) return;
    this.vms.set(vm, { ...spec, facts: { ...spec.facts, memoryBytes } });
  }

  #moveByHand(vm: VmId, to: HostId): void {
    const [from] = this.copies.runningOn(vm);
    if (from === undefined || from === to) return;
    if (this.engine.run(vm) !== undefined || !this.host(to).powered) return;
    this.copies.swap(
      vm,
      [
        [to, { state: 'running', persistent: true }],
        [from, undefined],
      ],
      this.#now,
    );
  }
}

function stateOf(fleet: FleetSpec): Map<HostId, HostState> {
  return new Map(
    fleet.hosts.map((spec) => {
      const facts = { ...spec, copiesTo: copiesTo(spec) };
      const powered = facts.connection === 'connected';
      const power = { powered, hasPower: powered, isCut: false };
      return [facts.id, { facts, ...power, maintenance: false }];
    }),
  );
}

/** Small guests are quicker, but what decides is what runs in them: 4 to 12 s and 15 to 35 s. */
function coldSeconds(vm: VmId, seed: number): { shutdown: number; boot: number } {
  const dice = chance(hashText(vm), seed, 31);
  return { shutdown: 4 + 8 * dice, boot: 15 + 20 * dice };
}
