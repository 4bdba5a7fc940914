/**
 * A post-copy that stands still: the guest has a part of its memory on either side, waits for the
 * rest, and cannot go back. It is asked to go on where the hypervisor can take it up again; what
 * does not move for long is a human's affair, who is told what not to do. The move stays open, and
 * goes on whenever the copy does.
 */

import type { MoveProgress } from '../domain/events.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import type { Attempt } from '../ports/metric-source.ts';
import type { Steering } from '../ports/hypervisor.ts';
import type { MoveTask } from './move-task.ts';

/**
 * Before it is taken up for the first time, and between two attempts: a link that carries anything
 * shows in less, since each page that the guest misses is sent at once.
 */
const STALLED = seconds(30);

export interface Stall {
  readonly remaining: number;
  readonly since: Seconds;
  askedAt: number;
  isTold: boolean;
}

/**
 * @param before as of the last progress that was seen; undefined: none, or it was not in post-copy.
 * @param steer asks the hypervisor, as every call of a move does.
 * @returns what is known by now.
 */
export async function watchPostCopy(
  task: MoveTask,
  { phase, bytesRemaining }: MoveProgress,
  before: Stall | undefined,
  steer: (steering: Steering) => Promise<Attempt>,
): Promise<Stall | undefined> {
  const { hypervisor, parts } = task;
  if (phase !== 'post-copy' || !hypervisor.capabilities.progress) return undefined;
  const now = parts.clock.monotonic();
  if (before === undefined || before.remaining !== bytesRemaining) {
    return { remaining: bytesRemaining, since: now, askedAt: now, isTold: false };
  }
  const stall = before;
  const canRecover = hypervisor.capabilities.postCopyRecovery;
  if (canRecover && now - stall.askedAt >= STALLED) {
    stall.askedAt = now;
    // To ask for it once more is to take it up where it broke off; refused: asked again later.
    await steer({ kind: 'post-copy' });
  }
  if (!stall.isTold && now - stall.since >= parts.timing.patienceSeconds) {
    stall.isTold = true;
    parts.events.emit('warning', { key: `post-copy ${task.move.id}`, text: standsStill(task) });
  }
  return stall;
}

function standsStill({ record, move, parts }: MoveTask): string {
  const minutes = Math.round(parts.timing.patienceSeconds / 60);
  return (
    `${record.vmName} stands still between ${move.from} and ${move.to}: its post-copy has sent ` +
    `nothing for ${minutes} min, and its memory is on both of them: stop neither, mend the ` +
    'network between them, then resume it (libvirt: virsh migrate --postcopy-resume)'
  );
}
