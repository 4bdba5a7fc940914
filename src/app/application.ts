/** A plan that is being applied, as the desk keeps it; and what can be said of it alone. */

import type { GateVerdict, MoveRecord } from '../domain/journal.ts';
import type { MoveId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { type HandedIn, ownId } from './applied-plan.ts';

export interface Application {
  readonly id: string;
  readonly handedIn: HandedIn;
  readonly by: string;
  readonly at: EpochSeconds;
  readonly expiresAt: EpochSeconds;
  /** Done before it was handed in: nobody has to do them. */
  readonly before: ReadonlySet<MoveId>;
  verdicts: ReadonlyMap<MoveId, GateVerdict>;
  /** Which attempt it is of each move, by the file's ids; absent: the first. */
  readonly attempts: Map<MoveId, number>;
  /** By their own ids. Of the others, which may be thousands, the ledger is not asked. */
  readonly begun: Set<MoveId>;
  /** Those that have ended; their records change no more. */
  readonly ended: Map<MoveId, MoveRecord>;
  /** Nothing of it was left that may begin when it was last looked at. */
  over: boolean;
  /** By a person, and for good: what is carried out at that moment never takes it back. */
  cancelled: boolean;
}

export function isClosed({ over, cancelled }: Application): boolean {
  return over || cancelled;
}

export function attemptOf({ attempts }: Application, { id }: Move): number {
  return attempts.get(id) ?? 1;
}

/** By which the ledger knows its newest attempt. */
export function idIn(own: Application, move: Move): MoveId {
  return ownId(own.id, move, attemptOf(own, move));
}

export function isUnderWay(record: MoveRecord | undefined): boolean {
  return record !== undefined && record.result === undefined;
}
