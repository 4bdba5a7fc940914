/**
 * Which disks of a guest a move has to copy, and to which volumes of the target. What the target
 * reaches stays where it is. Everything that is not known for certain is an objection: the room on
 * the target, the format, what a disk builds upon.
 *
 * Copies get names of their own (names.ts): nothing that is there is ever written over, and the
 * guest's own former disk, which a move leaves behind, is not in the way when the guest comes back.
 */

import { diskBytesOf, xmlOf, type Domain } from '../calls/domain.ts';
import {
  poolXmlOf,
  refreshPool,
  volumeXmlOf,
  withPool,
  withVolume,
  type PoolHandle,
} from '../calls/volume.ts';
import type { LibvirtHost } from '../host.ts';
import type { StorageSurvey } from '../host-survey.ts';
import { mediumKind } from '../medium.ts';
import { noteOf } from '../moves/note.ts';
import type { Ends } from '../moves/settle.ts';
import { XML } from '../native/constants.ts';
import type { Session } from '../native/session.ts';
import { readDomain, type DiskElement } from '../xml/domain.ts';
import type { NotedCopy } from '../xml/metadata.ts';
import { readPool, type Pool } from '../xml/reach.ts';
import { readVolume } from '../xml/volume.ts';
import {
  chainObjection,
  imageOf,
  type DiskImage,
  type DiskSource,
  type Objection,
  withChains,
} from './image.ts';
import { copyBytesOf, poolFor } from './copy-place.ts';
import { copyName } from './names.ts';
import { missing, originalOf, withImage } from './stored-image.ts';
import { leftoversOf } from './volumes.ts';
import { isReached, takesDisksAlong } from '../../../src/domain/disks.ts';
import { storageId } from '../../../src/domain/ids.ts';
import { MIB } from '../../../src/domain/units.ts';
import type { MoveOrder } from '../../../src/ports/hypervisor.ts';

/** A disk that is copied. */
export interface DiskCopy extends DiskImage {
  /** What the guest sees. */
  readonly bytes: number;
  readonly target: { readonly pool: string; readonly name: string; readonly path: string };
}

export interface DiskPlan {
  readonly copies: readonly DiskCopy[];
  /** Why they cannot be copied; empty: they can. */
  readonly objections: readonly DiskObjection[];
}

export interface DiskObjection {
  readonly code: 'storage' | 'storage-space';
  /** For people. */
  readonly detail: string;
}

function against(detail: string): DiskObjection {
  return { code: 'storage', detail };
}

const NOTHING: DiskPlan = { copies: [], objections: [] };

/** Asks both hosts; changes nothing but what they know about their pools. */
export async function planCopies(
  order: MoveOrder,
  { from, to }: Ends,
  signal?: AbortSignal,
): Promise<DiskPlan> {
  if (!takesDisksAlong(order.method)) return NOTHING;
  const [there, here] = await Promise.all([to.storage(signal), from.storage(signal)]);
  const wanted = await wantedDisks(order, { from, here, there, signal });
  if (wanted === undefined) return { copies: [], objections: [against(`not on ${from.id}`)] };
  if (wanted.length === 0) return NOTHING;
  const refused = wanted.flatMap((one) => ('objection' in one ? [against(one.objection)] : []));
  if (refused.length > 0) return { copies: [], objections: refused };
  const copied = wanted.flatMap((one) => ('objection' in one ? [] : [one]));
  const options = signal === undefined ? {} : { signal };
  const left = await from.onDomain(order.vm, 'looking for a note', noted, options);
  const leftovers = left?.filter(({ host }) => host === to.id) ?? [];
  return placed(order, copied, { to, there, leftovers, signal });
}

async function noted(domain: Domain): Promise<readonly NotedCopy[]> {
  const note = await noteOf(domain);
  return note === undefined ? [] : leftoversOf(domain, note);
}

/** A disk that has to be copied, before a place is found for it. */
type Wanted = Omit<DiskCopy, 'target'>;
type Judged = Wanted | Objection;

interface Reading {
  readonly from: LibvirtHost;
  readonly here: StorageSurvey;
  readonly there: StorageSurvey;
  readonly signal: AbortSignal | undefined;
}

async function wantedDisks(order: MoveOrder, context: Reading): Promise<Judged[] | undefined> {
  const { from, here, there, signal } = context;
  const target = { storages: there.storage.reach.map(({ storage }) => storageId(storage)) };
  const isAway = (disk: DiskElement): boolean => {
    const place = here.storage.placeOfDisk(disk);
    if (place === undefined || mediumKind(disk) !== undefined) return false;
    return !isReached({ ...place, storage: storageId(place.storage) }, target);
  };
  // A cold move starts the stored definition, a live one moves what runs.
  const isCold = order.method === 'cold';
  const read = async (domain: Domain): Promise<Judged[]> => {
    const running = readDomain(await xmlOf(domain, XML.live)).devices.disk;
    const disks = isCold ? withChains(await storedDisks(domain), running) : running;
    const judged: Judged[] = [];
    for (const disk of disks.filter(isAway)) {
      judged.push(await judge(domain, disk, { pools: here.pools, isCold }));
    }
    return judged;
  };
  return from.onDomain(order.vm, 'reading the disks', read, signal === undefined ? {} : { signal });
}

async function storedDisks(domain: Domain): Promise<readonly DiskElement[]> {
  return readDomain(await xmlOf(domain, XML.inactive)).devices.disk;
}

async function judge(
  domain: Domain,
  disk: DiskElement,
  { pools, isCold }: { readonly pools: readonly Pool[]; readonly isCold: boolean },
): Promise<Judged> {
  const image = imageOf(disk, pools);
  if ('objection' in image) return image;
  const { dev, source } = image;
  const path = `${source.folder}/${source.name}`;
  if (isCold && source.pool === undefined) {
    return { objection: `${dev}: ${path} lies in no active pool, so it can only be copied live` };
  }
  const objection = isCold ? await storedObjection(domain.session, image) : undefined;
  if (objection !== undefined) return objection;
  return { ...image, bytes: await diskBytesOf(domain, path) };
}

/** Before the guest is shut down: a stored definition does not tell what an image builds upon. */
async function storedObjection(session: Session, image: DiskImage): Promise<Objection | undefined> {
  const place = originalOf(image.source);
  const xml = await withImage(session, place, volumeXmlOf);
  if (xml === undefined) return { objection: `${image.dev}: ${missing(place)}` };
  return chainObjection(image, readVolume(xml));
}

interface Placing {
  readonly to: LibvirtHost;
  readonly there: StorageSurvey;
  /** Of earlier moves, there: they are removed before copies are made (makeReady). */
  readonly leftovers: readonly NotedCopy[];
  readonly signal: AbortSignal | undefined;
}

async function placed(
  order: MoveOrder,
  wanted: readonly Wanted[],
  { to, there, leftovers, signal }: Placing,
): Promise<DiskPlan> {
  const { diskPool } = to.identity.own;
  const byPool = Map.groupBy(wanted, (one) => poolFor(one.source, there.pools, diskPool));
  const copies: DiskCopy[] = [];
  const objections: DiskObjection[] = [];
  for (const [pool, disks] of byPool) {
    if (pool?.path === undefined) {
      objections.push(against(noPool(disks, to)));
      continue;
    }
    const { path } = pool;
    const own = leftovers.filter((copy) => copy.pool === pool.name).map(({ name }) => name);
    const look = (one: PoolHandle): Promise<Room> => roomIn(one, disks, order.move, own);
    const room = await to.link.use(
      'control',
      'looking for room',
      (session) => withPool(session, pool.name, look),
      signal,
    );
    const lack = lackOf(pool.name, room, disks);
    if (lack !== undefined) objections.push(lack);
    copies.push(
      ...disks.map((disk, index): DiskCopy => {
        const name = room?.names[index] ?? '';
        return { ...disk, target: { pool: pool.name, name, path: `${path}/${name}` } };
      }),
    );
  }
  return { copies, objections };
}

function noPool(disks: readonly Wanted[], { id, identity }: LibvirtHost): string {
  const names = disks.map(({ dev }) => dev).join(', ');
  const { diskPool } = identity.own;
  if (diskPool !== undefined) {
    return `${names}: ${id} has no active pool of image files named ${diskPool} (diskPool)`;
  }
  const folders = [...new Set(disks.map(({ source }) => source.folder))].join(', ');
  return `${names}: ${id} has no active pool for ${folders}; name one for it (diskPool)`;
}

interface Room {
  readonly availableBytes: number | undefined;
  /** A free name for each disk. */
  readonly names: readonly string[];
}

/** @param leftovers names of volumes whose room counts as free. */
// oxlint-disable-next-line max-params -- where, for what, for whom, and beside what
async function roomIn(
  pool: PoolHandle,
  disks: readonly Wanted[],
  move: string,
  leftovers: readonly string[],
): Promise<Room> {
  // What it knew from before may be hours old.
  await refreshPool(pool);
  const free = readPool(await poolXmlOf(pool)).availableBytes;
  const availableBytes = free === undefined ? undefined : free + (await roomOf(pool, leftovers));
  const names: string[] = [];
  for (const { source } of disks) names.push(await freeName(pool, { source, move, taken: names }));
  return { availableBytes, names };
}

/** Of one that does not say how large it is nothing is counted. */
async function roomOf(pool: PoolHandle, volumes: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const name of volumes) {
    const xml = await withVolume(pool, name, volumeXmlOf);
    bytes += (xml === undefined ? undefined : readVolume(xml).allocatedBytes) ?? 0;
  }
  return bytes;
}

interface Naming {
  readonly source: DiskSource;
  readonly move: string;
  readonly taken: readonly string[];
}

async function freeName(pool: PoolHandle, { source, move, taken }: Naming): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    const name = copyName(source.name, move, attempt);
    if (taken.includes(name)) continue;
    const isTaken = await withVolume(pool, name, () => Promise.resolve(true));
    if (isTaken === undefined) return name;
  }
}

function lackOf(
  pool: string,
  room: Room | undefined,
  disks: readonly Wanted[],
): DiskObjection | undefined {
  if (room?.availableBytes === undefined) {
    return against(`how much room pool ${pool} has is not known`);
  }
  const needed = disks.reduce((sum, { bytes, format }) => sum + copyBytesOf(bytes, format), 0);
  if (needed <= room.availableBytes) return undefined;
  const [want, free] = [needed, room.availableBytes].map((bytes) => Math.floor(bytes / MIB));
  const detail = `pool ${pool} has ${free} MiB free, ${want} MiB are needed`;
  return { code: 'storage-space', detail };
}
