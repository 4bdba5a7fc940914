/**
 * What a domain's state, reason and job mean: the one place that reads libvirt's state machine, for
 * the inventory, for sightings and for moves.
 */

import { jobOf, stateOf, type Domain, type DomainJob, type DomainState } from './calls/domain.ts';
import {
  DOMAIN_STATE,
  ERROR,
  JOB_OPERATION,
  JOB_TYPE,
  PAUSED_REASON,
  RUNNING_REASON,
} from './native/constants.ts';
import { isLibvirtError } from './native/errors.ts';
import type { PowerState } from '../../src/domain/vm.ts';
import type { Sighting } from '../../src/ports/hypervisor.ts';

export interface DomainStatus extends DomainState {
  readonly job: DomainJob;
}

export const NO_JOB: DomainJob = { type: JOB_TYPE.none, operation: undefined, stats: {} };

/**
 * Two calls, and the guest may leave between them. The job is read first: a guest without a job is
 * then in a state that its last job left behind. The other way round, a guest that has just left
 * would be told as running here, with no move under way.
 */
export async function statusOf(domain: Domain): Promise<DomainStatus> {
  const job = await currentJobOf(domain);
  const state = await stateOf(domain);
  return { ...state, job: isOff(state) ? NO_JOB : job };
}

/** The job under way. The receiving end of a migration has one, but no figures about it. */
export async function currentJobOf(domain: Domain): Promise<DomainJob> {
  try {
    return await jobOf(domain);
  } catch (error) {
    // "migration statistics are available only on the source host"
    if (isLibvirtError(error, ERROR.operationUnsupported)) {
      return { type: JOB_TYPE.none, operation: JOB_OPERATION.migrationIn, stats: {} };
    }
    // It is shut off.
    if (isLibvirtError(error, ERROR.operationInvalid)) return NO_JOB;
    throw error;
  }
}

/** Only a stored definition: nothing runs. */
export function isOff({ state }: DomainState): boolean {
  return state === DOMAIN_STATE.shutoff || state === DOMAIN_STATE.crashed;
}

export function sightingStateOf(status: DomainStatus): Sighting['state'] {
  const { state, reason, job } = status;
  switch (state) {
    case DOMAIN_STATE.running:
    case DOMAIN_STATE.blocked:
      if (reason === RUNNING_REASON.postCopy) return 'post-copy';
      if (reason === RUNNING_REASON.postCopyFailed) return 'post-copy-paused';
      return 'running';
    case DOMAIN_STATE.paused:
      if (reason === PAUSED_REASON.postCopyFailed) return 'post-copy-paused';
      if (job.operation === JOB_OPERATION.migrationIn) return 'incoming';
      // Between two steps of its set-up the receiving end shows no job.
      if (reason === PAUSED_REASON.startingUp) return 'incoming';
      if (reason === PAUSED_REASON.migration && job.type === JOB_TYPE.none) return 'incoming';
      return 'paused';
    // Powered off, and QEMU is about to end: also the source of a move that has just arrived.
    case DOMAIN_STATE.shutdown:
    case DOMAIN_STATE.pmSuspended:
      return 'paused';
    case DOMAIN_STATE.shutoff:
    case DOMAIN_STATE.crashed:
      return 'defined';
    default:
      return 'unknown';
  }
}

export function powerStateOf(status: DomainStatus): PowerState {
  switch (sightingStateOf(status)) {
    case 'running':
    case 'post-copy':
      return 'running';
    case 'paused':
    case 'incoming':
    case 'post-copy-paused':
      return 'paused';
    case 'defined':
      return status.state === DOMAIN_STATE.crashed ? 'crashed' : 'off';
    case 'unknown':
      return 'unknown';
  }
}

/** Another operation than a migration holds the domain: a backup, a snapshot, a save. */
export function isHeld({ job }: DomainStatus): boolean {
  if (job.type === JOB_TYPE.none || job.operation === undefined) return false;
  const { start, migrationIn, migrationOut } = JOB_OPERATION;
  return ![start, migrationIn, migrationOut].some((operation) => operation === job.operation);
}
