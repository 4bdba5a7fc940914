/**
 * What the model needs of each VM, whatever the hosts are like: read once for a list of VMs, and
 * kept with it. An order about some hosts changes none of them, and twenty thousand VMs are not
 * gone through again for its first answer. Lists of VMs are never changed.
 */

import { cpuDemand, memoryNeed } from '../domain/demand.ts';
import { compareText, type HostId, type VmId } from '../domain/ids.ts';
import type { MetricWindow } from '../domain/measured.ts';
import { offInFlight } from '../domain/off-in-flight.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Bytes } from '../domain/units.ts';
import { CRITICALITIES, type Criticality, type Vm } from '../domain/vm.ts';

/**
 * How much more a move of such a VM is taken to cost: just enough that a lesser VM is moved where
 * one of about the same size does, without moving twice the memory for it.
 */
const CRITICALITY_WEIGHT: Readonly<Record<Criticality, number>> = {
  'mission-critical': 1.015,
  business: 1.01,
  standard: 1.005,
  'best-effort': 1,
};

export interface VmColumns {
  /** By id; all that follows is in this order. */
  readonly vms: readonly Vm[];
  readonly index: ReadonlyMap<VmId, number>;
  /** Of the huge pages that there are, the smallest first. */
  readonly pageSizes: readonly Bytes[];
  /** The hosts that have VMs, and per VM the place of its own among them. */
  readonly hosts: readonly HostId[];
  readonly hostAt: Int32Array;
  /** CPU demand in threads of the host where it is; NaN: not known. */
  readonly demand: Float64Array;
  /** Its newest CPU use, likewise; 0 where there is none. */
  readonly used: Float64Array;
  readonly vcpus: Float64Array;
  /** What it takes of a host's ordinary memory, in bytes. */
  readonly need: Float64Array;
  /** Its memory as configured, in bytes. */
  readonly memory: Float64Array;
  /** By how much a move of it costs more than its bytes, > 0. */
  readonly weight: Float64Array;
  /** 0 is the most important. */
  readonly criticality: Uint8Array;
}

const known = new WeakMap<readonly Vm[], VmColumns>();

function columnsOf(vms: readonly Vm[]): VmColumns {
  const columns = known.get(vms) ?? readColumns(sortedById(vms));
  known.set(vms, columns);
  return columns;
}

/** With those who are off in the middle of a cold move as they will run: few, and not kept. */
export function columnsAsTheyRun(snapshot: Snapshot): VmColumns {
  const columns = columnsOf(snapshot.vms);
  const running = offInFlight(snapshot, (id) => columns.vms[columns.index.get(id) ?? -1]);
  if (running.size === 0) return columns;
  const vms = [...columns.vms];
  const [demand, need] = [columns.demand.slice(), columns.need.slice()];
  for (const [id, vm] of running) {
    const v = columns.index.get(id);
    if (v === undefined) continue;
    vms[v] = vm;
    demand[v] = demandOf(vm);
    need[v] = memoryNeed(vm);
  }
  return { ...columns, vms, demand, need };
}

/** The newest reading of a window, else its mean; 0 where there is neither. */
export function newest(window: MetricWindow | undefined): number {
  if (window?.last.kind === 'known') return window.last.value;
  return window?.mean.kind === 'known' ? window.mean.value : 0;
}

/** Snapshots come sorted; whatever made this one need not have known. */
export function sortedById<Item extends { readonly id: string }>(
  items: readonly Item[],
): readonly Item[] {
  let before = '';
  for (const { id } of items) {
    if (id <= before) return items.toSorted((a, b) => compareText(a.id, b.id));
    before = id;
  }
  return items;
}

export function indexOf<Id extends string>(
  items: readonly { readonly id: Id }[],
): ReadonlyMap<Id, number> {
  const index = new Map<Id, number>();
  let at = 0;
  for (const { id } of items) {
    index.set(id, at);
    at += 1;
  }
  return index;
}

function demandOf(vm: Vm): number {
  const demand = cpuDemand(vm);
  return demand.kind === 'known' ? demand.value : Number.NaN;
}

function readColumns(vms: readonly Vm[]): VmColumns {
  const places = new Map<HostId, number>();
  const sizes = new Set<Bytes>();
  const numbers = (): Float64Array => new Float64Array(vms.length);
  const columns = {
    hostAt: new Int32Array(vms.length),
    demand: numbers(),
    used: numbers(),
    vcpus: numbers(),
    need: numbers(),
    memory: numbers(),
    weight: numbers(),
    criticality: new Uint8Array(vms.length),
  };
  let v = 0;
  for (const vm of vms) {
    const place = places.get(vm.host) ?? places.size;
    places.set(vm.host, place);
    columns.hostAt[v] = place;
    columns.demand[v] = demandOf(vm);
    columns.used[v] = newest(vm.metrics['cpu.used']);
    columns.vcpus[v] = vm.vcpus;
    columns.need[v] = memoryNeed(vm);
    columns.memory[v] = vm.memoryBytes;
    columns.weight[v] = CRITICALITY_WEIGHT[vm.criticality] * (vm.moveFactor ?? 1);
    columns.criticality[v] = CRITICALITIES.indexOf(vm.criticality);
    if (vm.hugePageBytes !== undefined) sizes.add(vm.hugePageBytes);
    v += 1;
  }
  const pageSizes = [...sizes].sort((a, b) => a - b);
  return { vms, index: indexOf(vms), pageSizes, hosts: [...places.keys()], ...columns };
}
