/**
 * The volumes that disks are copied to: made on the target before a move, and removed there again
 * when it came to nothing, and only then. Which are Drover's is known by the note alone, which is
 * written before the first one is made (moves/note.ts): what is not in it was there before, or
 * is another's.
 */

import { domainsOf } from '../calls/node.ts';
import { withDomain, xmlOf, type Domain } from '../calls/domain.ts';
import { createVolume, deleteVolume, refreshPool, withPool, withVolume } from '../calls/volume.ts';
import type { LibvirtHost } from '../host.ts';
import { ERROR, XML } from '../native/constants.ts';
import { isLibvirtError, LibvirtError } from '../native/errors.ts';
import type { Session } from '../native/session.ts';
import { escapeXml } from '../xml/document.ts';
import type { MoveNote, NotedCopy } from '../xml/metadata.ts';
import type { Relocation } from '../xml/relocate.ts';
import { newVolumeXml } from '../xml/volume.ts';
import type { DiskCopy } from './disk-plan.ts';

export function notedCopy({ dev, source, target }: DiskCopy, host: string): NotedCopy {
  return { host, ...target, dev, from: source.from };
}

export function relocationOf({ dev, from, path }: NotedCopy): Relocation {
  return { dev, from, path };
}

/**
 * Empty volumes of the disks' sizes. Resolves with those of `copies` that somebody else has made
 * meanwhile, which are nobody's to remove then; empty: all were made.
 */
export async function makeVolumes(
  to: LibvirtHost,
  copies: readonly DiskCopy[],
  signal?: AbortSignal,
): Promise<readonly DiskCopy[]> {
  const strangers: DiskCopy[] = [];
  for (const copy of copies) {
    const making = (session: Session): Promise<boolean> => makeVolume(session, copy);
    if (!(await to.link.use('control', 'making a volume', making, signal))) strangers.push(copy);
  }
  return strangers;
}

async function makeVolume(session: Session, { target, format, bytes }: DiskCopy): Promise<boolean> {
  const xml = newVolumeXml({ name: target.name, format, bytes });
  try {
    const made = await withPool(session, target.pool, async (pool) => {
      await createVolume(pool, xml);
      return true;
    });
    if (made === undefined) throw new LibvirtError(0, `pool ${target.pool} is gone`, false);
    return true;
  } catch (error) {
    if (isLibvirtError(error, ERROR.storageVolumeExists)) return false;
    throw error;
  }
}

/**
 * Once QEMU has filled these volumes on this host: libvirt does not look by itself, and would
 * tell the room that was there before. Never rejects; what hangs ends with the time for a call. A
 * pool that is missed here is looked at before the next copy.
 */
export async function refreshPoolsOf(
  host: LibvirtHost,
  copies: readonly NotedCopy[],
): Promise<void> {
  for (const pool of new Set(copies.map((copy) => copy.pool))) {
    const looking = host.link.use('control', 'looking for room', (session) =>
      withPool(session, pool, refreshPool),
    );
    await looking.catch(() => undefined);
  }
}

/** Volumes that were to be removed and may be there still, and why, for people. */
export interface Kept {
  readonly copies: readonly NotedCopy[];
  readonly why: string;
  /** They are a guest's; else nobody knows whether they are there. */
  readonly isInUse: boolean;
}

/**
 * Removes the volumes of the note that lie on this host: none of them where a guest there, running
 * or only defined, has one for a disk. Those in pools that are not there any more are kept on the
 * note: the pool may come back, and they with it. Idempotent. Undefined: none of them is left.
 */
export async function removeVolumes(
  host: LibvirtHost,
  copies: readonly NotedCopy[],
  signal?: AbortSignal,
): Promise<Kept | undefined> {
  const own = copies.filter((copy) => copy.host === host.id);
  if (own.length === 0) return undefined;
  return host.link.use(
    'control',
    'removing volumes',
    async (session) => {
      const documents = await allDocuments(session);
      const used = own.find((copy) => documents.some((xml) => isNamedIn(xml, copy)));
      if (used !== undefined) {
        const why = `${used.path} is a disk of a guest on ${host.id}`;
        return { copies: own, why, isInUse: true };
      }
      const unseen: NotedCopy[] = [];
      for (const copy of own) if (!(await isRemoved(session, copy))) unseen.push(copy);
      const [first] = unseen;
      if (first === undefined) return undefined;
      const noPool = `${host.id} has no pool ${first.pool}`;
      const why = `whether ${first.path} is left is not known: ${noPool}`;
      return { copies: unseen, why, isInUse: false };
    },
    signal,
  );
}

/** False: its pool is not there. */
async function isRemoved(session: Session, { pool, name }: NotedCopy): Promise<boolean> {
  const isThere = await withPool(session, pool, async (one) => {
    await withVolume(one, name, deleteVolume);
    return true;
  });
  return isThere === true;
}

const SOURCE_ELEMENT = /<source\b[^>]*>/g;

/**
 * The note's copies but for those that the guest itself has for disks, as it runs or is stored. It
 * came to these by a move whose note nobody has closed: they are its own, and nobody's to remove,
 * also where their host does not have the guest, and could not tell.
 */
export async function leftoversOf(
  domain: Domain,
  { copies }: Pick<MoveNote, 'copies'>,
): Promise<readonly NotedCopy[]> {
  if (copies.length === 0) return [];
  const documents = await documentsOf(domain);
  // The note, which names them all, stands before.
  const devices = documents.map((xml) => xml.slice(Math.max(0, xml.lastIndexOf('<devices>'))));
  return copies.filter((copy) => devices.every((xml) => !isNamedIn(xml, copy)));
}

/**
 * By its path, or by its name: in whichever folder or pool, as two may lie in one place, and no
 * other volume has a name like those that Drover makes.
 */
function isNamedIn(xml: string, { path, name }: NotedCopy): boolean {
  if (xml.includes(escapeXml(path))) return true;
  const ends = [`volume='${escapeXml(name)}'`, `/${escapeXml(name)}'`];
  return [...xml.matchAll(SOURCE_ELEMENT)].some(([element]) =>
    ends.some((end) => element.includes(end)),
  );
}

/** Of all guests that the host knows. */
async function allDocuments(session: Session): Promise<string[]> {
  const documents: string[] = [];
  for (const uuid of await domainsOf(session)) {
    documents.push(...((await withDomain(session, uuid, documentsOf)) ?? []));
  }
  return documents;
}

/** As it runs, and as it is stored. */
async function documentsOf(domain: Domain): Promise<string[]> {
  return [await xmlOf(domain, XML.live), await xmlOf(domain, XML.inactive)];
}
