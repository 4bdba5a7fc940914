/**
 * Climbs the policy's ladder with a live move that gets nowhere: tells the hypervisor what the
 * state machine of convergence.ts finds, and writes down what cannot be taken back before it does.
 */

import type { MoveProgress, MoveSteering } from '../domain/events.ts';
import { bytesOf, copiedDisks } from '../domain/disks.ts';
import { assertNever } from '../domain/result.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import { GIB, type Seconds, seconds } from '../domain/units.ts';
import { covers } from '../domain/vm.ts';
import {
  type ConvergenceLimits,
  type ConvergenceState,
  rungsOf,
  startConvergence,
  stepConvergence,
} from './convergence.ts';
import { type GivenUp, givenUpNote } from './given-up.ts';
import { modeOf } from './mode.ts';
import { ask, lastedSeconds, type MoveTask, usableLadder, usableRaises } from './move-task.ts';

/** The time-out per GiB is never applied to less than this (policy.ts, timeoutSecondsPerGib). */
const SHORTEST_TIMEOUT_SECONDS = 60;

/**
 * How long the platform may keep a move in its queue; it holds its places in the caps meanwhile.
 * As long as ProxLB waits for a whole job (its max_job_validation).
 */
const QUEUE_PATIENCE_SECONDS = 1800;

export interface Ladder {
  readonly limits: ConvergenceLimits;
  readonly followedSince: Seconds;
  /** Monotonic: the time-out counts from here on. */
  begunAt: Seconds;
  convergence: ConvergenceState;
}

export function startLadder(task: MoveTask): Ladder {
  const { move, order, hypervisor } = task;
  const policies = task.parts.settings();
  const followedSince = (task.followedSince ??= task.parts.clock.monotonic());
  const steps = usableLadder(move, policies, hypervisor.capabilities);
  const raises = usableRaises(move, policies, hypervisor.capabilities);
  const perGib = policies.migration.timeoutSecondsPerGib;
  const timeout = Math.max(SHORTEST_TIMEOUT_SECONDS, perGib * gibOf(task));
  return {
    limits: {
      rungs: rungsOf(
        steps.filter((step) => step !== 'cold' || mayGoCold(task)),
        raises,
      ),
      downtimeLimitSeconds: order.downtimeLimitSeconds,
      timeoutSeconds: seconds(timeout),
    },
    followedSince,
    begunAt: followedSince,
    convergence: startConvergence(elapsedOf(task, followedSince)),
  };
}

/** A stop and a start has to be allowed by whoever owns the VM, and by who approves moves. */
function mayGoCold({ move, parts }: MoveTask): boolean {
  const world = parts.world(move);
  const vm = vmOf(world, move.vm);
  if (vm === undefined || !covers(vm.permission, 'cold')) return false;
  const policies = parts.settings();
  if (!policies.mode.approve.includes(move.tier)) return true;
  // Somebody may have said yes to a live move, which says nothing about this one.
  const hosts = world.hosts.filter(({ id }) => id === move.from || id === move.to);
  return hosts.every((host) => modeOf(host, policies) !== 'approve');
}

/** What has to be copied: memory, and for a storage move the disks. */
function gibOf({ move, parts }: MoveTask): number {
  const fleet = parts.world(move);
  const vm = vmOf(fleet, move.vm);
  const to = hostOf(fleet, move.to);
  if (vm === undefined || to === undefined) return move.predicted.bytes / GIB;
  return (vm.memoryBytes + bytesOf(copiedDisks(vm, to, move.method))) / GIB;
}

/** What the progress asks for: steers, or gives the move up (`task.givenUp`), or lets it be. */
export async function climbOn(
  ladder: Ladder,
  task: MoveTask,
  progress: MoveProgress,
): Promise<void> {
  if (progress.phase === 'queued') return waitInQueue(ladder, task);
  // A move that was adopted has been under way for longer than this process knows.
  const elapsed = Math.max(elapsedOf(task, ladder.begunAt), progress.elapsedSeconds);
  // Figures that the hypervisor does not have tell nothing; then only the time-out counts.
  const told = task.hypervisor.capabilities.progress
    ? progress
    : { ...progress, phase: 'setup' as const };
  const step = stepConvergence(ladder.convergence, told, elapsed, ladder.limits);
  ladder.convergence = step.state;
  const { action } = step;
  switch (action.kind) {
    case 'wait':
      return;
    case 'give-up':
      return giveUp(task, {
        reason: action.reason,
        instead: action.cold ? 'cold' : undefined,
      });
    case 'downtime-limit':
      await steer(task, action);
      return;
    case 'auto-converge':
      // On since the start, it is given its time all the same.
      if (!task.order.autoConverge) await steer(task, { kind: action.kind });
      return;
    case 'post-copy':
      await steer(task, { kind: action.kind });
      return;
    default:
      assertNever(action, 'convergence');
  }
}

/** What waits for the platform cannot converge yet, and has not failed to. */
async function waitInQueue(ladder: Ladder, task: MoveTask): Promise<void> {
  ladder.begunAt = task.parts.clock.monotonic();
  ladder.convergence = startConvergence(0);
  task.measured.queuedSeconds = lastedSeconds(task);
  if (elapsedOf(task, ladder.followedSince) < QUEUE_PATIENCE_SECONDS) return;
  const reason = `not begun by the platform for ${QUEUE_PATIENCE_SECONDS / 60} min`;
  await giveUp(task, { reason, instead: undefined });
}

/** Written down first, because a new process could not know why the move was stopped. */
async function giveUp(task: MoveTask, why: GivenUp): Promise<void> {
  const { clock, ledger } = task.parts;
  const note = { move: task.move.id, stage: 'pre-copy', phase: 'undo' } as const;
  await ledger.addStages([{ ...note, at: clock.now(), detail: givenUpNote(why) }]);
  task.givenUp = why;
}

async function steer(task: MoveTask, steering: MoveSteering): Promise<void> {
  const { events, clock, ledger } = task.parts;
  const at = clock.now();
  // Before the switch to post-copy there is a way back, after it there is none: written down.
  const what = describeSteering(steering);
  const detail = `it does not converge: ${what}`;
  await ledger.addStages([{ move: task.move.id, stage: 'pre-copy', phase: 'before', at, detail }]);
  const answer = await ask(task, (signal) => task.hypervisor.steer(task.order, steering, signal));
  const refused = answer.ok ? undefined : answer.error.detail;
  events.emit('move-steered', { move: task.move, steering, at, refused });
  const outcome = refused === undefined ? '' : ` (refused: ${refused})`;
  const text = `${task.record.vmName} does not converge: ${what}${outcome}`;
  events.emit('warning', { key: `${what} ${task.move.id}`, text });
}

/** For people. */
function describeSteering(steering: MoveSteering): string {
  if (steering.kind !== 'downtime-limit') return steering.kind;
  return `a stop of up to ${Math.round(steering.seconds * 1000)} ms`;
}

function elapsedOf(task: MoveTask, since: Seconds): Seconds {
  return seconds(task.parts.clock.monotonic() - since);
}
