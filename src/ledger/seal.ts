/**
 * What the writes of one transaction leave to be written down last, in one statement for all of
 * them: the moves that are opened, the stages that moves have reached, and the audit trail. Fifty
 * moves that begin at the same moment do not wait for fifty answers of the store. What housekeeping
 * takes away from the trail goes here, too: the head of the trail is the last thing that is locked.
 */

import type { Transaction } from 'kysely';

import type { AuditNote } from '../domain/audit.ts';
import type { StageEntry } from '../domain/journal.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { appendAudit } from './audit.ts';
import { type Cut, cutTrail, type OldTrail } from './audit-cut.ts';
import { closedNote, openedNote, prunedNote, stageNote } from './audit-notes.ts';
import { chunksOf } from './bounded.ts';
import type { StoreTraits } from './leases.ts';
import { type Closing, insertMoves, insertStages, insertUnbegun } from './moves.ts';
import { keepToPlaces, type Placed } from './places.ts';
import type { LedgerSchema } from './schema.ts';

/** A move that is to be opened. */
export interface Asked extends Pick<Placed, 'record'> {
  /** Absent: see {@link Placed}. */
  readonly ask?: Placed['ask'];
  /** How it has ended, without being begun; absent: it is to be begun. */
  readonly end?: Pick<Closing, 'result' | 'line'>;
}

/** The same; who asked finds in it whether it was. */
interface Opening extends Placed, Pick<Asked, 'end'> {
  readonly kind: 'opening';
}

/** What is to be taken away from the audit trail; who asked finds in it what was. */
interface Cutting {
  readonly kind: 'cutting';
  readonly old: OldTrail;
  cut: Cut | undefined;
}

/** All of them are told in the audit trail, too. */
export type Note =
  | AuditNote
  | Opening
  | Cutting
  | { readonly kind: 'stages'; readonly entries: readonly StageEntry[] };

/** Whether it is open is known when the transaction is sealed. */
export function openWithOthers(
  { ask, ...asked }: Asked,
  note: (note: Note) => void,
): Promise<Opening> {
  const opening: Opening = { kind: 'opening', ask, ...asked, answer: 'in-flight' };
  note(opening);
  return Promise.resolve(opening);
}

/** What was taken away is known when the transaction is sealed. */
export function cutWithOthers(old: OldTrail, note: (note: Note) => void): Promise<Cutting> {
  const cutting: Cutting = { kind: 'cutting', old, cut: undefined };
  note(cutting);
  return Promise.resolve(cutting);
}

export interface Sealing {
  readonly at: EpochSeconds;
  readonly traits: StoreTraits;
  /** Called before the audit trail is written to: whoever holds that holds up all who write. */
  readonly common: () => void;
}

export async function seal(
  trx: Transaction<LedgerSchema>,
  notes: readonly Note[],
  { at, traits, common }: Sealing,
): Promise<void> {
  const openings = notes.filter(isOpening);
  const unbegun = openings.filter(isUnbegun);
  const begun = openings.filter((opening) => !isUnbegun(opening));
  for (const chunk of chunksOf(begun)) await open(trx, chunk);
  for (const opening of unbegun) await openClosed(trx, opening, traits);
  const stages = notes.flatMap((note) => (isStages(note) ? note.entries : []));
  for (const chunk of chunksOf(stages)) await insertStages(trx, chunk);
  common();
  await keepToPlaces(trx, openings, traits);
  for (const cutting of notes.filter(isCutting))
    cutting.cut = await cutTrail(trx, cutting.old, traits);
  await appendAudit(trx, notes.flatMap(told), at, traits);
}

async function open(trx: Transaction<LedgerSchema>, openings: readonly Opening[]): Promise<void> {
  const opened = await insertMoves(
    trx,
    openings.map(({ record }) => record),
  );
  // Of two that ask for the same one the first has opened it.
  for (const opening of openings) {
    opening.answer = opened.delete(opening.record.move.id) ? 'opened' : 'in-flight';
  }
}

type Unbegun = Opening & { readonly end: NonNullable<Opening['end']> };

function isUnbegun(opening: Opening): opening is Unbegun {
  return opening.end !== undefined;
}

/** What has ended without being begun: whatever else of its VM is open. */
async function openClosed(
  trx: Transaction<LedgerSchema>,
  opening: Unbegun,
  traits: StoreTraits,
): Promise<void> {
  const isNew = await insertUnbegun(trx, opening.record, opening.end, traits);
  opening.answer = isNew ? 'opened' : 'in-flight';
}

function told(note: Note): readonly AuditNote[] {
  if (isStages(note)) return note.entries.map(stageNote);
  if (isOpening(note)) return toldOfOpening(note);
  if (isCutting(note)) return note.cut?.last === undefined ? [] : [prunedNote(note.cut.last)];
  return [note];
}

function toldOfOpening({ record, end, answer }: Opening): readonly AuditNote[] {
  if (answer !== 'opened') return [];
  const opened = openedNote(record);
  return end === undefined ? [opened] : [opened, closedNote(record.move.id, end.result)];
}

function isCutting(note: Note): note is Cutting {
  return note.kind === 'cutting';
}

function isOpening(note: Note): note is Opening {
  return note.kind === 'opening';
}

function isStages(note: Note): note is Extract<Note, { readonly kind: 'stages' }> {
  return note.kind === 'stages';
}
