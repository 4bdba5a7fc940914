/** A plan that is being applied, as the desk keeps it; and what can be said of it alone. */

import type { AppliedPlan } from '../domain/applied-plan.ts';
import type { GateVerdict, MoveRecord } from '../domain/journal.ts';
import type { MoveId, PlanId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { type HandedIn, ownId } from './applied-plan.ts';

export interface Application {
  readonly id: PlanId;
  readonly handedIn: HandedIn;
  readonly by: string;
  readonly controller: string;
  readonly at: EpochSeconds;
  readonly expiresAt: EpochSeconds;
  /** Done before it was handed in: nobody has to do them. */
  readonly before: ReadonlySet<MoveId>;
  verdicts: ReadonlyMap<MoveId, GateVerdict>;
  /** Which attempt it is of each move, by the file's ids; absent: the first. */
  readonly attempts: Map<MoveId, number>;
  /**
   * By their own ids, those of a life before this one, too. Of the others, which may be thousands,
   * the ledger is not asked.
   */
  readonly begun: Set<MoveId>;
  /** Those that have ended; their records change no more. */
  readonly ended: Map<MoveId, MoveRecord>;
  /**
   * Nothing more of it is begun. `over`: nothing was left that may begin; `cancelled`: by a person.
   */
  closed?: 'over' | 'cancelled';
  /** The ledger knows that it is closed. */
  filed: boolean;
}

export function applicationOf({ key, moves, before, ...kept }: AppliedPlan): Application {
  return {
    ...kept,
    handedIn: { key, moves },
    before: new Set(before),
    verdicts: new Map(),
    attempts: new Map(),
    begun: new Set(),
    ended: new Map(),
    filed: false,
  };
}

/** As the ledger keeps it. */
export function keptOf(own: Application): AppliedPlan {
  const { id, by, controller, at, expiresAt, handedIn, before } = own;
  return { id, by, controller, at, expiresAt, ...handedIn, before: [...before] };
}

export function isClosed({ closed }: Application): boolean {
  return closed !== undefined;
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
