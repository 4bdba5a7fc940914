/**
 * Reads the whole datacenter's instruments: one reading of every host that answers and every guest
 * that runs on one. Looking changes nothing, except that a source which repeats itself has to
 * remember what it said first.
 */

import type { HostId, SourceId, VmId } from '../domain/ids.ts';
import type { Entity, Sample } from '../domain/measured.ts';
import { inOneGo, type Slices } from '../domain/slices.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { HostFacts } from '../ports/hypervisor.ts';
import type { HostHealth, Reading } from '../ports/metric-source.ts';
import type { Copies } from './copies.ts';
import type { ActiveFault, FaultBoard } from './fault-board.ts';
import type { SimulatedVmSpec } from './fleet-spec.ts';
import { chance, hashText } from './hash.ts';
import { loadAt } from './load-curve.ts';
import {
  corrupt,
  cpuPressure,
  healthOf,
  shareCpu,
  shifted,
  temperatureOf,
  wattsOf,
  type HostUse,
  type HostValues,
  type VmValues,
  type Wish,
} from './measure.ts';
import type { MigrationEngine } from './migration-engine.ts';
import { MIGRATION_CPU } from './migration-model.ts';

/** A post-copied guest waits for pages: this share of its time until all have come. */
const POST_COPY_WAIT = 0.35;
/** Below this no load is worth a sample of its own network and disk traffic: bytes per second. */
const TRAFFIC_BUSY = 12e6;

/** Hosts between two looks at the time. */
const SLICE = 10;
/** VMs between two looks at the time. */
const RESIDENTS_SLICE = 1000;

export interface MeteredWorld {
  readonly source: SourceId;
  readonly seed: number;
  readonly hosts: ReadonlyMap<HostId, { readonly facts: HostFacts }>;
  readonly vms: ReadonlyMap<VmId, SimulatedVmSpec>;
  readonly copies: Copies;
  readonly engine: MigrationEngine;
  readonly board: FaultBoard;
  isReachable(host: HostId): boolean;
}

export class Meter {
  readonly #world: MeteredWorld;
  /** What repeating sources said first. */
  readonly #frozen = new WeakMap<ActiveFault, readonly Sample[]>();
  readonly #keys = new Map<string, number>();

  constructor(world: MeteredWorld) {
    this.#world = world;
  }

  /** The share of its vCPUs that the guest wants at `at`, surges included, 0..1. */
  load(vm: VmId, at: EpochSeconds): number {
    const spec = this.#world.vms.get(vm);
    if (spec === undefined) return 0;
    const surge = this.#world.board.surgeOf(vm, at);
    return Math.min(1, loadAt(spec.load, this.#key(vm), at) * surge);
  }

  /** Bytes per second that the guest dirties if nothing slows it down. */
  dirtyRate(vm: VmId, at: EpochSeconds): number {
    const { board, vms } = this.#world;
    const forced = board.active('dirty-rate', at).findLast(({ fault }) => fault.vm === vm);
    if (forced !== undefined) return forced.fault.bytesPerSecond;
    return (vms.get(vm)?.dirtyRateBusy ?? 0) * this.load(vm, at);
  }

  read(at: EpochSeconds): Reading {
    return inOneGo(this.readInSlices(at));
  }

  *readInSlices(at: EpochSeconds): Slices<Reading> {
    const { board, hosts } = this.#world;
    const samples: Sample[] = [];
    const health: HostHealth[] = [];
    const problems: string[] = [];
    const residents = yield* this.#residents();
    const skew = board.active('source-clock', at).reduce((sum, { fault }) => sum + fault.delta, 0);
    let looked = 0;
    for (const { facts: host } of hosts.values()) {
      looked += 1;
      if (looked % SLICE === 0) yield;
      if (!this.#world.isReachable(host.id)) {
        problems.push(`${host.id}: no answer`);
        continue;
      }
      const own = this.#readHost(host, residents.get(host.id) ?? [], at, health);
      const stamped = skew === 0 ? own : own.map((one) => ({ ...one, at: shifted(one.at, skew) }));
      for (const sample of this.#broken(host.id, stamped, at)) samples.push(sample);
    }
    return { samples, health, problems };
  }

  /** CPU of one host at a moment. */
  use(host: HostFacts, at: EpochSeconds): HostUse {
    const vms = inOneGo(this.#residents()).get(host.id) ?? [];
    return shareCpu(host, this.#wishes(host, vms, at), this.#migrationThreads(host.id));
  }

  #readHost(
    host: HostFacts,
    vms: readonly VmId[],
    at: EpochSeconds,
    health: HostHealth[],
  ): Sample[] {
    const samples: Sample[] = [];
    const wishes = this.#wishes(host, vms, at);
    const use = shareCpu(host, wishes, this.#migrationThreads(host.id));
    let memory = 0.5 * host.memory.reservedBytes;
    let traffic = 0;
    for (const [index, id] of vms.entries()) {
      const spec = this.#world.vms.get(id);
      if (spec === undefined) continue;
      const values = this.#vmValues(spec, use.used[index] ?? 0, use.steal[index] ?? 0, at);
      memory += spec.facts.memoryBytes * spec.touchedShare + spec.facts.overheadBytes;
      traffic += values['network.used'] ?? 0;
      push(samples, { kind: 'vm', vm: id }, values, at);
    }
    const busyShare = use.busyThreads / host.cpu.threads;
    const heat = this.#world.board.active('overheat', at).filter((one) => isAbout(one, host.id));
    const celsius = temperatureOf(this.#key(host.id), busyShare, heat, at);
    const values: HostValues = {
      'cpu.used': use.busyThreads,
      'memory.used': Math.min(host.memory.totalBytes, memory),
      'network.used': traffic,
      'psi.cpu.some': cpuPressure(use.pressure),
      'psi.memory.some': 0,
      'psi.memory.full': 0,
      'psi.io.some': 0.01,
      temperature: celsius,
      'power.used': wattsOf(host, busyShare) ?? 0,
    };
    push(samples, { kind: 'host', host: host.id }, values, at);
    const faults = this.#world.board.active('health', at).filter((one) => isAbout(one, host.id));
    const link = this.#world.board.linkFactor(host.id, at);
    const stamp = { at, source: this.#world.source };
    const signals = healthOf(
      celsius,
      link,
      faults.map(({ fault }) => fault),
      stamp,
    );
    health.push({ host: host.id, signals });
    return samples;
  }

  #vmValues(spec: SimulatedVmSpec, used: number, steal: number, at: EpochSeconds): VmValues {
    const { facts, touchedShare, traffic } = spec;
    const share = used / facts.vcpus;
    const drift = 0.1 * chance(this.#key(facts.id), 11, Math.floor(at / 7_200));
    const busy = TRAFFIC_BUSY * share * facts.vcpus;
    return {
      'cpu.used': used,
      'cpu.steal': steal,
      'memory.used': facts.memoryBytes * touchedShare * (0.8 + drift),
      'memory.dirty': this.dirtyRate(facts.id, at),
      'network.used': traffic?.network ?? busy,
      'disk.used': traffic?.disk ?? 0.5 * busy,
    };
  }

  /** What the guests of a host want: the same work takes fewer of the faster threads. */
  #wishes(host: HostFacts, vms: readonly VmId[], at: EpochSeconds): Wish[] {
    return vms.map((id) => {
      const vcpus = this.#world.vms.get(id)?.facts.vcpus ?? 0;
      const wanted = (this.load(id, at) * vcpus) / host.cpu.coreSpeed;
      return { threads: Math.min(vcpus, wanted), held: this.#held(id, host.id) };
    });
  }

  #held(vm: VmId, host: HostId): number {
    const run = this.#world.engine.run(vm);
    if (run === undefined) return 0;
    return run.phase === 'post-copy' && run.order.to === host ? POST_COPY_WAIT : run.throttle.share;
  }

  #migrationThreads(host: HostId): number {
    let count = 0;
    for (const { order } of this.#world.engine.runs()) {
      if (order.from === host || order.to === host) count += 1;
    }
    return count * MIGRATION_CPU;
  }

  /** The guests that run on each host, in the order of the fleet. */
  *#residents(): Slices<Map<HostId, VmId[]>> {
    const residents = new Map<HostId, VmId[]>();
    let looked = 0;
    for (const vm of this.#world.vms.keys()) {
      looked += 1;
      if (looked % RESIDENTS_SLICE === 0) yield;
      for (const host of this.#world.copies.runningOn(vm)) {
        const list = residents.get(host);
        if (list === undefined) residents.set(host, [vm]);
        else list.push(vm);
      }
    }
    return residents;
  }

  #broken(host: HostId, samples: readonly Sample[], at: EpochSeconds): readonly Sample[] {
    const active = this.#world.board.active('samples', at).filter((one) => isAbout(one, host));
    let broken = samples;
    for (const one of active) {
      const { corruption } = one.fault;
      if (corruption === 'repeating') {
        const first = this.#frozen.get(one) ?? broken;
        this.#frozen.set(one, first);
        broken = first;
      } else broken = corrupt(broken, corruption);
    }
    return broken;
  }

  /** What decides this thing's random numbers. */
  #key(id: string): number {
    let key = this.#keys.get(id);
    if (key === undefined) {
      key = (hashText(id) ^ Math.imul(this.#world.seed, 0x9e3779b1)) >>> 0;
      this.#keys.set(id, key);
    }
    return key;
  }
}

function isAbout({ fault }: { readonly fault: { readonly host: HostId } }, host: HostId): boolean {
  return fault.host === host;
}

function push(
  samples: Sample[],
  entity: Entity,
  values: HostValues | VmValues,
  at: EpochSeconds,
): void {
  for (const [metric, value] of Object.entries(values)) samples.push({ entity, metric, value, at });
}
