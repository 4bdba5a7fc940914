/** Which VMs Drover stands on (`own` in the policies), and who of them acts at the moment. */

import type { OwnRule } from '../domain/policy.ts';
import { type ActingControllers, actingAs, OWN_ROLES } from '../domain/own-vm.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Vm } from '../domain/vm.ts';
import { matches, type Selectable, selectableVm } from './selector.ts';

/** A VM that no entry means stays what the fleet file says that it is. */
export function ownIn(
  rules: readonly OwnRule[],
  vm: Vm,
  subject: Selectable | undefined,
): Pick<Vm, 'own'> {
  if (rules.length === 0 || subject === undefined) return {};
  const about = rules.filter(({ vms }) => matches(vms, subject));
  if (about.length === 0) return {};
  const named = new Set(about.map(({ role }) => role));
  const controllers = new Set(
    about.flatMap(({ role, controller }) => {
      return role === 'controller' ? [controller] : [];
    }),
  );
  // Two names for one VM: it may be either of them.
  const [controller] = controllers.size === 1 ? controllers : [];
  const roles = OWN_ROLES.filter((role) => named.has(role));
  return { own: { ...vm.own, roles, ...(controller !== undefined && { controller }) } };
}

/** The snapshot, with what the VMs of controllers have to wait for. */
export function withActing(snapshot: Snapshot, acting: ActingControllers): Snapshot {
  if (snapshot.vms.every(({ own }) => own === undefined)) return snapshot;
  return { ...snapshot, vms: snapshot.vms.map((vm) => marked(vm, acting)) };
}

function marked(vm: Vm, acting: ActingControllers): Vm {
  return vm.own === undefined ? vm : { ...vm, own: actingAs(vm.own, acting) };
}

/** The VMs that an entry means. */
export function meantBy(rule: OwnRule, { vms, hosts }: Snapshot): readonly Vm[] {
  const places = new Map(hosts.map((host) => [host.id, host]));
  return vms.filter((vm) => matches(rule.vms, selectableVm(vm, places.get(vm.host))));
}

/** Of a source that does not answer nobody knows all hosts and VMs. */
export function isWhole({ sources }: Pick<Snapshot, 'sources'>): boolean {
  return sources.every(({ state }) => state === 'up');
}

/**
 * What is wrong with entries in this fleet, for people: a name that was mistyped protects nothing.
 * @param known names of the controllers; undefined: nobody can be asked.
 */
export function ownNotes(
  rules: readonly OwnRule[],
  snapshot: Snapshot,
  known: ReadonlySet<string> | undefined,
): readonly string[] {
  return rules.flatMap((rule) => {
    const { role, origin, controller } = rule;
    const isIdle = isWhole(snapshot) && meantBy(rule, snapshot).length === 0;
    const isStrange = controller !== undefined && known?.has(controller) === false;
    return [
      ...(isIdle ? [`own (${role}, ${origin}): no VM of the fleet is meant by it`] : []),
      ...(isStrange
        ? [`own (${origin}): no controller ${controller} is known: its VM stays where it is`]
        : []),
    ];
  });
}
