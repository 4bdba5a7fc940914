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

import { cpuCapacity, hugePageCapacity, hugePageNeed, memoryCapacity } from '../domain/demand.ts';
import type { Host } from '../domain/host.ts';
import { holdLeft } from '../domain/hold-left.ts';
import { type HostId, type VmId, compareText, vmId } from '../domain/ids.ts';
import { overcommitOf, safetyOf } from '../domain/resource-need.ts';
import type { Resource } from '../domain/resource.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Bytes } from '../domain/units.ts';
import type { Weights } from '../domain/policy.ts';
import type { Vm } from '../domain/vm.ts';
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
import { columnsAsTheyRun, indexOf, newest, sortedById, type VmColumns } from './vm-columns.ts';

/** Positions in the resource vector; huge pages of each size follow, then what a policy names. */
export const CPU_AT = 0;
export const MEMORY_AT = 1;

export interface Model {
  readonly hosts: readonly Host[];
  /** Who is off in the middle of a cold move is in it as it will run. */
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
  const columns = columnsAsTheyRun(snapshot);
  const { vms, pageSizes } = columns;
  const extras = (snapshot.resources ?? []).toSorted((a, b) => compareText(a.name, b.name));
  const firstExtra = 2 + pageSizes.length;
  const width = firstExtra + extras.length;
  const model: Unpriced = {
    hosts,
    vms,
    hostIndex: indexOf(hosts),
    vmIndex: columns.index,
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
    criticality: columns.criticality,
  };
  fillHosts(model, limits);
  fillVms(model, columns, weights.perMoveBytes);
  closeUnknown(model, snapshot);
  markResting(model, snapshot, limits.cooldownSeconds);
  fillLoad(model, columns.used);
  countInFlight(model, snapshot);
  return { ...model, prices: pricesOf(model, model.cost, request) };
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

function fillVms(model: Unpriced, columns: VmColumns, perMove: number): void {
  const { width, need, held } = model;
  const fastest = model.hosts.reduce((top, host) => Math.max(top, host.cpu.coreSpeed), 0);
  const homes = Int32Array.from(columns.hosts, (id) => model.hostIndex.get(id) ?? -1);
  const speeds = Float64Array.from(homes, (h) => model.hosts[h]?.cpu.coreSpeed ?? fastest);
  for (let v = 0; v < columns.vms.length; v += 1) {
    const at = v * width;
    const place = columns.hostAt[v] ?? 0;
    const demand = columns.demand[v] ?? Number.NaN;
    const isKnown = !Number.isNaN(demand);
    model.home[v] = homes[place] ?? -1;
    model.demandKnown[v] = isKnown ? 1 : 0;
    need[at + CPU_AT] = isKnown ? demand * (speeds[place] ?? 1) : (columns.vcpus[v] ?? 0) * fastest;
    need[at + MEMORY_AT] = columns.need[v] ?? 0;
    model.cost[v] = ((columns.memory[v] ?? 0) + perMove) * (columns.weight[v] ?? 1);
  }
  fillPagesAndExtras(model);
  held.set(need);
  for (let v = 0; v < columns.vms.length; v += 1) {
    const h = model.home[v] ?? -1;
    if (model.demandKnown[v] === 1 || model.hostMeasured[h] !== 1) continue;
    const worst = need[v * width + CPU_AT] ?? 0;
    const seen = Math.min(worst, (columns.used[v] ?? 0) * (model.hosts[h]?.cpu.coreSpeed ?? 1));
    held[v * width + CPU_AT] = seen;
    model.limit[h * width + CPU_AT] = (model.limit[h * width + CPU_AT] ?? 0) - (worst - seen);
  }
}

/** Of most fleets there are none. */
function fillPagesAndExtras(model: Unpriced): void {
  const { width, pageSizes, need, extras, vms } = model;
  if (pageSizes.length + extras.length === 0) return;
  for (const [v, vm] of vms.entries()) {
    const pages = hugePageNeed(vm);
    if (pages !== undefined) need[v * width + 2 + pageSizes.indexOf(pages.pageBytes)] = pages.bytes;
    fillVmExtras(model, v);
  }
}

/** Few were moved lately: by their names, not all VMs one by one. */
function markResting(model: Unpriced, snapshot: Snapshot, cooldown: number): void {
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
function fillLoad(model: Unpriced, used: Float64Array): void {
  const { width, net, gross, held, home } = model;
  const measured = new Float64Array(model.hosts.length);
  for (let v = 0; v < home.length; v += 1) {
    const h = home[v] ?? -1;
    if (h < 0) continue;
    for (let r = 0; r < width; r += 1) {
      net[h * width + r] = (net[h * width + r] ?? 0) + (held[v * width + r] ?? 0);
    }
    measured[h] = (measured[h] ?? 0) + (used[v] ?? 0);
  }
  for (const [h, host] of model.hosts.entries()) {
    const beside = Math.max(0, newest(host.metrics['cpu.used']) - (measured[h] ?? 0));
    // Sums of measurements differ in the last digits: that is no load.
    if (beside > 1e-6) net[h * width] = (net[h * width] ?? 0) + beside * host.cpu.coreSpeed;
  }
  gross.set(net);
}

/** Moves in flight and reservations: on both hosts for arrivals, on the target in the end. */
function countInFlight(model: Unpriced, snapshot: Snapshot): void {
  const counted = new Set<string>();
  const flights = [...snapshot.inFlight].sort((a, b) => compareText(a.move, b.move));
  for (const { move, vm, from, to } of flights) {
    const v = model.vmIndex.get(vm);
    // Of one that no inventory shows, its reservation is all that is known.
    if (v === undefined) continue;
    counted.add(move);
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
  // In one order: sums of the same in another differ in the last digits, and of two hosts that
  // wait for one VM the last is told.
  const reservations = snapshot.reservations.toSorted(
    (a, b) => compareText(a.move, b.move) || compareText(a.host, b.host),
  );
  for (const { move, vm, host, memoryBytes, cpu } of reservations) {
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
