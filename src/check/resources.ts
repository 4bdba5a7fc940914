/**
 * Resources that a policy names, as the capacity check counts them, and the moves that are wrong
 * because something about them is not known: what a VM needs, what a host has, what is taken there.
 */

import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Resource } from '../domain/resource.ts';
import { GIB } from '../domain/units.ts';
import type { Violation } from '../domain/violation.ts';
import type { Vm } from '../domain/vm.ts';
import type { Countable } from './countable.ts';
import { type Step, type World, against } from './world.ts';

/** What is not known counts as nothing here: {@link unknownResources} speaks against the move. */
export function namedResources(world: World): Countable[] {
  return (world.snapshot.resources ?? []).map((resource) => ({
    code: 'resource',
    transient: resource.transient,
    need: (vm) => wanted(resource, vm) ?? 0,
    own: () => 0,
    reserved(reservation) {
      const vm = world.vms.get(reservation.vm);
      return vm === undefined ? 0 : (wanted(resource, vm) ?? 0);
    },
    limit(host) {
      const share = resource.hosts.get(host.id);
      return share === undefined ? Number.POSITIVE_INFINITY : share.capacity * share.safety;
    },
    ...(resource.soft === true && {
      hardLimit: (host: Host) => resource.hosts.get(host.id)?.capacity ?? Number.POSITIVE_INFINITY,
    }),
    show: (amount) => `${amountText(resource, amount)} of ${resource.name}`,
  }));
}

export function unknownResources(world: World, steps: readonly Step[]): Violation[] {
  return (world.snapshot.resources ?? []).flatMap((resource) => {
    const dark = darkHosts(world, resource);
    return steps.flatMap((step) => {
      const need = wanted(resource, step.vm);
      const say = (detail: string): Violation[] => [against(step, 'resource-unknown', detail)];
      if (need === undefined) return say(`nobody knows what it needs of ${resource.name}`);
      if (need === 0) return [];
      if (!resource.hosts.has(step.to.id)) {
        return say(`nobody knows what ${step.to.id} has of ${resource.name}`);
      }
      const other = dark.get(step.to.id);
      if (other === undefined) return [];
      return say(`nobody knows what ${other} takes of ${resource.name} on ${step.to.id}`);
    });
  });
}

/** Hosts on which, or on the way to which, is a VM of which nobody knows what it takes. */
function darkHosts(world: World, resource: Resource): ReadonlyMap<HostId, string> {
  const { vms, inFlight, reservations } = world.snapshot;
  const dark = new Map<HostId, string>();
  const look = (vm: Vm | undefined, host: HostId): void => {
    if (vm !== undefined && wanted(resource, vm) === undefined) dark.set(host, vm.id);
  };
  for (const vm of vms) look(vm, vm.host);
  for (const { vm, to } of inFlight) look(world.vms.get(vm), to);
  for (const { vm, host } of reservations) look(world.vms.get(vm), host);
  return dark;
}

function wanted(resource: Resource, vm: Vm): number | undefined {
  if (vm.powerState === 'off') return 0;
  return resource.vms.get(vm.id);
}

function amountText({ unit }: Resource, amount: number): string {
  if (unit === 'bytes') return `${(amount / GIB).toFixed(1)} GiB`;
  return unit === 'bytes/s' ? `${(amount / 1e6).toFixed(1)} MB/s` : amount.toFixed(2);
}
