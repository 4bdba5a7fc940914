/**
 * The VM that this very controller runs in, found by the UUID that the firmware of its machine
 * tells it (SMBIOS, DMTF DSP0134, "System UUID"): hypervisors give each guest one, and those whose
 * VMs have UUIDs for ids give it the same.
 *
 * SMBIOS before 2.6 did not say in which order the bytes of the first three fields stand: what one
 * side reads as 33221100-5544-7766-… may be 00112233-4455-6677-… to the other. Both are looked for.
 *
 * A VM that is found is protected as if a policy named it under `own`.
 */

import type { VmId } from '../domain/ids.ts';
import { OWN_ROLES } from '../domain/own-vm.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Vm } from '../domain/vm.ts';

/** The machine that a controller runs on. */
export interface OwnMachine {
  /** As the firmware tells it, in either order of bytes. */
  readonly uuid: string;
  /** Name of the controller. */
  readonly controller: string;
}

/** The VMs of the fleet that are this machine: one, where UUIDs are what they should be. */
export function foundIn({ vms }: Pick<Snapshot, 'vms'>, uuid: string): readonly Vm[] {
  const forms = new Set([uuid.toLowerCase(), swapped(uuid.toLowerCase())]);
  return vms.filter(({ id }) => isUuid(id) && forms.has(id.toLowerCase()));
}

/** The snapshot, with the VM in which the controller runs protected where no policy names it. */
export function withFound(snapshot: Snapshot, machine: OwnMachine): Snapshot {
  const found = new Set<VmId>();
  for (const vm of unnamedIn(snapshot, machine.uuid)) found.add(vm.id);
  if (found.size === 0) return snapshot;
  const vms = snapshot.vms.map((vm) => (found.has(vm.id) ? carrying(vm, machine) : vm));
  return { ...snapshot, vms };
}

/** Those of them that no policy says a controller to be in. */
export function unnamedIn(snapshot: Pick<Snapshot, 'vms'>, uuid: string): readonly Vm[] {
  return foundIn(snapshot, uuid).filter(({ own }) => own?.roles.includes('controller') !== true);
}

function carrying(vm: Vm, { controller }: OwnMachine): Vm {
  const named = new Set([...(vm.own?.roles ?? []), 'controller']);
  const roles = OWN_ROLES.filter((role) => named.has(role));
  return { ...vm, own: { ...vm.own, roles, controller } };
}

const UUID_LENGTH = 36;

function isUuid(id: string): boolean {
  return id.length === UUID_LENGTH;
}

/** The first three fields with their bytes the other way round. */
function swapped(uuid: string): string {
  const [first = '', second = '', third = '', ...rest] = uuid.split('-');
  return [...[first, second, third].map(backwards), ...rest].join('-');
}

function backwards(field: string): string {
  return (field.match(/../g) ?? []).toReversed().join('');
}
