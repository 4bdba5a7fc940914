/**
 * Resources that a policy names, as further places of the model's resource vector: they follow CPU,
 * memory and huge pages in the order of their names, and the search treats them like those.
 *
 * What is not known is never zero: a VM of which nobody knows what it needs is stuck (State.stuck),
 * and its host has no room for anybody who needs the resource. A host of which nobody knows what
 * it has, has none. What is not transient counts from the start of a move on the target only.
 */

import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import { resourceNeed } from '../domain/resource-need.ts';
import type { Resource } from '../domain/resource.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Vm } from '../domain/vm.ts';

/** The part of the model (model.ts) that is filled here. */
interface Vectors {
  readonly hosts: readonly Host[];
  readonly vms: readonly Vm[];
  readonly hostIndex: ReadonlyMap<HostId, number>;
  readonly width: number;
  readonly extras: readonly Resource[];
  readonly firstExtra: number;
  readonly need: Float64Array;
  readonly held: Float64Array;
  readonly capacity: Float64Array;
  readonly safety: Float64Array;
  readonly limit: Float64Array;
  readonly gross: Float64Array;
  readonly net: Float64Array;
  readonly needUnknown: Uint8Array | undefined;
}

/** Per VM: 1 when its need of one of them is not known; undefined: all are. */
export function needsUnknown(
  vms: readonly Vm[],
  extras: readonly Resource[],
): Uint8Array | undefined {
  let unknown: Uint8Array | undefined;
  for (const extra of extras) {
    for (const [v, vm] of vms.entries()) {
      if (resourceNeed(extra, vm) !== undefined) continue;
      unknown ??= new Uint8Array(vms.length);
      unknown[v] = 1;
    }
  }
  return unknown;
}

export function fillHostExtras(model: Vectors, h: number): void {
  const host = model.hosts[h];
  if (host === undefined || model.extras.length === 0) return;
  for (const [index, extra] of model.extras.entries()) {
    const share = extra.hosts.get(host.id);
    const at = h * model.width + model.firstExtra + index;
    model.capacity[at] = share?.capacity ?? 0;
    model.safety[at] = share?.safety ?? 1;
  }
}

export function fillVmExtras(model: Vectors, v: number): void {
  const vm = model.vms[v];
  if (vm === undefined || model.extras.length === 0) return;
  const first = v * model.width + model.firstExtra;
  for (const [index, extra] of model.extras.entries()) {
    model.need[first + index] = resourceNeed(extra, vm) ?? 0;
  }
}

/** Hosts on which nobody knows what one of the VMs takes, or comes to take, have no room left. */
export function closeUnknown(model: Vectors, { inFlight, reservations }: Snapshot): void {
  const { needUnknown, vms, hostIndex, extras, firstExtra, width } = model;
  if (needUnknown === undefined) return;
  const coming = [...inFlight.map(({ vm, to }) => ({ vm, host: to })), ...reservations];
  const there = Map.groupBy(coming, ({ vm }) => vm);
  for (const [v, vm] of vms.entries()) {
    if (needUnknown[v] !== 1) continue;
    const ends = [vm.host, ...(there.get(vm.id) ?? []).map(({ host }) => host)];
    for (const [index, extra] of extras.entries()) {
      if (resourceNeed(extra, vm) !== undefined) continue;
      for (const end of ends) {
        const h = hostIndex.get(end);
        if (h !== undefined) model.limit[h * width + firstExtra + index] = 0;
      }
    }
  }
}

/** A VM that is on its way leaves at once what is not transient. */
export function releaseAtOnce(model: Vectors, v: number, from: number): void {
  for (const [index, { transient }] of model.extras.entries()) {
    if (transient) continue;
    const r = model.firstExtra + index;
    const at = from * model.width + r;
    model.gross[at] = (model.gross[at] ?? 0) - (model.held[v * model.width + r] ?? 0);
  }
}

/** What a move that is about to start will take: reservations hold CPU and memory only. */
export function reserveExtras(model: Vectors, v: number, to: number): void {
  for (const index of model.extras.keys()) {
    const r = model.firstExtra + index;
    const at = to * model.width + r;
    const need = model.need[v * model.width + r] ?? 0;
    model.gross[at] = (model.gross[at] ?? 0) + need;
    model.net[at] = (model.net[at] ?? 0) + need;
  }
}
