/**
 * Why the power of a suspected host is not cut, with what to do about it. Pure. Cutting power kills
 * whatever may still run there, and whatever is just being done to the host, so it needs a device,
 * the policy's word, something to be won, the mode, nobody at work on it, no boot that may be going
 * on, and a world in which not half of the fleet, or of its cluster, is suspected at once: then it
 * is more likely that Drover is cut off.
 */

import type { HostFailureRecord } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import { leaseScope } from '../domain/lease.ts';
import type { PolicySet } from '../domain/policy.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { modeOf } from './mode.ts';

/** "At once", as the mass-failure guard of the gate takes it. */
const AT_ONCE_SECONDS = 600;
const SMALLEST_MASS = 2;
/** Servers take minutes from power to an answer: cut again meanwhile, none would come back. */
const BOOT_SECONDS = 600;

export const NO_METHOD = 'the adapter of its hypervisor cannot restart VMs';

export interface FencingQuestion {
  readonly host: Host;
  readonly record: HostFailureRecord;
  /** Of the other hosts that count: not of those that may be off on purpose. */
  readonly others: readonly HostFailureRecord[];
  /** The whole fleet. */
  readonly hosts: readonly Host[];
  readonly hasDevice: boolean;
  /** Whether its hypervisor's adapter can start VMs elsewhere: else nothing is won by it. */
  readonly canRestart: boolean;
  readonly isPaused: boolean;
  /** Who may have it off or rebooting on purpose ({@link whoIsAtWork}); undefined: nobody. */
  readonly atWork: string | undefined;
  readonly policies: Pick<PolicySet, 'hostFailure' | 'limits' | 'mode'>;
  readonly now: EpochSeconds;
}

/** Undefined: its power may be cut. */
export function fencingObjection(question: FencingQuestion): string | undefined {
  const { host, record, hasDevice, canRestart, isPaused, atWork, policies, now } = question;
  if (!hasDevice) {
    return 'no device is known that could confirm its power off (fencing in drover.yaml)';
  }
  if (policies.hostFailure.fence === 'never') {
    return 'its power is not confirmed off, and hostFailure.fence is never: turn it off by hand';
  }
  if (policies.hostFailure.restart !== 'fenced') {
    return 'its power is not cut: hostFailure.restart is never, so nothing would be won by it';
  }
  if (!canRestart) return `its power is not cut: ${NO_METHOD}`;
  const mode = modeOf(host, policies);
  if (mode !== 'automatic') return `its power is not cut in mode ${mode}: turn it off by hand`;
  if (isPaused) return 'its power is not cut while Drover is paused';
  if (atWork !== undefined) return `its power is not cut: ${atWork} may be at work on it`;
  const { poweredOnAt } = record;
  if (poweredOnAt !== undefined && now - poweredOnAt < BOOT_SECONDS) {
    return 'its power is not cut yet: that has just come back, so it may be booting';
  }
  return massObjection(question);
}

/**
 * Too many fell silent with this one, of the fleet or of its own cluster, whose hosts share a
 * network: then that is suspected, or Drover itself.
 */
function massObjection({ host, record, others, hosts, policies }: FencingQuestion) {
  const silent = new Set(others.filter((one) => isAtOnce(one, record)).map((one) => one.host));
  const share = policies.limits.massFailureShare;
  const scopes = [
    { of: 'hosts', among: hosts },
    { of: `hosts of ${leaseScope(host)}`, among: hosts.filter((one) => isBeside(one, host)) },
  ];
  for (const { of, among } of scopes) {
    const together = 1 + among.filter(({ id }) => id !== host.id && silent.has(id)).length;
    if (together < SMALLEST_MASS || together <= share * among.length) continue;
    return (
      `its power is not cut: ${together} of ${among.length} ${of} fell silent at once, ` +
      'so the network or Drover itself is suspected'
    );
  }
  return undefined;
}

function isBeside(one: Host, host: Host): boolean {
  return leaseScope(one) === leaseScope(host);
}

function isAtOnce(one: HostFailureRecord, record: HostFailureRecord): boolean {
  const { state, silentSince, answersSince } = one;
  const isSilent = state !== 'returned' && answersSince === undefined;
  return isSilent && Math.abs(silentSince - record.silentSince) <= AT_ONCE_SECONDS;
}
