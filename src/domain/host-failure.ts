/**
 * A host that does not answer: what is known of it, and what follows. Dead is told apart from
 * unreachable, because a guest that is started a second time while the first one still runs has
 * its disks destroyed: only a host whose power is confirmed off counts as dead.
 */

import { assertNever } from './result.ts';
import type { HostId, VmId } from './ids.ts';
import type { EpochSeconds } from './units.ts';

/**
 * - `unreachable`: its hypervisor does not answer; nothing says that its guests have stopped.
 * - `suspected-dead`: an independent sign says so too, for long enough; its power may still be on.
 * - `dead`: suspected or seen dead, and its power confirmed off: nothing can run there.
 * - `returned`: it was dead and answers again. It takes nothing in until the definitions of what
 *   was restarted elsewhere are removed from it, and somebody (or the policy) readmits it.
 *
 * A host that was dead stays held out until it is readmitted, whatever it says meanwhile: see
 * {@link HostFailureRecord.wasDead}.
 */
export const HOST_FAILURE_STATES = ['unreachable', 'suspected-dead', 'dead', 'returned'] as const;
export type HostFailureState = (typeof HOST_FAILURE_STATES)[number];

/** What says something about a host, independent of each other. */
export const SIGN_KINDS = [
  'adapter',
  'metrics',
  'probe',
  'guests',
  'peers',
  'alert',
  'power',
] as const;
export type SignKind = (typeof SIGN_KINDS)[number];

/** `unknown` says nothing, and is never taken for either of the others. */
export type SignVerdict = 'alive' | 'silent' | 'unknown';

export interface HostSign {
  readonly kind: SignKind;
  readonly verdict: SignVerdict;
  /** For people: "10.0.0.7:22 does not answer". */
  readonly detail: string;
  /** When it was answered, where that was asked for beside the looks; undefined: at the look. */
  readonly at?: EpochSeconds | undefined;
}

/** How it came to be known that the power is off. */
export interface PowerOff {
  readonly at: EpochSeconds;
  /** `fenced`: Drover turned it off; `found`: it was off when asked. */
  readonly how: 'fenced' | 'found';
}

/** A VM that was, or may have been, started elsewhere: the dead host still holds its definition. */
export interface RestartedVm {
  readonly vm: VmId;
  readonly name: string;
}

/** What the ledger keeps of a host from its first silence until it is readmitted. */
export interface HostFailureRecord {
  readonly host: HostId;
  readonly state: HostFailureState;
  /** Since when it is in this state. */
  readonly since: EpochSeconds;
  /** Since when its hypervisor has not answered, without a break. */
  readonly silentSince: EpochSeconds;
  /** Since when a second, independent sign says so too, and none contradicts; undefined: none. */
  readonly confirmedSince: EpochSeconds | undefined;
  /** Since when it answers again, without a break. */
  readonly answersSince: EpochSeconds | undefined;
  readonly signs: readonly HostSign[];
  readonly powerOff: PowerOff | undefined;
  readonly restarted: readonly RestartedVm[];
  /** It was dead, has given a sign of life since, and nobody has readmitted it. */
  readonly wasDead?: true | undefined;
  /** It was dead, has its power back since then, and has not answered yet: it may be booting. */
  readonly poweredOnAt?: EpochSeconds | undefined;
}

/** What the tick has to know of a failed host; part of the snapshot. */
export interface HostFailure {
  readonly state: HostFailureState;
  readonly since: EpochSeconds;
  readonly signs: readonly HostSign[];
  readonly powerOff: PowerOff | undefined;
  /** Why its VMs are not restarted elsewhere, with what to do; undefined: they may be. */
  readonly noRestart: string | undefined;
  readonly wasDead?: true | undefined;
}

/** What of a failure says whether its host is held out. */
export type Held = Pick<HostFailure, 'state' | 'wasDead'>;

/** Whether the VMs of the host may be started elsewhere. */
export function mayRestartFrom(failure: HostFailure | undefined): boolean {
  return failure?.state === 'dead' && failure.noRestart === undefined;
}

/** A host that takes nothing in, whatever was ordered about it. */
export function isHeldOut({ state, wasDead }: Held): boolean {
  switch (state) {
    case 'unreachable':
      return wasDead === true;
    case 'suspected-dead':
    case 'dead':
    case 'returned':
      return true;
    default:
      return assertNever(state, 'state of a failed host');
  }
}

/** But for the signs, whose details change at every look. */
export function isSameFailure(a: HostFailureRecord | undefined, b: HostFailureRecord): boolean {
  const without = (one: HostFailureRecord | undefined): string =>
    JSON.stringify(one === undefined ? one : { ...one, signs: [] });
  return without(a) === without(b);
}

/** For people, in one line. */
export function signsText(signs: readonly HostSign[]): string {
  return signs
    .filter(({ verdict }) => verdict !== 'unknown')
    .map(({ kind, verdict, detail }) => `${kind} ${verdict}${detail === '' ? '' : ` (${detail})`}`)
    .join(', ');
}
