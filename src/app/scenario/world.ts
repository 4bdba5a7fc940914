/**
 * The fleet of a scenario made real: a simulated datacenter for each of its sources. Of a fleet
 * file every VM does, without end, what it has measured of it; a generated fleet has its days.
 */

import type { Host } from '../../domain/host.ts';
import { compareText, type HostId, sourceId, type SourceId, type VmId } from '../../domain/ids.ts';
import type { MetricWindow } from '../../domain/measured.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { MIB } from '../../domain/units.ts';
import type { Vm } from '../../domain/vm.ts';
import type { Clock } from '../../ports/clock.ts';
import type { HostFacts, VmFacts } from '../../ports/hypervisor.ts';
import { buildDatacenter, SimulatedDatacenter } from '../../simulate/datacenter.ts';
import type { Fault, LastingFault } from '../../simulate/fault.ts';
import type { SimulatedVmSpec } from '../../simulate/fleet-spec.ts';

/** What a guest does of which the file says nothing: a tenth of its CPU, half of its memory. */
const USUAL_LOAD = 0.1;
const USUAL_TOUCHED = 0.5;
/** Of the memory that it has touched, the part that it writes again and again. */
const WORKING_SET = 0.5;
const USUAL_DIRTY_RATE = 20 * MIB;

export interface GeneratedFleet {
  readonly hosts: number;
  readonly vms: number;
}

export interface WorldOptions {
  readonly clock: Clock;
  /** Of load curves, noise and (of generated fleets) what there is. */
  readonly seed: number;
  readonly storageLocks: boolean;
}

const GENERATED = sourceId('simulated');

/** `Snapshot`: of a fleet file. */
export function makeWorld(fleet: Snapshot | GeneratedFleet, options: WorldOptions): FleetWorld {
  const { clock, seed } = options;
  if ('placement' in fleet) return new FleetWorld(datacentersOf(fleet, options));
  const datacenter = buildDatacenter({ ...fleet, seed, source: GENERATED }, clock);
  return new FleetWorld(new Map([[GENERATED, datacenter]]));
}

export function datacentersOf(
  fleet: Snapshot,
  { clock, seed, storageLocks }: WorldOptions,
): ReadonlyMap<SourceId, SimulatedDatacenter> {
  const sources = [...new Set(fleet.hosts.map((host) => host.source))];
  return new Map(
    sources.map((source) => {
      const hosts = fleet.hosts.filter((host) => host.source === source);
      const vms = fleet.vms.filter((vm) => vm.source === source);
      const spec = { seed, hosts: hosts.map(hostFacts), groups: [], storageLocks };
      const { storages } = fleet;
      const speed = new Map(hosts.map((host) => [host.id, host.cpu.coreSpeed]));
      const specs = vms.map((vm) => vmSpec(vm, speed.get(vm.host) ?? 1));
      return [source, new SimulatedDatacenter({ ...spec, vms: specs, storages }, clock)];
    }),
  );
}

export class FleetWorld {
  readonly datacenters: ReadonlyMap<SourceId, SimulatedDatacenter>;
  /** At first; sorted. */
  readonly hosts: readonly HostId[];
  readonly vms: readonly VmId[];

  constructor(datacenters: ReadonlyMap<SourceId, SimulatedDatacenter>) {
    this.datacenters = datacenters;
    const fleets = [...datacenters.values()].map(({ fleet }) => fleet);
    this.hosts = fleets.flatMap(({ hosts }) => hosts.map(({ id }) => id)).toSorted(compareText);
    this.vms = fleets.flatMap(({ vms }) => vms.map(({ facts }) => facts.id)).toSorted(compareText);
  }

  ofHost(host: HostId): SimulatedDatacenter {
    return found(
      [...this.datacenters.values()].find((one) => one.hasHost(host)),
      host,
    );
  }

  ofVm(vm: VmId): SimulatedDatacenter {
    return found(
      [...this.datacenters.values()].find((one) => one.hasVm(vm)),
      vm,
    );
  }

  /** Where a fault happens; one about no host or VM: at `source`, or at the first one. */
  struckBy(fault: Fault, source: SourceId | undefined): SimulatedDatacenter {
    if ('host' in fault) return this.ofHost(fault.host);
    if ('vm' in fault && fault.vm !== undefined) return this.ofVm(fault.vm);
    const [first] = this.datacenters.values();
    return found(source === undefined ? first : this.datacenters.get(source), source ?? 'source');
  }

  heal(kind: LastingFault['kind'], host: HostId | undefined): void {
    if (host !== undefined) this.ofHost(host).heal(kind, host);
    else for (const datacenter of this.datacenters.values()) datacenter.heal(kind);
  }

  /** Where the VM really runs, by id; empty: nowhere. */
  runningOn(vm: VmId): readonly HostId[] {
    return this.ofVm(vm).truth.whereabouts(vm).runningOn;
  }
}

function found<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`the fleet has no ${what}`);
  return value;
}

function hostFacts(host: Host): HostFacts {
  const { state: _state, metrics: _metrics, health: _health, ...others } = host;
  const { alerts: _alerts, failure: _failure, ...facts } = others;
  return facts;
}

function vmSpec(vm: Vm, coreSpeed: number): SimulatedVmSpec {
  const { metrics, criticality, permission: _permission, noRestart: _noRestart, ...facts } = vm;
  const used = valueOf(metrics['cpu.used']);
  const load = used === undefined ? USUAL_LOAD : Math.min(1, (used * coreSpeed) / vm.vcpus);
  const touched = valueOf(metrics['memory.used']);
  const touchedShare = touched === undefined ? USUAL_TOUCHED : touched / vm.memoryBytes;
  const dirty = valueOf(metrics['memory.dirty']);
  const network = valueOf(metrics['network.used']);
  const disk = valueOf(metrics['disk.used']);
  return {
    facts: labelled(facts, criticality),
    load: {
      base: load,
      swing: 0,
      peakHour: 12,
      noise: 0,
      spikeChance: 0,
      spikeHeight: 0,
      weekendShare: 1,
    },
    touchedShare,
    workingSetShare: touchedShare * WORKING_SET,
    traffic: {
      ...(network !== undefined && { network }),
      ...(disk !== undefined && { disk }),
    },
    dirtyRateBusy: dirty === undefined ? USUAL_DIRTY_RATE : dirty / Math.max(load, 0.01),
  };
}

/** Hypervisors know no criticality: the shipped policy reads it from a label. */
function labelled(facts: VmFacts, criticality: Vm['criticality']): VmFacts {
  if (criticality === 'standard') return facts;
  return { ...facts, labels: { ...facts.labels, criticality } };
}

function valueOf(window: MetricWindow | undefined): number | undefined {
  return window?.mean.kind === 'known' ? window.mean.value : undefined;
}
