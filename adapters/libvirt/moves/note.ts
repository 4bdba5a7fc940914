/**
 * Drover's note in the definition of a guest that it moves. It goes along with the definition, so
 * that what the guest's new host has to be told survives a crash of Drover.
 */

import { isActive, isPersistent, metadataOf, setMetadata, type Domain } from '../calls/domain.ts';
import { AFFECT } from '../native/constants.ts';
import {
  MOVE_NAMESPACE,
  readMoveNote,
  writeMoveNote,
  type MoveNote,
  type NotedCopy,
} from '../xml/metadata.ts';

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

/** Before a move asks the guest to shut down; false: it is not this move's to ask. */
export async function noteAskedOff(domain: Domain, move: string): Promise<boolean> {
  const note = await noteOf(domain);
  if (note?.move !== move) return false;
  await leaveNote(domain, { ...note, askedOff: true });
  return true;
}

/** Where there is a note at all. */
export async function noteTarget(
  domain: Domain,
  target: NonNullable<MoveNote['target']>,
): Promise<void> {
  const note = await noteOf(domain);
  if (note !== undefined) await leaveNote(domain, { ...note, target });
}

/** Whether the guest may have run on its target `host`, and written to disks that only that has. */
export function mayHaveWritten({ target, copies }: MoveNote, host: string): boolean {
  return target === 'started' && copies.some((copy) => copy.host === host);
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
    const over = { autostart: false, askedOff: false, target: undefined };
    await leaveNote(domain, { ...note, ...over, copies: left });
  }
}

/**
 * The guest has arrived on `host`, with its disks: resolves with those that were copied there. What
 * was left on others stays noted.
 */
export async function closeNoteOn(domain: Domain, host: string): Promise<readonly NotedCopy[]> {
  const note = await noteOf(domain);
  const copies = note?.copies ?? [];
  const left = copies.filter((copy) => copy.host !== host);
  if (note === undefined || left.length === 0) await removeNote(domain);
  else await closeNote(domain, note, left);
  return copies.filter((copy) => copy.host === host);
}

async function whereOf(domain: Domain): Promise<number> {
  const live = (await isActive(domain)) ? AFFECT.live : 0;
  const config = (await isPersistent(domain)) ? AFFECT.config : 0;
  return live | config;
}
