/**
 * Snapshot + `resources` of the policies → what each host has and each VM needs. Pure. The nearest
 * entry decides (selector.ts); among equally near ones the careful answer does: the smallest
 * capacity and the largest need, and before both, that nobody knows.
 */

import type { Host } from '../domain/host.ts';
import { compareText, type HostId, type VmId } from '../domain/ids.ts';
import { own } from '../domain/own.ts';
import { declaredOf } from '../domain/resource-need.ts';
import type { AmountSource, HostHas, ResourceSpec, VmNeeds } from '../domain/resource-spec.ts';
import {
  type HostShare,
  ORDINARY_RESOURCES,
  type OrdinaryResource,
  type Resource,
} from '../domain/resource.ts';
import type { Selector } from '../domain/selector.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { type Ratio, ratio } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import { matches, nearness, type Selectable } from './selector.ts';

/** The snapshot with all resources that the policies name; itself where they name none. */
export function withResources(
  snapshot: Snapshot,
  specs: readonly ResourceSpec[],
  guests: readonly Selectable[],
): Snapshot {
  if (specs.length === 0) return snapshot;
  const margins = specs.filter(({ name }) => isOrdinary(name));
  const named = specs
    .filter(({ name }) => !isOrdinary(name))
    .sort((a, b) => compareText(a.name, b.name));
  const { hosts, ...rest } = snapshot;
  return {
    ...rest,
    hosts: margins.length === 0 ? hosts : hosts.map((host) => withMargins(host, margins)),
    ...(named.length > 0 && {
      resources: named.map((spec) => resolve(spec, snapshot, guests)),
    }),
  };
}

function isOrdinary(name: string): name is OrdinaryResource {
  return ORDINARY_RESOURCES.some((one) => one === name);
}

function resolve(spec: ResourceSpec, snapshot: Snapshot, guests: readonly Selectable[]): Resource {
  const { name, unit, transient, soft, imbalance } = spec;
  const hosts = new Map<HostId, HostShare>();
  const has = byNearness(spec.has, (entry) => entry.hosts);
  for (const host of snapshot.hosts) {
    const share = shareOf(
      nearest(has, (entry) => entry.hosts, host),
      host,
      name,
    );
    if (share !== undefined) hosts.set(host.id, share);
  }
  const vms = new Map<VmId, number>();
  const needs = byNearness(spec.needs, (entry) => entry.vms);
  for (const [index, vm] of snapshot.vms.entries()) {
    const guest = guests[index];
    if (guest === undefined) continue;
    const need = needOf(
      nearest(needs, (entry) => entry.vms, guest),
      vm,
      name,
    );
    if (need !== undefined) vms.set(vm.id, need);
  }
  const measured = spec.needs.some(({ source }) => source.kind === 'metric');
  return { name, unit, transient, soft, measured, imbalance, hosts, vms };
}

function byNearness<Entry>(
  entries: readonly Entry[],
  selectorOf: (entry: Entry) => Selector | undefined,
): readonly Entry[] {
  const rank = (entry: Entry): number => rankOf(selectorOf(entry));
  return entries.toSorted((a, b) => rank(b) - rank(a));
}

function rankOf(selector: Selector | undefined): number {
  return selector === undefined ? 0 : nearness(selector);
}

/** The entries about the subject that are as near as the nearest one. */
function nearest<Entry>(
  sorted: readonly Entry[],
  selectorOf: (entry: Entry) => Selector | undefined,
  subject: Selectable,
): readonly Entry[] {
  const about = sorted.filter((entry) => {
    const selector = selectorOf(entry);
    return selector === undefined || matches(selector, subject);
  });
  const [first] = about;
  if (first === undefined) return [];
  const rank = rankOf(selectorOf(first));
  return about.filter((entry) => rankOf(selectorOf(entry)) === rank);
}

/** A host that no entry is about has none; undefined: nobody knows. */
function shareOf(entries: readonly HostHas[], host: Host, name: string): HostShare | undefined {
  if (entries.length === 0) return { capacity: 0, safety: ratio(1) };
  let least: HostShare | undefined;
  for (const { source, safety = ratio(1), overcommit = 1 } of entries) {
    const amount = source === undefined ? undefined : amountOf(source, host, name);
    if (amount === undefined) return undefined;
    const share = { capacity: amount * overcommit, safety };
    const limit = (one: HostShare): number => one.capacity * one.safety;
    if (least === undefined || limit(share) < limit(least)) least = share;
  }
  return least;
}

/** A VM that no entry is about needs none; undefined: nobody knows. */
function needOf(entries: readonly VmNeeds[], vm: Vm, name: string): number | undefined {
  let most = 0;
  for (const { source, ifUnknown } of entries) {
    const amount = amountOf(source, vm, name) ?? ifUnknown;
    if (amount === undefined) return undefined;
    most = Math.max(most, amount);
  }
  return most;
}

function amountOf(source: AmountSource, entity: Host | Vm, name: string): number | undefined {
  switch (source.kind) {
    case 'amount':
      return source.amount;
    case 'label': {
      const text = own(entity.labels, source.label)?.trim() ?? '';
      return text === '' ? undefined : plausible(Number(text) * source.each);
    }
    case 'declared':
      return plausible(declaredOf(entity, name));
    case 'metric': {
      const windows: Vm['metrics'] = entity.metrics;
      const measured = windows[source.metric]?.[source.statistic];
      return measured?.kind === 'known' ? plausible(measured.value) : undefined;
    }
    default:
      return source satisfies never;
  }
}

function plausible(amount: number | undefined): number | undefined {
  return amount !== undefined && Number.isFinite(amount) && amount >= 0 ? amount : undefined;
}

/** What is said nearest of each figure by itself; what nobody says stays as `limits` say. */
function withMargins(host: Host, specs: readonly ResourceSpec[]): Host {
  const safety: Partial<Record<OrdinaryResource, Ratio>> = {};
  let overcommitMemory: Ratio | undefined;
  for (const { name, has } of specs) {
    if (!isOrdinary(name)) continue;
    const share = smallest(has, host, (entry) => entry.safety);
    if (share !== undefined) safety[name] = share;
    if (name === 'memory') overcommitMemory = smallest(has, host, (entry) => entry.overcommit);
  }
  const isSaid = Object.keys(safety).length > 0 || overcommitMemory !== undefined;
  return isSaid ? { ...host, margins: { safety, overcommitMemory } } : host;
}

function smallest(
  has: readonly HostHas[],
  host: Host,
  figure: (entry: HostHas) => Ratio | undefined,
): Ratio | undefined {
  const saying = byNearness(
    has.filter((entry) => figure(entry) !== undefined),
    (entry) => entry.hosts,
  );
  const near = nearest(saying, (entry) => entry.hosts, host);
  const said = near.flatMap((entry) => figure(entry) ?? []);
  return said.length === 0 ? undefined : ratio(Math.min(...said));
}
