/** What hosts have and VMs need of resources, and how far hosts are filled, as resolved. */

import type { Host } from './host.ts';
import { own } from './own.ts';
import type { Limits } from './policy.ts';
import type { OrdinaryResource, Resource } from './resource.ts';
import type { Ratio } from './units.ts';
import type { Vm } from './vm.ts';

/** The share of its CPU or memory capacity that no arrival may exceed on this host. */
export function safetyOf(
  host: Host,
  resource: OrdinaryResource,
  limits: Pick<Limits, 'safetyCapacity'>,
): Ratio {
  return host.margins?.safety[resource] ?? limits.safetyCapacity[resource];
}

/** Guests' memory over what may be given to them on this host; >= 1. */
export function overcommitOf(host: Host, limits: Pick<Limits, 'overcommit'>): Ratio {
  return host.margins?.overcommitMemory ?? limits.overcommit.memory;
}

/** What the VM takes of the resource; undefined: nobody knows. */
export function resourceNeed(resource: Resource, vm: Vm): number | undefined {
  return vm.powerState === 'off' ? 0 : resource.vms.get(vm.id);
}

/** What an adapter or a fleet file says of the name; undefined: nothing. */
export function declaredOf(entity: Host | Vm, name: string): number | undefined {
  return entity.resources === undefined ? undefined : own(entity.resources, name);
}
