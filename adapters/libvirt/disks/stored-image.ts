/** An image where it lies, as its pool knows it: what a stored definition does not tell of it. */

import {
  refreshPool,
  withPool,
  withVolume,
  type PoolHandle,
  type VolumeHandle,
} from '../calls/volume.ts';
import type { Session } from '../native/session.ts';
import type { DiskSource } from './image.ts';

export interface Place {
  readonly pool: string;
  readonly name: string;
}

export function originalOf({ pool = '', name }: DiskSource): Place {
  return { pool, name };
}

/** Undefined where there is no such image ({@link missing}). */
export function withImage<T>(
  session: Session,
  { pool, name }: Place,
  task: (volume: VolumeHandle, pool: PoolHandle) => Promise<T>,
): Promise<T | undefined> {
  return withPool(session, pool, async (one) => {
    // An image that was put there by other means is known only after it.
    await refreshPool(one);
    return withVolume(one, name, (volume) => task(volume, one));
  });
}

/** For people. */
export function missing({ pool, name }: Place): string {
  return `pool ${pool} has no ${name}`;
}
