/** What an executor works with (executor.ts). */

import type { Breaker } from '../domain/breaker.ts';
import type { MoveId, SourceId } from '../domain/ids.ts';
import type { MoveRecord } from '../domain/journal.ts';
import type { ActingControllers } from '../domain/own-vm.ts';
import type { PolicySet } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { GuestProbe } from '../ports/guest-probe.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { ShortageParts } from './place-shortage.ts';
import type { RestartGuard } from './restart-guard.ts';
import type { ExecutionTiming, StageDefinition } from './move-task.ts';
import type { Sharing } from './places.ts';
import type { Standstills } from './standstills.ts';

export interface ExecutorParts extends Pick<ShortageParts, 'follower'> {
  readonly ledger: Ledger;
  readonly hypervisors: ReadonlyMap<SourceId, Hypervisor>;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly settings: () => PolicySet;
  /** The newest snapshot; with no hosts and VMs before the first. */
  readonly world: () => Snapshot;
  /** Absent: no host is ever known dead, so nothing is restarted. */
  readonly restarts?: RestartGuard | undefined;
  /** Absent: no guest is asked whether it answers. */
  readonly guests?: GuestProbe | undefined;
  /** Who of the controllers acts at this moment; absent: nobody can be asked. */
  readonly acting?: (() => Promise<ActingControllers>) | undefined;
  /** The breakers that are not closed, as of now; absent: none is ever open. */
  readonly breakers?: (() => readonly Breaker[]) | undefined;
  /** False: what waits goes on waiting; asked before each start. Absent: always. */
  readonly mayBegin?: (() => boolean) | undefined;
  /** Absent: nobody else can have the ledger open. */
  readonly sharing?: Sharing | undefined;
  readonly timing?: Partial<ExecutionTiming>;
  /** Absent: the executor has its own. */
  readonly standstills?: Standstills | undefined;
  /** Undefined: STAGE_TABLE. */
  readonly stages?: readonly StageDefinition[] | undefined;
  /** Whether a move that is found open is this controller's to take up; default: every one. */
  readonly takeUp?: (record: MoveRecord) => boolean;
  /**
   * Whether one that is not taken up counts in the caps all the same, for nobody else can follow it
   * either; default: every one.
   */
  readonly takesPlace?: (record: MoveRecord) => boolean;
  /**
   * Told of each move that is followed here no more: it has ended, or is others' to follow. What
   * was bound to it is free.
   */
  readonly letGo?: (move: MoveId) => void;
}
