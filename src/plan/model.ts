/**
 * The fleet as dense indexes and typed arrays: what the search works on. Built once per plan and
 * never changed afterwards; State (state.ts) holds what a plan changes.
 *
 * Resources are a vector: CPU in threads of reference speed, ordinary memory in bytes, huge pages
 * of each size in bytes, and those that a policy names (extra-resources.ts). All but some of the
 * last are held on both hosts while a VM moves.
 *
 * A VM whose CPU demand is unknown counts with all its vCPUs at the fleet's fastest speed where it
 * arrives. Where it is, its newest reading counts (that of a VM just started), or it is part of
 * what the host itself is measured to use; for arrivals room is kept for its worst case all the
 * same, since it may use that tomorrow.
 */

import {
  cpuCapacity,
  cpuDemand,
  hugePageCapacity,
  hugePageNeed,
  memoryCapacity,
  memoryNeed,
} from '../domain/demand.ts';
import type { Host } from '../domain/host.ts';
import { holdLeft } from '../domain/hold-left.ts';
import { type HostId, type VmId, compareText, vmId } from '../domain/ids.ts';
import { overcommitOf, safetyOf } from '../domain/resource-need.ts';
import type { Resource } from '../domain/resource.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Bytes } from '../domain/units.ts';
import type { Weights } from '../domain/policy.ts';
import { CRITICALITIES, type Criticality, type Vm } from '../domain/vm.ts';
import { type MovePrices, pricesOf } from './move-prices.ts';
import {
  closeUnknown,
  fillHostExtras,
  fillVmExtras,
  needsUnknown,
  releaseAtOnce,
  reserveExtras,
} from './extra-resources.ts';
import type { PlanRequest } from './request.ts';

/** Positions in the resource vector; huge pages of each size follow, then what a policy names. */
export const CPU_AT = 0;
export const MEMORY_AT = 1;

/**
 * How much more a move of such a VM is taken to cost: just enough that a lesser VM is moved where
 * one of about the same size does, without moving twice the memory for it.
 */
export const CRITICALITY_WEIGHT: Readonly<Record<Criticality, number>> = {
  'mission-critical': 1.015,
  business: 1.01,
  standard: 1.005,
  'best-effort': 1,
};

export interface Model {
  readonly hosts: readonly Host[];
  readonly vms: readonly Vm[];
  readonly hostIndex: ReadonlyMap<HostId, number>;
  readonly vmIndex: ReadonlyMap<VmId, number>;
  /** Of the objective, so that choices can be weighed in its terms. */
  readonly weights: Weights;
  /** Length of the resource vectors. */
  readonly width: number;
  readonly pageSizes: readonly Bytes[];
  /** Those that a policy names, in their order in the vector; the first is at `firstExtra`. */
  readonly extras: readonly Resource[];
  readonly firstExtra: number;
  /** Per VM and resource: what it takes where it arrives. */
  readonly need: Float64Array;
  /** Per VM and resource: what leaves its present host with it; at most `need`. */
  readonly held: Float64Array;
  /** Per host and resource. */
  readonly capacity: Float64Array;
  /** Per resource: the most that any host has. */
  readonly largest: Float64Array;
  /** Per host and resource: the share of its capacity that is the safety capacity. */
  readonly safety: Float64Array;
  /** Per host and resource: its capacity as far as the safety capacity goes. */
  readonly safe: Float64Array;
  /** Per host and resource: what no arrival may exceed; `safe`, less what is kept free. */
  readonly limit: Float64Array;
  /** Per host and resource: by how much hard rules lower the limit (rules/preserve.ts). */
  readonly preserved: Float64Array;
  /** Per host and resource: all that is there or on its way, nothing that leaves taken off. */
  readonly gross: Float64Array;
  /** Per host and resource: when the moves that are in flight have ended. */
  readonly net: Float64Array;
  /** Per VM: host on which it is, or will be when its move in flight has ended. */
  readonly home: Int32Array;
  /** Per VM in flight or about to be: the other host on which it counts; else -1. */
  readonly alsoAt: Int32Array;
  /** Per VM: 1 when it only has room reserved at `alsoAt`: it may never come. */
  readonly awaited: Uint8Array;
  /** Per VM: 1 when it is in flight or about to be: it stays as it is. */
  readonly inFlight: Uint8Array;
  /** Per VM: 1 when it was moved too recently for a move that is not mandatory. */
  readonly resting: Uint8Array;
  /** Per VM: 1 when its CPU demand is known. */
  readonly demandKnown: Uint8Array;
  /** Per VM: 1 when nobody knows what it needs of a resource; undefined: of none. */
  readonly needUnknown: Uint8Array | undefined;
  /** Per host: 1 when its own CPU use is known. */
  readonly hostMeasured: Uint8Array;
  /**
   * Per VM: (memory + perMoveBytes) × weight of its criticality × its own factor, in bytes; the
   * least that any move of it costs.
   */
  readonly cost: Float64Array;
  /** What moves cost beyond that; undefined: nothing. */
  readonly prices: MovePrices | undefined;
  /** Per VM: 0 is the most important. */
  readonly criticality: Uint8Array;
}

type Unpriced = Omit<Model, 'prices'>;

export function buildModel(request: PlanRequest): Model {
  const { snapshot, limits, weights } = request;
  const hosts = sortedById(snapshot.hosts);
  const vms = sortedById(snapshot.vms);
  const pageSizes = pageSizesOf(vms);
  const extras = (snapshot.resources ?? []).toSorted((a, b) => compareText(a.name, b.name));
  const firstExtra = 2 + pageSizes.length;
  const width = firstExtra + extras.length;
  const model: Unpriced = {
    hosts,
    vms,
    hostIndex: indexOf(hosts),
    vmIndex: indexOf(vms),
    weights,
    width,
    pageSizes,
    extras,
    firstExtra,
    need: new Float64Array(vms.length * width),
    held: new Float64Array(vms.length * width),
    capacity: new Float64Array(hosts.length * width),
    largest: new Float64Array(width),
    safety: new Float64Array(hosts.length * width).fill(1),
    safe: new Float64Array(hosts.length * width),
    limit: new Float64Array(hosts.length * width),
    preserved: new Float64Array(hosts.length * width),
    gross: new Float64Array(hosts.length * width),
    net: new Float64Array(hosts.length * width),
    home: new Int32Array(vms.length).fill(-1),
    alsoAt: new Int32Array(vms.length).fill(-1),
    awaited: new Uint8Array(vms.length),
    inFlight: new Uint8Array(vms.length),
    resting: new Uint8Array(vms.length),
    demandKnown: new Uint8Array(vms.length),
    needUnknown: needsUnknown(vms, extras),
    hostMeasured: new Uint8Array(hosts.length),
    cost: new Float64Array(vms.length),
    criticality: new Uint8Array(vms.length),
  };
  fillHosts(model, limits);
  fillVms(model, snapshot, weights.perMoveBytes, limits.cooldownSeconds);
  fillLoad(model);
  countInFlight(model, snapshot);
  return { ...model, prices: pricesOf(model, model.cost, request) };
}

function pageSizesOf(vms: readonly Vm[]): Bytes[] {
  const sizes = new Set<Bytes>();
  for (const { hugePageBytes } of vms) if (hugePageBytes !== undefined) sizes.add(hugePageBytes);
  return [...sizes].sort((a, b) => a - b);
}

function indexOf<Id extends string>(items: readonly { readonly id: Id }[]): Map<Id, number> {
  const index = new Map<Id, number>();
  let at = 0;
  for (const { id } of items) {
    index.set(id, at);
    at += 1;
  }
  return index;
}

/** Snapshots come sorted; whatever made this one need not have known. */
function sortedById<Item extends { readonly id: string }>(items: readonly Item[]): readonly Item[] {
  let before = '';
  for (const { id } of items) {
    if (id <= before) return items.toSorted((a, b) => compareText(a.id, b.id));
    before = id;
  }
  return items;
}

function fillHosts(model: Unpriced, limits: PlanRequest['limits']): void {
  const { width, largest, capacity, safety, safe, pageSizes } = model;
  for (const [h, host] of model.hosts.entries()) {
    const at = h * width;
    capacity[at + CPU_AT] = cpuCapacity(host);
    capacity[at + MEMORY_AT] = memoryCapacity(host, overcommitOf(host, limits));
    safety[at + CPU_AT] = safetyOf(host, 'cpu', limits);
    safety[at + MEMORY_AT] = safetyOf(host, 'memory', limits);
    for (const [index, size] of pageSizes.entries()) {
      capacity[at + 2 + index] = hugePageCapacity(host, size);
    }
    fillHostExtras(model, h);
    for (let r = 0; r < width; r += 1) {
      safe[at + r] = (capacity[at + r] ?? 0) * (safety[at + r] ?? 1);
      largest[r] = Math.max(largest[r] ?? 0, capacity[at + r] ?? 0);
    }
    const used = host.metrics['cpu.used'];
    model.hostMeasured[h] = used?.last.kind === 'known' || used?.mean.kind === 'known' ? 1 : 0;
  }
  model.limit.set(safe);
}

function fillVms(model: Unpriced, snapshot: Snapshot, perMove: number, cooldown: number): void {
  const { width, need, held, pageSizes } = model;
  const fastest = model.hosts.reduce((top, host) => Math.max(top, host.cpu.coreSpeed), 0);
  let v = -1;
  for (const vm of model.vms) {
    v += 1;
    const h = model.hostIndex.get(vm.host) ?? -1;
    const at = v * width;
    const speed = model.hosts[h]?.cpu.coreSpeed ?? fastest;
    const demand = cpuDemand(vm);
    const worst = vm.vcpus * fastest;
    model.home[v] = h;
    model.demandKnown[v] = demand.kind === 'known' ? 1 : 0;
    need[at + CPU_AT] = demand.kind === 'known' ? demand.value * speed : worst;
    need[at + MEMORY_AT] = memoryNeed(vm);
    const pages = hugePageNeed(vm);
    if (pages !== undefined) need[at + 2 + pageSizes.indexOf(pages.pageBytes)] = pages.bytes;
    fillVmExtras(model, v);
    for (let r = 0; r < width; r += 1) held[at + r] = need[at + r] ?? 0;
    if (demand.kind === 'missing' && model.hostMeasured[h] === 1) {
      const seen = Math.min(worst, newest(vm.metrics['cpu.used']) * speed);
      held[at + CPU_AT] = seen;
      model.limit[h * width + CPU_AT] = (model.limit[h * width + CPU_AT] ?? 0) - (worst - seen);
    }
    model.criticality[v] = CRITICALITIES.indexOf(vm.criticality);
    const weight = CRITICALITY_WEIGHT[vm.criticality] * (vm.moveFactor ?? 1);
    model.cost[v] = (vm.memoryBytes + perMove) * weight;
  }
  closeUnknown(model, snapshot);
  // Few were moved lately: by their names, not all VMs one by one.
  for (const [id, moved] of Object.entries(snapshot.lastMovedAt)) {
    const rests = model.vmIndex.get(vmId(id));
    if (rests !== undefined && holdLeft(moved, snapshot.takenAt, cooldown) > 0)
      model.resting[rests] = 1;
  }
}

/**
 * Adds up what is on each host, and the CPU that a host uses beside its VMs: its own newest
 * measurement less the VMs' (both newest, so that a VM which left a minute ago is in neither).
 */
function fillLoad(model: Unpriced): void {
  const { width, net, gross, held, home } = model;
  const measured = new Float64Array(model.hosts.length);
  for (let v = 0; v < home.length; v += 1) {
    const h = home[v] ?? -1;
    if (h < 0) continue;
    for (let r = 0; r < width; r += 1) {
      net[h * width + r] = (net[h * width + r] ?? 0) + (held[v * width + r] ?? 0);
    }
    measured[h] = (measured[h] ?? 0) + newest(model.vms[v]?.metrics['cpu.used']);
  }
  for (const [h, host] of model.hosts.entries()) {
    const beside = Math.max(0, newest(host.metrics['cpu.used']) - (measured[h] ?? 0));
    // Sums of measurements differ in the last digits: that is no load.
    if (beside > 1e-6) net[h * width] = (net[h * width] ?? 0) + beside * host.cpu.coreSpeed;
  }
  gross.set(net);
}

function newest(window: Host['metrics']['cpu.used']): number {
  if (window?.last.kind === 'known') return window.last.value;
  return window?.mean.kind === 'known' ? window.mean.value : 0;
}

/** Moves in flight and reservations: on both hosts for arrivals, on the target in the end. */
function countInFlight(model: Unpriced, snapshot: Snapshot): void {
  const counted = new Set<string>();
  const flights = [...snapshot.inFlight].sort((a, b) => compareText(a.move, b.move));
  for (const { move, vm, from, to } of flights) {
    counted.add(move);
    const v = model.vmIndex.get(vm);
    if (v === undefined) continue;
    model.inFlight[v] = 1;
    const here = model.home[v] ?? -1;
    for (const id of [from, to]) {
      const end = model.hostIndex.get(id) ?? -1;
      if (end >= 0 && end !== here) addNeed(model.gross, model, v, end);
    }
    const target = model.hostIndex.get(to) ?? -1;
    if (target >= 0 && target !== here) settle(model, v, here, target);
    const source = model.hostIndex.get(from) ?? -1;
    if (source >= 0 && target >= 0 && source !== target) releaseAtOnce(model, v, source);
    model.alsoAt[v] = target === here ? source : here;
  }
  for (const { move, vm, host, memoryBytes, cpu } of snapshot.reservations) {
    const h = model.hostIndex.get(host) ?? -1;
    const v = model.vmIndex.get(vm);
    if (counted.has(move) || h < 0) continue;
    if (v !== undefined) {
      model.inFlight[v] = 1;
      if (h !== model.home[v]) {
        model.alsoAt[v] = h;
        model.awaited[v] = 1;
        reserveExtras(model, v, h);
      }
    }
    for (const load of [model.gross, model.net]) {
      load[h * model.width + CPU_AT] = (load[h * model.width + CPU_AT] ?? 0) + cpu;
      load[h * model.width + MEMORY_AT] = (load[h * model.width + MEMORY_AT] ?? 0) + memoryBytes;
    }
  }
}

function addNeed(load: Float64Array, model: Unpriced, v: number, h: number): void {
  const { width, need } = model;
  for (let r = 0; r < width; r += 1) {
    load[h * width + r] = (load[h * width + r] ?? 0) + (need[v * width + r] ?? 0);
  }
}

function settle(model: Unpriced, v: number, from: number, to: number): void {
  const { width, net, held } = model;
  addNeed(net, model, v, to);
  for (let r = 0; from >= 0 && r < width; r += 1) {
    net[from * width + r] = (net[from * width + r] ?? 0) - (held[v * width + r] ?? 0);
  }
  model.home[v] = to;
}
