/**
 * What can be asked of, and done to, storage pools and their volumes: thin, typed steps over the C
 * API. A handle lives as long as the task that it is given to.
 */

import { ERROR } from '../native/constants.ts';
import { isLibvirtError } from '../native/errors.ts';
import type { Session } from '../native/session.ts';
import type { Pointer } from '../native/signatures.ts';

/** A storage pool within one turn of a connection. */
export interface PoolHandle {
  readonly session: Session;
  readonly handle: Pointer;
}

/** A storage volume within one turn of a connection. */
export interface VolumeHandle {
  readonly session: Session;
  readonly handle: Pointer;
}

/** Undefined where the host has no such pool. */
export async function withPool<T>(
  session: Session,
  name: string,
  task: (pool: PoolHandle) => Promise<T>,
): Promise<T | undefined> {
  const looking = session.pointer('virStoragePoolLookupByName', session.connection, name);
  const handle = await unlessMissing(looking, ERROR.noStoragePool);
  if (handle === undefined) return undefined;
  try {
    return await task({ session, handle });
  } finally {
    session.library.now('virStoragePoolFree', handle);
  }
}

/** Undefined where the pool has no such volume; rejects where the pool is not active. */
export async function withVolume<T>(
  { session, handle: pool }: PoolHandle,
  name: string,
  task: (volume: VolumeHandle) => Promise<T>,
): Promise<T | undefined> {
  const looking = session.pointer('virStorageVolLookupByName', pool, name);
  const handle = await unlessMissing(looking, ERROR.noStorageVolume);
  if (handle === undefined) return undefined;
  try {
    return await task({ session, handle });
  } finally {
    session.library.now('virStorageVolFree', handle);
  }
}

async function unlessMissing(
  looking: Promise<Pointer>,
  missing: number,
): Promise<Pointer | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (isLibvirtError(error, missing)) return undefined;
    throw error;
  }
}

export function poolXmlOf({ session, handle }: PoolHandle): Promise<string> {
  return session.text('virStoragePoolGetXMLDesc', handle, 0);
}

/** Looks what is really in the pool, and how much room it has. */
export async function refreshPool({ session, handle }: PoolHandle): Promise<void> {
  await session.int('virStoragePoolRefresh', handle, 0);
}

export function volumeXmlOf({ session, handle }: VolumeHandle): Promise<string> {
  return session.text('virStorageVolGetXMLDesc', handle, 0);
}

/** Rejects (storageVolumeExists) where there is one of that name: it is never written over. */
export async function createVolume({ session, handle }: PoolHandle, xml: string): Promise<void> {
  const volume = await session.pointer('virStorageVolCreateXML', handle, xml, 0);
  session.library.now('virStorageVolFree', volume);
}

export async function deleteVolume({ session, handle }: VolumeHandle): Promise<void> {
  await session.int('virStorageVolDelete', handle, 0);
}
