/**
 * The VMs that Drover itself stands on: those that carry its controllers, its ledger, its metric
 * store, and the managers of hypervisors. A policy names them (`own`).
 *
 * - They move only where they have to: off a host that is emptied, to mend a hard rule that no
 *   other VM's move could mend, to come home. Nobody moves them for load, power or good looks, or
 *   to make room.
 * - They move last in any plan, one at a time, and nothing of this controller moves beside them
 *   (`Move.alone`): whatever a move of theirs breaks, nothing else is under way then.
 * - By pre-copy only, and nothing that slows the guest down or stops it for longer is tried when
 *   it does not converge: it is given up, and the guest goes on where it is.
 * - A controller whose VM has to leave hands its leases to a standby first. Without one the VM
 *   stays, and the operator is told, unless the policy says otherwise.
 */

import type { Refusal } from './refusal.ts';

export const OWN_ROLES = ['controller', 'ledger', 'metrics', 'manager'] as const;
export type OwnRole = (typeof OWN_ROLES)[number];

export interface OwnVm {
  /** At least one, in the order of OWN_ROLES. */
  readonly roles: readonly OwnRole[];
  /** Role controller: which one, by its name; absent: any of them may be the one. */
  readonly controller?: string | undefined;
  /**
   * Role controller: it holds leases at this moment. `with-standby`: another can take them over;
   * `alone`: none can. Absent: it holds none, or nobody knows of any ledger (fleet files).
   */
  readonly acting?: 'with-standby' | 'alone' | undefined;
}

/** Who of the controllers acts, as the ledger says. */
export interface ActingControllers {
  /** Names of those that hold leases. */
  readonly names: ReadonlySet<string>;
  /** All that showed themselves within the last day. */
  readonly known: ReadonlySet<string>;
  /** Whether others, that live, could take over all that the controller of that name holds. */
  readonly hasStandby: (name: string) => boolean;
}

/** Marked with who acts. A name that nobody knows may be any of them, like none at all. */
export function actingAs(own: OwnVm, { names, known, hasStandby }: ActingControllers): OwnVm {
  const { controller, acting: _before, ...rest } = own;
  if (!own.roles.includes('controller')) return own;
  const isKnown = controller !== undefined && known.has(controller);
  const who = isKnown ? [controller].filter((one) => names.has(one)) : [...names];
  const kept = { ...rest, ...(controller !== undefined && { controller }) };
  if (who.length === 0) return kept;
  return { ...kept, acting: isKnown && who.every(hasStandby) ? 'with-standby' : 'alone' };
}

/** What becomes of the VM of a controller for which no other can stand in. */
export const WITHOUT_STANDBY = ['leave', 'move'] as const;
export type WithoutStandby = (typeof WITHOUT_STANDBY)[number];

const NOUNS: Readonly<Record<OwnRole, string>> = {
  controller: 'a controller of Drover',
  ledger: "Drover's ledger",
  metrics: "Drover's metric store",
  manager: 'the manager of a hypervisor',
};

/** "carries the controller ada and Drover's ledger". */
export function carriedText({ roles, controller }: OwnVm): string {
  const named = controller === undefined ? NOUNS.controller : `the controller ${controller}`;
  const nouns = roles.map((role) => (role === 'controller' ? named : NOUNS[role]));
  return `carries ${nouns.join(' and ')}`;
}

/** Why the VM waits for its leases to be given away; undefined: it does not. */
export function leaseRefusal(
  own: OwnVm | undefined,
  withoutStandby: WithoutStandby,
): Pick<Refusal, 'code' | 'detail'> | undefined {
  if (own?.acting === undefined) return undefined;
  if (own.acting === 'with-standby') {
    return {
      code: 'own-leases',
      detail: `it ${carriedText(own)}, whose leases go to a standby first`,
    };
  }
  if (withoutStandby === 'move') return undefined;
  return { code: 'own-leases', detail: `it ${carriedText(own)}, and no standby can take over` };
}
