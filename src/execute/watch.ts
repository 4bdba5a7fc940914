/**
 * Follows a migration from its start to its end, whoever started it. One loop for all cases: the
 * one that was started just now, the one that was found after a crash, the one that is being
 * stopped. The job is asked for progress; how it ended is decided by where the VM is, seen twice.
 *
 * Contact lost is not an end: the loop goes on asking, for as long as it takes.
 */

import type { MoveProgress } from '../domain/events.ts';
import { assertNever } from '../domain/result.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import type { Job } from '../ports/hypervisor.ts';
import { AdapterError } from '../ports/metric-source.ts';
import { pauseAfter } from './call.ts';
import type { GivenUp } from './given-up.ts';
import { cleanTarget } from './debris.ts';
import { climbOn, type Ladder, startLadder } from './ladder.ts';
import { ask, type MoveTask, NEXT, placeIn, sight, type StageEnd } from './move-task.ts';
import { hasLostSource, hasLostTarget } from './restart.ts';
import { type Stall, watchPostCopy } from './stalled-post-copy.ts';
import {
  afterSwitchover,
  describeWhereabouts,
  type Looks,
  type Whereabouts,
} from './whereabouts.ts';

/** Between two requests to stop a migration that goes on regardless. */
const ABORT_AGAIN_SECONDS = 10;

/** What the loop remembers from one round to the next. */
interface Watch {
  readonly task: MoveTask;
  readonly ladder: Ladder;
  readonly until: 'switchover' | 'end';
  /** When the abort was last asked for. */
  abortAskedAt: number | undefined;
  failures: number;
  polls: number;
  lastProgressAt: number;
  /** Since when the VM has been held for its switchover; undefined: it is not. */
  stoppedSince: number | undefined;
  /** What stands still of its post-copy; undefined: nothing. */
  stall: Stall | undefined;
  /** Why a move could not be taken back; empty: it could, or was not tried. */
  remains: string;
  /** The last look at a VM whose job is over, and since when it shows the same. */
  place:
    | { readonly kind: Whereabouts['kind']; readonly since: number; readonly looks: number }
    | undefined;
}

/** Resolves at the switchover (`next`), or when it is clear how the move ended. */
export async function watchMove(task: MoveTask, until: 'switchover' | 'end'): Promise<StageEnd> {
  const watch = startWatch(task, until);
  task.wasUnseen ??= task.adopted;
  for (;;) {
    if (task.stopping.aborted) return { kind: 'detached' };
    const end = await oneRound(watch);
    if (end !== undefined) return end;
    await pause(watch);
  }
}

function startWatch(task: MoveTask, until: Watch['until']): Watch {
  return {
    task,
    ladder: startLadder(task),
    until,
    abortAskedAt: undefined,
    failures: 0,
    polls: 0,
    lastProgressAt: Number.NEGATIVE_INFINITY,
    stoppedSince: undefined,
    stall: undefined,
    remains: '',
    place: undefined,
  };
}

/** What a dead source drove goes on no more. */
const NO_JOB: Job = { kind: 'none' };

/** One question and what follows from its answer; undefined: go on. */
async function oneRound(watch: Watch): Promise<StageEnd | undefined> {
  const { task } = watch;
  try {
    const job = hasLostSource(task)
      ? NO_JOB
      : await ask(task, (signal) => task.hypervisor.job(task.order, signal)).catch(
          withoutTarget(task),
        );
    const end = await onJob(watch, job);
    watch.failures = 0;
    return end;
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    onLostContact(watch, error);
    return undefined;
  }
}

/** A dead target is not waited for: where the VM is, the others tell. */
function withoutTarget(task: MoveTask): (error: unknown) => Job {
  return (error) => {
    if (!(error instanceof AdapterError) || !hasLostTarget(task)) throw error;
    return NO_JOB;
  };
}

function onLostContact(watch: Watch, error: AdapterError): void {
  const { task } = watch;
  watch.failures += 1;
  task.wasUnseen = true;
  task.seen('unreachable');
  const { vmName } = task.record;
  const text = `${vmName} is being moved, and ${error.source} cannot be asked: ${error.message}`;
  task.parts.events.emit('warning', { key: `lost contact ${task.move.id}`, text });
}

async function onJob(watch: Watch, job: Job): Promise<StageEnd | undefined> {
  const { task } = watch;
  switch (job.kind) {
    case 'running':
      task.seen('adopted');
      watch.place = undefined;
      task.parts.standstills?.forget(task.move.id);
      // That a copy is prepared may be what an adapter remembers of a call that was never answered.
      if (job.progress.phase !== 'setup') task.wasUnseen = false;
      return onRunning(watch, job.progress);
    case 'ended':
      task.measured.downtimeSeconds = job.downtimeSeconds ?? task.measured.downtimeSeconds;
      task.measured.bytes = job.bytes ?? task.measured.bytes;
      // Where the VM is in the end is for the commitment to see.
      if (job.ok) return NEXT;
      // An adapter may tell that from memory: where contact was lost meanwhile, it says nothing of
      // what the source has done after a crash.
      return onOver(watch, job.detail);
    case 'none':
      return onOver(watch, 'the hypervisor knows of no such migration');
    default:
      return assertNever(job, 'job');
  }
}

async function onRunning(watch: Watch, progress: MoveProgress): Promise<StageEnd | undefined> {
  const { task } = watch;
  report(watch, progress);
  tellOfStop(watch, progress);
  const isPastTheSwitch = progress.phase === 'stop-and-copy' || progress.phase === 'post-copy';
  if (isPastTheSwitch && watch.until === 'switchover') return NEXT;
  watch.stall = await watchPostCopy(task, progress, watch.stall, (steering) =>
    ask(task, (signal) => task.hypervisor.steer(task.order, steering, signal)),
  );
  if (stopReason(task) === undefined) await climbOn(watch.ladder, task, progress);
  if (stopReason(task) !== undefined) await stop(watch);
  return undefined;
}

/**
 * Asks again while the migration goes on: the first time it may have been refused for a passing
 * reason, or taken and not obeyed. After the switch it is refused for good, which does no harm.
 */
async function stop(watch: Watch): Promise<void> {
  const { task } = watch;
  const now = task.parts.clock.monotonic();
  if (now - (watch.abortAskedAt ?? Number.NEGATIVE_INFINITY) < ABORT_AGAIN_SECONDS) return;
  const answer = await ask(task, (signal) => task.hypervisor.abort(task.order, signal));
  watch.abortAskedAt = now;
  if (answer.ok) return;
  const text = `${task.record.vmName} cannot be stopped any more: ${answer.error.detail}`;
  task.parts.events.emit('warning', { key: `abort ${task.move.id}`, text });
}

/** Why the move is being stopped; undefined: it is not. */
function stopReason({ cancelled, givenUp }: MoveTask): string | undefined {
  return cancelled ?? givenUp?.reason;
}

/** No migration is under way: where is the VM? */
async function onOver(watch: Watch, detail: string): Promise<StageEnd | undefined> {
  const { task } = watch;
  const { place, looks } = await look(watch);
  if (place.kind !== 'unknown') task.seen('answered');
  const { isSeenTwice, seenFor } = remember(watch, place);
  const said = `${stopReason(task) ?? detail}; ${describeWhereabouts(place)}`;
  switch (place.kind) {
    case 'target':
      return NEXT;
    case 'source':
    case 'elsewhere':
      if (!isSeenTwice) return undefined;
      if (place.kind === 'elsewhere') task.seenOn = place.host;
      return comeToNothing(task, place, [said, ...stillStored(looks, place)].join('; '));
    case 'twice':
    case 'broken':
      return isSeenTwice ? { kind: 'needs-human', detail: said } : undefined;
    case 'down':
      return onDown(watch, said, { isSeenTwice, seenFor });
    case 'arriving':
    case 'stopped':
      if (seenFor < task.parts.timing.patienceSeconds) return undefined;
      return { kind: 'needs-human', detail: said };
    case 'unknown':
      // Nobody is called while it is only that hosts do not answer: they may come back.
      onLostContact(watch, new AdapterError('unreachable', task.hypervisor.source, said));
      return undefined;
    default:
      return assertNever(place, 'whereabouts');
  }
}

function comeToNothing(task: MoveTask, place: Whereabouts, detail: string): StageEnd {
  if (task.cancelled !== undefined) return { kind: 'cancelled', detail };
  return { kind: 'failed', detail, instead: insteadOf(task, place) };
}

/** Nobody knows who has moved it, nor whose that is: a person may remove it. */
function stillStored({ sightings }: Looks, { kind }: Whereabouts): readonly string[] {
  const left = sightings.filter(({ state }) => state === 'defined').map(({ host }) => host);
  if (kind !== 'elsewhere' || left.length === 0) return [];
  return [`a reboot of ${left.join(' or ')} may start it there, where it is stored still`];
}

async function look({ task }: Watch): Promise<{ place: Whereabouts; looks: Looks }> {
  const looks = await sight(task);
  const place = placeIn(looks, task);
  // That it has arrived is not unseen by a later look at its source.
  if (place.kind === 'target') task.wasUnseen = true;
  if (task.wasUnseen !== true) return { place, looks };
  return { place: afterSwitchover(place, looks, task.order.to), looks };
}

function insteadOf({ givenUp }: MoveTask, place: Whereabouts): GivenUp['instead'] {
  return place.kind === 'source' ? givenUp?.instead : undefined;
}

/**
 * It runs nowhere. Where its source is dead that is no wonder, and the VM may be started elsewhere
 * once this move is closed: a migration ends with its source. The start of a restart may still come
 * late, unless it was refused: so long nothing else may be tried. A cold move that nobody carries
 * on (its process died while the VM was off) is taken back: the next looks find the VM on its
 * source.
 */
async function onDown(
  watch: Watch,
  detail: string,
  { isSeenTwice, seenFor }: ReturnType<typeof remember>,
): Promise<StageEnd | undefined> {
  const { task } = watch;
  const isOverdue = seenFor >= task.parts.timing.patienceSeconds;
  const isRestart = task.order.method === 'restart';
  if (isRestart || hasLostSource(task)) {
    const isOver = isOverdue || (isRestart ? task.isRefused === true : isSeenTwice);
    return isOver && isSeenTwice ? { kind: 'failed', detail } : undefined;
  }
  if (isOverdue) {
    return { kind: 'needs-human', detail: [detail, watch.remains].filter(Boolean).join('; ') };
  }
  if (isSeenTwice && task.order.method === 'cold') watch.remains = await cleanTarget(task);
  return undefined;
}

function remember(watch: Watch, place: Whereabouts): { isSeenTwice: boolean; seenFor: number } {
  const { move, parts } = watch.task;
  const now = parts.clock.monotonic();
  const before = watch.place?.kind === place.kind ? watch.place : undefined;
  const since = parts.standstills?.since(move.id, place.kind, now) ?? before?.since ?? now;
  const looks = (before?.looks ?? 0) + 1;
  watch.place = { kind: place.kind, since, looks };
  return { isSeenTwice: looks >= 2, seenFor: now - since };
}

function report(watch: Watch, progress: MoveProgress): void {
  const { task } = watch;
  const now = task.parts.clock.monotonic();
  if (now - watch.lastProgressAt < task.parts.timing.progressSeconds) return;
  watch.lastProgressAt = now;
  const { move, record } = task;
  task.parts.events.emit('move-progress', { move, vmName: record.vmName, progress });
}

/** A switchover takes moments: a VM that is held for longer is down, and waits for a person. */
function tellOfStop(watch: Watch, { phase }: MoveProgress): void {
  const { move, record, parts } = watch.task;
  const now = parts.clock.monotonic();
  watch.stoppedSince = phase === 'stop-and-copy' ? (watch.stoppedSince ?? now) : undefined;
  const most = parts.timing.patienceSeconds;
  if (now - (watch.stoppedSince ?? now) < most) return;
  const lasts = `for more than ${most / 60} min: look at both of its hosts`;
  const text = `${record.vmName} has been held for its switchover ${lasts}`;
  parts.events.emit('warning', { key: `stopped ${move.id}`, text });
}

/** Ends early when the move is to be cancelled, or Drover to stop. */
async function pause(watch: Watch): Promise<void> {
  const { task } = watch;
  const { clock } = task.parts;
  const wake = new AbortController();
  task.wake = wake;
  const signal = AbortSignal.any([task.stopping, wake.signal]);
  await clock.sleep(pauseOf(watch), signal);
}

function pauseOf(watch: Watch): Seconds {
  const { pollSeconds, longestPollSeconds, settleSeconds } = watch.task.parts.timing;
  if (watch.failures > 0) {
    const retry = { attempts: 0, firstPause: pollSeconds, longestPause: seconds(30) };
    return pauseAfter(watch.failures, retry);
  }
  if (watch.place !== undefined) return settleSeconds;
  watch.polls += 1;
  // Short moves are watched closely, long ones at leisure.
  return seconds(Math.min(longestPollSeconds, pollSeconds * (1 + watch.polls / 10)));
}
