/**
 * Drover's note in the definition of a guest that it moves. It goes along with the definition, so
 * that what the guest's new host has to be told survives a crash of Drover.
 */

import { isActive, isPersistent, metadataOf, setMetadata, type Domain } from '../calls/domain.ts';
import type { LibvirtHost } from '../host.ts';
import { AFFECT } from '../native/constants.ts';
import {
  MOVE_NAMESPACE,
  readMoveNote,
  writeMoveNote,
  type MoveNote,
  type NotedCopy,
} from '../xml/metadata.ts';
import type { VmId } from '../../../src/domain/ids.ts';

const NAMESPACE = { key: 'drover-move', uri: MOVE_NAMESPACE };

/** Writes the note into all definitions that the domain has, the running and the stored one. */
export async function leaveNote(domain: Domain, note: MoveNote): Promise<void> {
  await setMetadata(domain, writeMoveNote(note), NAMESPACE, await whereOf(domain));
}

export async function noteOf(domain: Domain): Promise<MoveNote | undefined> {
  const where = (await isPersistent(domain)) ? 'config' : 'live';
  const xml = await metadataOf(domain, MOVE_NAMESPACE, where);
  return xml === undefined ? undefined : readMoveNote(xml);
}

/** What the note of a move that is taken back names, so that nobody goes on with it. */
export function takenBack(move: string): string {
  return `${move} taken back`;
}

/** Whether it was written for this move, also where that is taken back. */
export function isOfMove(note: MoveNote | undefined, move: string): note is MoveNote {
  return note?.move === move || note?.move === takenBack(move);
}

/** From here on a controller that slept through it finds that the move is not its own any more. */
export async function takeNoteBack(domain: Domain, move: string): Promise<void> {
  const note = await noteOf(domain);
  if (note?.move === move) await leaveNote(domain, { ...note, move: takenBack(move) });
}

/**
 * Before a move asks the guest to shut down, at `askedAt` (wall clock); false: it is not this
 * move's to ask.
 */
export async function noteAskedOff(
  domain: Domain,
  move: string,
  askedAt: number,
): Promise<boolean> {
  const note = await noteOf(domain);
  if (note?.move !== move) return false;
  await leaveNote(domain, { ...note, askedOff: true, askedAt });
  return true;
}

/** It runs again: nothing of what the move asked of it is to come any more. */
export async function noteUpAgain(domain: Domain, move: string): Promise<void> {
  const note = await noteOf(domain);
  if (note?.move !== move || !note.askedOff) return;
  await leaveNote(domain, { ...note, askedOff: false, askedAt: undefined });
}

/** Where there is a note at all. */
export async function noteTarget(
  domain: Domain,
  target: NonNullable<MoveNote['target']>,
  hasRun?: true,
): Promise<void> {
  const note = await noteOf(domain);
  if (note !== undefined) await leaveNote(domain, { ...note, target, hasRun });
}

/** Whether the guest may have run on its target `host`, and written to disks that only that has. */
export function mayHaveWritten({ target, copies }: MoveNote, host: string): boolean {
  return target === 'started' && ownCopies(copies, host).length > 0;
}

/**
 * Of a definition on `host`, the target of a move that was never committed: whether it is the only
 * one that names disks which the guest may have run on. A live move stores it there at its end, and
 * not before; of a cold one, which has asked the guest to go off, the note tells.
 */
export function mayHaveRunHere(note: MoveNote | undefined, host: string): note is MoveNote {
  if (note === undefined || ownCopies(note.copies, host).length === 0) return false;
  return note.askedOff ? note.target === 'started' : true;
}

/** Those on `host` that its move noted itself, not those that moves before it left there. */
export function ownCopies(copies: readonly NotedCopy[], host: string): readonly NotedCopy[] {
  return copies.filter((copy) => copy.host === host && copy.earlier !== true);
}

/** As a later move's note names them. */
export function asEarlier(copies: readonly NotedCopy[]): readonly NotedCopy[] {
  return copies.map((copy) => ({ ...copy, earlier: true }));
}

/** Takes the note out again where there is one. */
async function removeNote(domain: Domain): Promise<void> {
  for (const where of ['live', 'config'] as const) {
    if (((await whereOf(domain)) & AFFECT[where]) === 0) continue;
    if ((await metadataOf(domain, MOVE_NAMESPACE, where)) === undefined) continue;
    await setMetadata(domain, null, NAMESPACE, AFFECT[where]);
  }
}

/** After a move: what is left of the note is what could not be removed from other hosts. */
export async function closeNote(
  domain: Domain,
  note: MoveNote,
  left: readonly NotedCopy[],
): Promise<void> {
  if (left.length === 0) await removeNote(domain);
  else {
    const { move, to } = note;
    await leaveNote(domain, {
      move,
      to,
      autostart: false,
      askedOff: false,
      copies: asEarlier(left),
    });
  }
}

/**
 * The guest has arrived on `host`, with its disks: resolves with those that were copied there. What
 * was left on others, or by moves before, stays noted.
 */
export async function closeNoteOn(
  domain: Domain,
  vm: VmId,
  host: Pick<LibvirtHost, 'id' | 'forget'>,
): Promise<readonly NotedCopy[]> {
  const note = await noteOf(domain);
  const copies = note?.copies ?? [];
  const arrived = ownCopies(copies, host.id);
  // Before the note goes, which alone tells that it has other disks.
  if (arrived.length > 0) await host.forget(vm);
  const left = copies.filter((copy) => !arrived.includes(copy));
  if (note === undefined || left.length === 0) await removeNote(domain);
  else await closeNote(domain, note, left);
  return arrived;
}

async function whereOf(domain: Domain): Promise<number> {
  const live = (await isActive(domain)) ? AFFECT.live : 0;
  const config = (await isPersistent(domain)) ? AFFECT.config : 0;
  return live | config;
}
