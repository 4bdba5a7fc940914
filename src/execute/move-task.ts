/**
 * One move being carried out: what its stages share. It holds no truth of its own; after a crash
 * it is made anew from the ledger's record, and the hypervisors are asked.
 */

import type { Breaker } from '../domain/breaker.ts';
import type { HostId } from '../domain/ids.ts';
import type { MoveRecord, MoveResult, Outcome, Stage } from '../domain/journal.ts';
import type { ActingControllers } from '../domain/own-vm.ts';
import type { Move } from '../domain/plan.ts';
import type { LadderStep, PolicySet } from '../domain/policy.ts';
import type { RefusalCode } from '../domain/refusal.ts';
import type { Reservation, Snapshot } from '../domain/snapshot.ts';
import { type Bytes, type Seconds, seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { GuestProbe } from '../ports/guest-probe.ts';
import type { Hypervisor, HypervisorCapabilities, MoveOrder } from '../ports/hypervisor.ts';
import type { Ledger } from '../ports/ledger.ts';
import { callWithin, RETRY, withRetry } from './call.ts';
import type { GivenUp } from './given-up.ts';
import type { RestartGuard } from './restart-guard.ts';
import type { StandingReader } from './standing.ts';
import type { Standstills } from './standstills.ts';
import type { VmPast } from './vm-past.ts';
import { type Looks, type Whereabouts, whereabouts } from './whereabouts.ts';

/** What the executor works with. */
export interface ExecutionParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly settings: () => PolicySet;
  /** The world as it is now, without the move that asks (current-world.ts). */
  readonly world: (asking: Move) => Snapshot;
  readonly timing: ExecutionTiming;
  /** Undefined: no host is ever known dead. */
  readonly restarts?: RestartGuard | undefined;
  /** What a move goes through, in this order; undefined: STAGE_TABLE. Others are for tests. */
  readonly stages?: readonly StageDefinition[] | undefined;
  readonly breakers?: (() => readonly Breaker[]) | undefined;
  readonly guests?: GuestProbe | undefined;
  readonly acting?: (() => Promise<ActingControllers>) | undefined;
  readonly standing: Pick<StandingReader, 'read' | 'spent'>;
  readonly standstills?: Standstills | undefined;
}

export interface ExecutionTiming {
  /** The longest that any one call to a hypervisor may take. */
  readonly callSeconds: Seconds;
  /** Between two questions about a running move: at first, and at the most. */
  readonly pollSeconds: Seconds;
  readonly longestPollSeconds: Seconds;
  /** Between two looks at a VM whose place is not clear; what is seen twice is believed. */
  readonly settleSeconds: Seconds;
  /** How long an unclear place may stay unclear, with every host answering, before a human. */
  readonly patienceSeconds: Seconds;
  /** Between two progress events of one move. */
  readonly progressSeconds: Seconds;
  /** How long after its end a move may still be missing in an inventory that is asked for. */
  readonly pollLagSeconds: Seconds;
}

export const DEFAULT_TIMING: ExecutionTiming = {
  callSeconds: seconds(60),
  pollSeconds: seconds(0.5),
  longestPollSeconds: seconds(5),
  settleSeconds: seconds(3),
  patienceSeconds: seconds(300),
  progressSeconds: seconds(2),
  pollLagSeconds: seconds(30),
};

/** How a stage ended. */
export type StageEnd =
  /** `note`: what the journal is to remember of it; `holds`: capacity, held from then on. */
  | {
      readonly kind: 'next';
      readonly note?: string | undefined;
      readonly holds?: Reservation | undefined;
    }
  /** Nothing was started, and nothing is wrong with the VM. `held`: see `MoveResult.held`. */
  | {
      readonly kind: 'skipped';
      readonly code: RefusalCode;
      readonly detail: string;
      readonly held?: true | undefined;
    }
  /** `instead`: what may be tried in its place; `remains`: the target may hold a part of the VM. */
  | {
      readonly kind: 'failed';
      readonly detail: string;
      readonly instead?: 'cold' | undefined;
      readonly remains?: true | undefined;
    }
  | { readonly kind: 'cancelled'; readonly detail: string }
  /** Nothing more is touched. */
  | { readonly kind: 'needs-human'; readonly detail: string }
  /** Drover stops: the move goes on without it, and is adopted at the next start. */
  | { readonly kind: 'detached' };

/** One stage: what is done, how it is taken back, what a crash in it may have left. */
export interface StageDefinition {
  readonly stage: Stage;
  /**
   * Its entries may wait for those of the next stage: it only looks, touches nothing but the ledger
   * together with its entries, or calls `written` before it touches anything else.
   */
  readonly mayWait?: true;
  /** `written` resolves when the journal has on disk that the stage has begun. */
  do(task: MoveTask, written: () => Promise<void>): Promise<StageEnd>;
  /** Takes back what `do` did or may have done. Says what could not be taken back, or nothing. */
  undo(task: MoveTask): Promise<string>;
  /**
   * For a move that was found open with this stage as its last: `nothing` was done that counts,
   * so it is dropped; or the stage is to be gone through again (`again`), which for a migration
   * that may have been started means to follow it.
   */
  probe(task: MoveTask): 'nothing' | 'again';
}

export const NEXT: StageEnd = { kind: 'next' };

export interface MoveTask {
  readonly record: Omit<MoveRecord, 'stages' | 'result'>;
  readonly move: Move;
  readonly order: MoveOrder;
  readonly hypervisor: Hypervisor;
  readonly parts: ExecutionParts;
  /** Aborted when Drover stops. */
  readonly stopping: AbortSignal;
  /** Monotonic seconds at which this process took the move up. */
  readonly takenUpAt: Seconds;
  /**
   * Found in the ledger at the start, or taken up again after its start was asked for: what may
   * have been started is never started again.
   */
  readonly adopted: boolean;
  /** A person wants it whatever becomes of the orders: it, or the move that it follows. */
  readonly isHandedIn: boolean;
  /** See `WaitingMove`. */
  readonly isAwaited: boolean;
  /** Monotonic: as of when it is known what holds it back; undefined: not in this process. */
  heldAskedAt?: number;
  /** The stage that it is in. */
  stage: Stage;
  /** The end that the ledger was asked to write down; whether it has is not certain by this. */
  ending: { readonly result: MoveResult; readonly end: TaskEnd } | undefined;
  /** Why it is to be stopped before its point of no return; undefined: it is not. */
  cancelled: string | undefined;
  /** Monotonic: since when it has been followed, what went before its start not counted. */
  followedSince?: Seconds;
  /** This process has asked for its start: it never does so again. */
  isAskedFor?: true;
  /** The hypervisor has refused the start for certain: nothing of it can come late. */
  isRefused?: true;
  /** As of the last look for the VM: dead hosts, whose silence did not count. */
  uncounted?: {
    readonly silent: readonly HostId[];
    /** It is noted on these, whether they were silent or not. */
    readonly noted: readonly HostId[];
  };
  /** What is read of earlier moves of the VM, once; undefined: nothing was, so far. */
  past?: VmPast;
  /**
   * It may have switched over unseen: nobody answered its start, or its source (or anybody) for a
   * while, or it was found under way; and nothing has shown it going on since.
   */
  wasUnseen?: boolean;
  /** Where the VM ran instead, when that was looked at last: somebody else had moved it. */
  seenOn?: HostId;
  /** What has become of the VM since it arrived, as far as that is known; absent: nothing. */
  byNow?: string;
  /** What of its disks stays on its old storage, for people; empty: nothing. */
  oldDisks: string;
  /** Why it was given up; undefined: it was not. Durable, as a cancel is. */
  givenUp: GivenUp | undefined;
  /** Wakes the one who waits for the next poll, so that a cancel is not kept waiting. */
  wake: AbortController;
  /**
   * Called when the hypervisor was seen carrying the move out, could not be asked where the VM is,
   * or has said so (`answered`).
   */
  readonly seen: (how: 'adopted' | 'answered' | 'unreachable') => void;
  readonly measured: {
    downtimeSeconds: Seconds | undefined;
    bytes: Bytes | undefined;
    queuedSeconds: Seconds | undefined;
  };
}

/** How a task ended; undefined: Drover stopped first. */
export interface TaskEnd {
  readonly outcome: Outcome;
  readonly detail: string;
  readonly instead?: 'cold' | undefined;
  /** See `MoveTask.seenOn`. */
  readonly seenOn?: HostId | undefined;
}

/** The ladder's rungs that this hypervisor has, and that the policy lets it use. */
export function usableLadder(
  move: Move,
  policies: PolicySet,
  capabilities: HypervisorCapabilities,
): readonly LadderStep[] {
  const { ladder, methods } = policies.migration;
  // Drover stands on it: no harm is done to it for the sake of its move.
  if (move.alone === true) return ['pre-copy'];
  return ladder[move.criticality].filter((step) => {
    if (step === 'pre-copy') return true;
    if (step === 'auto-converge') return capabilities.autoConverge !== 'no';
    return capabilities.methods.includes(step) && methods.includes(step);
  });
}

/** What the downtime limit may be raised to, ascending; empty: it cannot be, or may not. */
export function usableRaises(
  { criticality, alone }: Move,
  { migration }: PolicySet,
  capabilities: HypervisorCapabilities,
): readonly Seconds[] {
  if (!capabilities.downtimeLimit || alone === true) return [];
  return migration.downtimeSteps[criticality]
    .filter((limit) => limit > migration.downtimeLimitSeconds)
    .toSorted((a, b) => a - b);
}

export function makeOrder(
  move: Move,
  policies: PolicySet,
  capabilities: HypervisorCapabilities,
): MoveOrder {
  const ladder = usableLadder(move, policies, capabilities);
  const nowOrNever = capabilities.autoConverge === 'at-start';
  return {
    move: move.id,
    vm: move.vm,
    from: move.from,
    to: move.to,
    method: move.method,
    downtimeLimitSeconds: policies.migration.downtimeLimitSeconds,
    bandwidth: policies.migration.bandwidth,
    // A guest that converges by itself is not slowed down by it; one that does not would have to
    // be copied from the beginning to get it later.
    autoConverge: ladder[0] === 'auto-converge' || (nowOrNever && ladder.includes('auto-converge')),
    allowPostCopy: move.method === 'post-copy' || ladder.includes('post-copy'),
  };
}

/** One call to the task's hypervisor, with an end. */
export function ask<Value>(
  task: MoveTask,
  call: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const { clock, timing } = task.parts;
  return callWithin(clock, timing.callSeconds, task.hypervisor.source, call);
}

/** The same for calls that may be made twice: retryable errors are retried a few times, or until
 *  nobody wants to know any more. */
export function askAgain<Value>(
  task: MoveTask,
  call: (signal: AbortSignal) => Promise<Value>,
  unwanted?: AbortSignal,
): Promise<Value> {
  const stopped =
    unwanted === undefined ? task.stopping : AbortSignal.any([task.stopping, unwanted]);
  return withRetry(task.parts.clock, RETRY, stopped, () => ask(task, call));
}

/** All that is seen of the VM, by asking every host. What a dead one does not say is clear. */
export async function sight(task: MoveTask, how: typeof ask = askAgain): Promise<Looks> {
  const { restarts } = task.parts;
  const looks = await how(task, (signal) => task.hypervisor.locate(task.order.vm, signal));
  const silent = looks.blind.filter((host) => restarts?.isDead(host) === true);
  // As they are now: who is not dead any more when it matters is no less an objection.
  task.uncounted = { silent, noted: restarts?.leftOn(task.move.vm) ?? [] };
  return { ...looks, blind: looks.blind.filter((host) => !silent.includes(host)) };
}

export function placeIn(looks: Looks, { order }: Pick<MoveTask, 'order'>): Whereabouts {
  return whereabouts(looks, order.from, order.to);
}

/** It had arrived; by now it runs there. */
export function noteElsewhere(task: MoveTask, host: HostId): void {
  task.seenOn = host;
  task.byNow = `by now it runs on ${host}`;
}

/** Since it was begun; of an adopted move only the wall clock knows, which may have been set. */
export function lastedSeconds({ adopted, parts, record, takenUpAt }: MoveTask): Seconds {
  const { clock } = parts;
  return seconds(
    adopted ? Math.max(0, clock.now() - record.openedAt) : clock.monotonic() - takenUpAt,
  );
}
