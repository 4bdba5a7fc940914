/** What is said of resources: their names, amounts in words, and why there is not enough of one. */

import { resourceNeed } from '../domain/resource-need.ts';
import type { Resource } from '../domain/resource.ts';
import { CPU, HUGE_PAGES, MEMORY, RESOURCE, RESOURCE_UNKNOWN } from './codes.ts';
import { CPU_AT, MEMORY_AT, type Model } from './model.ts';

/** Whether nobody knows how much of it there is, or how much of that is taken. */
export function isUnknownAt(model: Model, h: number, resource: number): boolean {
  const extra = model.extras[resource - model.firstExtra];
  const host = model.hosts[h];
  if (extra === undefined || host === undefined) return false;
  const at = h * model.width + resource;
  return !extra.hosts.has(host.id) || (model.limit[at] === 0 && (model.safe[at] ?? 0) > 0);
}

/** Where {@link isUnknownAt}: what of it is not known. */
export function unknownRoom(model: Model, h: number, resource: number): string {
  const extra = model.extras[resource - model.firstExtra];
  const host = model.hosts[h];
  const hasHost = host === undefined || extra?.hosts.has(host.id) === true;
  const what = hasHost ? 'a VM there takes' : 'the host has';
  return `nobody knows what ${what} of ${extra?.name ?? ''}`;
}

/** The names of what nobody knows how much the VM needs of. */
export function unknownNeeds({ extras, vms }: Model, v: number): readonly string[] {
  const vm = vms[v];
  if (vm === undefined) return [];
  return extras.filter((one) => resourceNeed(one, vm) === undefined).map(({ name }) => name);
}

/** The code that says that the host has not enough of the resource. */
export function resourceCode(model: Model, h: number, resource: number): number {
  if (resource === CPU_AT) return CPU;
  if (resource === MEMORY_AT) return MEMORY;
  if (resource < model.firstExtra) return HUGE_PAGES;
  return isUnknownAt(model, h, resource) ? RESOURCE_UNKNOWN : RESOURCE;
}

/** For people. */
export function resourceName(model: Model, resource: number): string {
  if (resource === CPU_AT) return 'CPU';
  if (resource === MEMORY_AT) return 'memory';
  return model.extras[resource - model.firstExtra]?.name ?? 'huge pages';
}

/** For messages: CPU in threads, memory in GiB, others with their names. */
export function formatAmount(model: Model, resource: number, amount: number): string {
  if (resource === CPU_AT) return `${amount.toFixed(2)} CPU`;
  const extra = model.extras[resource - model.firstExtra];
  if (extra === undefined) return `${(amount / 2 ** 30).toFixed(1)} GiB`;
  return `${shown(extra, amount)} of ${extra.name}`;
}

function shown({ unit }: Resource, amount: number): string {
  switch (unit) {
    case 'bytes':
      return `${(amount / 2 ** 30).toFixed(1)} GiB`;
    case 'bytes/s':
      return `${(amount / 1e6).toFixed(1)} MB/s`;
    case 'number':
      return String(Number(amount.toPrecision(4)));
    default:
      return unit satisfies never;
  }
}
