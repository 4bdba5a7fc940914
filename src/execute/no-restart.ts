/** Why the VMs of a failed host are not restarted elsewhere, with what to do about it. Pure. */

import type { HostFailureRecord, HostSign } from '../domain/host-failure.ts';
import type { PolicySet } from '../domain/policy.ts';
import { assertNever } from '../domain/result.ts';
import { NO_METHOD } from './fencing-guard.ts';

export interface RestartTerms {
  readonly settings: Pick<PolicySet, 'hostFailure'>;
  /** Whether its hypervisor's adapter can start VMs elsewhere. */
  readonly canRestart: boolean;
  /** Why its power is not cut; undefined: it is being cut. */
  readonly objection: string | undefined;
}

/** Undefined: they are. */
export function noRestart(record: HostFailureRecord, terms: RestartTerms): string | undefined {
  switch (record.state) {
    case 'dead':
      if (terms.settings.hostFailure.restart !== 'fenced') {
        return 'hostFailure.restart is never in the policy';
      }
      return terms.canRestart ? undefined : NO_METHOD;
    case 'suspected-dead':
      return terms.objection ?? `its power is being cut${deviceText(record.signs)}`;
    case 'unreachable':
      return 'only its hypervisor is silent: its VMs may well run';
    case 'returned':
      return 'it answers again';
    default:
      return assertNever(record.state, 'state of a failed host');
  }
}

function deviceText(signs: readonly HostSign[]): string {
  const said = signs.find(({ kind }) => kind === 'power')?.detail ?? '';
  return said === '' ? ', and not confirmed off yet' : `, and its device says: ${said}`;
}
