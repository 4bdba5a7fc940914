/**
 * A move that Drover would have made where it only observes, beside what really happened: from when
 * it was first wanted until that is known. One at most is open for each VM.
 */

import type { FindingId, HostId, SourceId, VmId } from './ids.ts';
import type { EpochSeconds, Seconds } from './units.ts';

/**
 * - `moved-there`, `moved-elsewhere`: somebody else moved the VM, to the host that Drover would
 *   have taken, or to another one.
 * - `carried-out`: Drover itself moved it, by an order or in another mode.
 * - `ended`: the finding was over, and the VM had stayed.
 * - `other-vm`, `not-planned`: the finding holds, and the plan moves another VM for it, or nothing.
 * - `unknown`: nobody looked for a while, and it was not wanted afterwards.
 */
export const OBSERVED_OUTCOMES = [
  'moved-there',
  'moved-elsewhere',
  'carried-out',
  'ended',
  'other-vm',
  'not-planned',
  'deleted',
  'powered-off',
  'unknown',
] as const;
export type ObservedOutcome = (typeof OBSERVED_OUTCOMES)[number];

/** What may pass again: it is believed when it has lasted. */
export type AwayKind = Extract<
  ObservedOutcome,
  'ended' | 'other-vm' | 'not-planned' | 'deleted' | 'powered-off'
>;

export interface Away {
  readonly kind: AwayKind;
  /** Since when it is that. */
  readonly since: EpochSeconds;
  /** Since when the move is not wanted, for whatever reason. */
  readonly unwantedSince: EpochSeconds;
}

/** A time in which nobody looked. */
export interface Gap {
  readonly from: EpochSeconds;
  readonly to: EpochSeconds;
}

export interface ObservedMove {
  readonly id: string;
  readonly vm: VmId;
  readonly vmName: string;
  readonly source: SourceId;
  readonly from: HostId;
  /** The newest target. */
  readonly to: HostId;
  /** The newest that asks for it. */
  readonly finding: FindingId;
  /** What the first one said. */
  readonly why: string;
  readonly firstAt: EpochSeconds;
  readonly lastAt: EpochSeconds;
  /** How often another target took the place of the one before. */
  readonly retargets: number;
  /** When somebody last looked who acts there. */
  readonly lookedAt: EpochSeconds;
  /** Absent: it is wanted. */
  readonly away?: Away | undefined;
  /** The last one, after which it was not wanted yet. */
  readonly gap?: Gap | undefined;
  /** All such times together; absent: none. */
  readonly unseenSeconds?: Seconds | undefined;
}

/** What really happened. */
export interface ObservedEnd {
  readonly outcome: ObservedOutcome;
  /** When it was seen. */
  readonly at: EpochSeconds;
  /** Nobody looked from then on until it was seen; absent: somebody did. */
  readonly notBefore?: EpochSeconds | undefined;
  /** Where the VM was then; absent: nowhere. */
  readonly host?: HostId | undefined;
}

export interface SettledMove extends ObservedMove {
  readonly end: ObservedEnd;
}
