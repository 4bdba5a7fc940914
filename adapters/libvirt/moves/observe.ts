/** What a move looks like from outside: the same for whoever started it, and for whoever asks. */

import { completedJobOf, isMigratingOut } from '../calls/domain.ts';
import { isOff, sightingStateOf, statusOf, type DomainStatus } from '../domain-status.ts';
import type { LibvirtHost } from '../host.ts';
import { isUnanswered } from '../native/errors.ts';
import { costOf, isPostCopy, noProgress, progressOf } from './progress.ts';
import type { Ends } from './settle.ts';
import type { MoveProgress } from '../../../src/domain/events.ts';
import type { Job, MoveOrder } from '../../../src/ports/hypervisor.ts';

/** What the hosts show of a move, whoever started it. Rejects where it takes both to tell. */
export async function observe(
  order: MoveOrder,
  { from, to }: Ends,
  signal: AbortSignal,
): Promise<Job> {
  const looking = to.sight(order.vm, signal);
  const [{ value: there, error: blindness }, status] = await Promise.all([
    looking.then((value) => ({ value, error: undefined }), withoutAnswer),
    from.onDomain(order.vm, 'looking', statusOf, { signal }),
  ]);
  if (blindness !== undefined) return whenTargetIsSilent(status, blindness);
  if (there?.state === 'post-copy-paused') return failed('post-copy broke in the middle');
  if (there?.state === 'post-copy') return { kind: 'running', progress: postCopyProgress(status) };
  if (status !== undefined && isMigratingOut(status.job)) {
    // libvirt keeps the job of a post-copy that broke, and of one whose daemons lost each other:
    // only the target tells which it is. One that had paused the guest before, at an I/O error,
    // goes on giving that as the reason.
    if (sightingStateOf(status) === 'post-copy-paused') {
      if (there === undefined || there.state === 'defined') {
        return failed('post-copy broke, and the target does not have the guest');
      }
      if (there.state === 'paused') return failed('post-copy broke, with the guest paused');
    }
    return { kind: 'running', progress: progressOf(status) };
  }
  const isGone = status === undefined || isOff(status);
  if (isGone && there?.state === 'running') return arrivedOn(order, to, signal);
  // It has arrived, and something else has stopped it: an I/O error, its owner.
  if (isGone && there?.state === 'paused') return { kind: 'none' };
  // Neither end has the guest for itself: they are in the middle of the last handshake.
  const isHalfThere = there !== undefined && there.state !== 'defined';
  const isKept = !isGone && sightingStateOf(status) === 'running';
  if (isHalfThere && !isKept) {
    return { kind: 'running', progress: noProgress('stop-and-copy') };
  }
  return { kind: 'none' };
}

interface NoAnswer {
  readonly value: undefined;
  readonly error: Error;
}

function withoutAnswer(error: unknown): NoAnswer {
  if (!isUnanswered(error) || !(error instanceof Error)) throw error;
  return { value: undefined, error };
}

/**
 * A guest that runs on its source has not left it, whatever became of the target: the move goes on
 * as long as the source sends, and is over when it does not.
 */
function whenTargetIsSilent(status: DomainStatus | undefined, silence: Error): Job {
  if (status === undefined || isOff(status)) throw silence;
  if (sightingStateOf(status) !== 'running') throw silence;
  if (isMigratingOut(status.job)) return { kind: 'running', progress: progressOf(status) };
  return { kind: 'none' };
}

function postCopyProgress(status: DomainStatus | undefined): MoveProgress {
  const isTold = status !== undefined && isMigratingOut(status.job) && isPostCopy(status);
  return isTold ? progressOf(status) : noProgress('post-copy');
}

/** The move is over: the guest runs on its target. */
export async function arrivedOn(
  order: MoveOrder,
  to: LibvirtHost,
  signal: AbortSignal,
): Promise<Job> {
  const job = await to.onDomain(order.vm, 'reading the result', completedJobOf, { signal });
  return { kind: 'ended', ok: true, detail: '', ...costOf(job) };
}

/** The move is over: the guest did not arrive. */
export function failed(detail: string): Job {
  return { kind: 'ended', ok: false, detail, downtimeSeconds: undefined, bytes: undefined };
}
