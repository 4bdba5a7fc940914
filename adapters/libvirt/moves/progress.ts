/** Figures of a migration, from libvirt's job statistics. Source: virDomainGetJobStats. */

import type { DomainJob } from '../calls/domain.ts';
import type { CopyProgress } from '../disks/cold-copy.ts';
import { DOMAIN_STATE, PAUSED_REASON } from '../native/constants.ts';
import { numberIn } from '../native/typed-params.ts';
import type { DomainStatus } from '../domain-status.ts';
import type { MoveProgress } from '../../../src/domain/events.ts';
import { bytes, ratio, seconds, type Bytes, type Seconds } from '../../../src/domain/units.ts';

/** The source's view of a migration under way. */
export function progressOf(status: DomainStatus): MoveProgress {
  const { stats } = status.job;
  const total = numberIn(stats, 'data_total') ?? 0;
  const remaining = numberIn(stats, 'data_remaining') ?? 0;
  const pages = numberIn(stats, 'memory_dirty_rate');
  const pageBytes = numberIn(stats, 'memory_page_size');
  const bandwidth = numberIn(stats, 'memory_bps');
  return {
    phase: phaseOf(status, total),
    elapsedSeconds: seconds((numberIn(stats, 'time_elapsed') ?? 0) / 1000),
    done: ratio(total === 0 ? 0 : Math.min(1, Math.max(0, 1 - remaining / total))),
    bytesSent: bytes(numberIn(stats, 'data_processed') ?? 0),
    bytesRemaining: bytes(remaining),
    // 0 before the first pass has ended: not measured yet.
    dirtyRate: pages && pageBytes ? pages * pageBytes : undefined,
    bandwidth: bandwidth === 0 ? undefined : bandwidth,
    iteration: numberIn(stats, 'memory_iteration'),
  };
}

/** Before the first figures, or between two of libvirt's phases. */
export function noProgress(phase: MoveProgress['phase']): MoveProgress {
  return {
    phase,
    elapsedSeconds: seconds(0),
    done: ratio(0),
    bytesSent: bytes(0),
    bytesRemaining: bytes(0),
    dirtyRate: undefined,
    bandwidth: undefined,
    iteration: undefined,
  };
}

/** Of a guest that is off while its disks are copied. */
export function coldProgress(copying: CopyProgress | undefined): MoveProgress {
  const nothing = noProgress('cold');
  if (copying === undefined) return nothing;
  const { totalBytes, doneBytes, sentBytes } = copying;
  return {
    ...nothing,
    done: ratio(totalBytes === 0 ? 0 : Math.min(1, doneBytes / totalBytes)),
    bytesSent: bytes(sentBytes),
    bytesRemaining: bytes(Math.max(0, totalBytes - doneBytes)),
  };
}

function phaseOf(status: DomainStatus, total: number): MoveProgress['phase'] {
  if (status.state === DOMAIN_STATE.paused) {
    return isPostCopy(status) ? 'post-copy' : 'stop-and-copy';
  }
  if (total === 0) return 'setup';
  const disks = numberIn(status.job.stats, 'disk_remaining') ?? 0;
  const memory = numberIn(status.job.stats, 'memory_processed') ?? 0;
  return disks > 0 && memory === 0 ? 'storage' : 'pre-copy';
}

/** The source of a migration that has switched to post-copy: no way back. */
export function isPostCopy({ state, reason }: Pick<DomainStatus, 'state' | 'reason'>): boolean {
  if (state !== DOMAIN_STATE.paused) return false;
  return reason === PAUSED_REASON.postCopy || reason === PAUSED_REASON.postCopyFailed;
}

/** What a finished migration cost. */
export function costOf(job: DomainJob | undefined): {
  readonly downtimeSeconds: Seconds | undefined;
  readonly bytes: Bytes | undefined;
} {
  const downtime = job === undefined ? undefined : numberIn(job.stats, 'downtime');
  const sent = job === undefined ? undefined : numberIn(job.stats, 'data_processed');
  return {
    downtimeSeconds: downtime === undefined ? undefined : seconds(downtime / 1000),
    bytes: sent === undefined ? undefined : bytes(sent),
  };
}
