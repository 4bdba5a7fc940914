/**
 * Copies the disks of a guest that is off: from daemon to daemon, through this process, at the
 * move's bandwidth. The originals are only read.
 */

import { copyVolume } from '../calls/stream.ts';
import {
  poolXmlOf,
  refreshPool,
  volumeXmlOf,
  type PoolHandle,
  type VolumeHandle,
} from '../calls/volume.ts';
import { LibvirtError } from '../native/errors.ts';
import type { Session } from '../native/session.ts';
import { readPool } from '../xml/reach.ts';
import { readVolume } from '../xml/volume.ts';
import type { CopyLines } from './copy-lines.ts';
import type { DiskCopy } from './disk-plan.ts';
import { chainObjection } from './image.ts';
import { missing, originalOf, type Place, withImage } from './stored-image.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { seconds } from '../../../src/domain/units.ts';

export interface CopyProgress {
  readonly totalBytes: number;
  /** Copied or found to be holes. */
  doneBytes: number;
  sentBytes: number;
}

export interface ColdCopy {
  readonly copies: readonly DiskCopy[];
  readonly progress: CopyProgress;
  readonly clock: Clock;
  /** In bytes per second; undefined: as fast as it goes. */
  readonly bandwidth: number | undefined;
  /** Why to break off; undefined: go on. Asked at every piece. */
  readonly stopped: () => string | undefined;
}

interface WatchedCopy extends ColdCopy {
  /** Told of each turn between waiting for the daemons and keeping the pace. */
  readonly waits: (isWaiting: boolean) => void;
}

/** Longest wait for a piece: at its end the target's daemon may have much to write to its disks. */
const STALL_SECONDS = 300;
/** And where the copy is to be broken off. */
const STOPPING_SECONDS = 10;

/** Rejects where it failed or was broken off: the volumes on the target are of no use then. */
export async function copyDisks(lines: CopyLines, job: ColdCopy): Promise<void> {
  const forHours = { seconds: Number.POSITIVE_INFINITY };
  const { source, target } = await lines.usable();
  await beforeItStalls(job, (watched) => {
    const reading = (here: Session): Promise<void> =>
      target.use('writing disks', (there) => copyAll(here, there, watched), forHours);
    return source.use('reading disks', reading, forHours);
  });
}

/**
 * Rejects also where a daemon does not come back to the copy: one whose storage hangs still answers
 * keepalive. Whatever still comes of the copy then is broken off at its next piece.
 */
async function beforeItStalls(
  job: ColdCopy,
  copying: (watched: WatchedCopy) => Promise<void>,
): Promise<void> {
  const { clock } = job;
  const over = new AbortController();
  let waitingSince: number = clock.monotonic();
  let why: string | undefined;
  const watched: WatchedCopy = {
    ...job,
    stopped: () => why ?? job.stopped(),
    waits: (isWaiting) => {
      waitingSince = isWaiting ? clock.monotonic() : Number.POSITIVE_INFINITY;
    },
  };
  const stall = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await clock.sleep(seconds(LOOK_SECONDS), over.signal);
      const waited = clock.monotonic() - waitingSince;
      const stopped = waited >= STOPPING_SECONDS ? job.stopped() : undefined;
      why = waited >= STALL_SECONDS ? `no piece of the disks for ${STALL_SECONDS} s` : stopped;
      if (why !== undefined) throw new LibvirtError(0, why, false);
    }
  };
  try {
    await Promise.race([copying(watched), stall()]);
  } finally {
    over.abort();
  }
}

/**
 * A guest that somebody starts in the middle writes to what was copied already, and may be off
 * again at the end: only the images themselves tell.
 */
async function copyAll(here: Session, there: Session, job: WatchedCopy): Promise<void> {
  const before = await writeTimes(here, job.copies);
  await copyEach(here, there, job);
  const after = await writeTimes(here, job.copies);
  const torn = job.copies.find((_, index) => before[index] !== after[index]);
  if (torn === undefined) return;
  throw new LibvirtError(0, `${torn.dev} was written while it was copied`, false);
}

/** When each of the originals was written to last; rejects where that is not known. */
async function writeTimes(here: Session, copies: readonly DiskCopy[]): Promise<readonly string[]> {
  const times: string[] = [];
  for (const { dev, source } of copies) {
    await onVolume(here, originalOf(source), async (volume) => {
      const { modified } = readVolume(await volumeXmlOf(volume));
      if (modified === undefined) {
        const what = `${dev}: whether it was written while it was copied cannot be told`;
        throw new LibvirtError(0, what, false);
      }
      times.push(modified);
    });
  }
  return times;
}

async function copyEach(here: Session, there: Session, job: WatchedCopy): Promise<void> {
  const begun = job.clock.monotonic();
  for (const [index, copy] of job.copies.entries()) {
    const { source, target, bytes } = copy;
    await onVolume(here, originalOf(source), async (original) => {
      await judge(original, copy);
      await onVolume(there, target, async (volume, pool) => {
        const later = job.copies.slice(index + 1).filter((one) => one.target.pool === target.pool);
        const room = new RoomWatch(pool, job.clock);
        let left = later.reduce((sum, one) => sum + one.bytes, bytes);
        await copyVolume(original, volume, async ({ sent, passed }) => {
          job.waits(true);
          left -= passed;
          job.progress.sentBytes += sent;
          job.progress.doneBytes += passed;
          const why = job.stopped();
          if (why !== undefined) throw new LibvirtError(0, why, false);
          await room.look(target.pool, left);
          job.waits(false);
          await keepPace(job, begun);
          job.waits(true);
        });
        await judge(volume, copy);
      });
    });
  }
}

async function keepPace({ progress, bandwidth, clock }: ColdCopy, begun: number): Promise<void> {
  if (bandwidth === undefined) return;
  const ahead = progress.sentBytes / bandwidth - (clock.monotonic() - begun);
  if (ahead > 0) await clock.sleep(seconds(ahead));
}

/** Between two looks at the room that is left. */
const LOOK_SECONDS = 1;

/**
 * Breaks the copy off when others fill the target's pool, while what is still to come would fit no
 * more: the daemon itself does not survive that (libvirt 11.3 dies when an upload finds no space).
 */
class RoomWatch {
  readonly #pool: PoolHandle;
  readonly #clock: Clock;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(pool: PoolHandle, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  async look(name: string, leftBytes: number): Promise<void> {
    const now = this.#clock.monotonic();
    if (now - this.#lookedAt < LOOK_SECONDS) return;
    this.#lookedAt = now;
    await refreshPool(this.#pool);
    const { availableBytes } = readPool(await poolXmlOf(this.#pool));
    if (availableBytes !== undefined && availableBytes >= leftBytes) return;
    throw new LibvirtError(0, `pool ${name} has no room any more for what is left`, false);
  }
}

async function onVolume(
  session: Session,
  place: Place,
  task: (volume: VolumeHandle, pool: PoolHandle) => Promise<void>,
): Promise<void> {
  const isThere = await withImage(session, place, async (volume, pool) => {
    await task(volume, pool);
    return true;
  });
  if (isThere !== true) throw new LibvirtError(0, missing(place), false);
}

/** Before it is copied, and what came of it: the whole disk, and nothing that lies elsewhere. */
async function judge(volume: VolumeHandle, { dev, bytes, format }: DiskCopy): Promise<void> {
  const found = readVolume(await volumeXmlOf(volume));
  if (found.bytes !== bytes) {
    throw new LibvirtError(0, `${dev} has ${found.bytes} bytes, not ${bytes}`, false);
  }
  const chain = chainObjection({ dev, format }, found);
  if (chain !== undefined) throw new LibvirtError(0, chain.objection, false);
}
