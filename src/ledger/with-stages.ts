/** Moves with their stages, in two queries a chunk however many moves there are. */

import type { Kysely, Selectable } from 'kysely';

import type { MoveRecord, StageEntry } from '../domain/journal.ts';
import { toMove, toStage } from './records.ts';
import type { LedgerSchema } from './schema.ts';

/** Bounds the parameters of one statement. */
const CHUNK = 500;

export async function withStages(
  db: Kysely<LedgerSchema>,
  rows: readonly Selectable<LedgerSchema['moves']>[],
): Promise<readonly MoveRecord[]> {
  const stagesOf = new Map<string, StageEntry[]>(rows.map((row) => [row.id, []]));
  for (let start = 0; start < rows.length; start += CHUNK) {
    const ids = rows.slice(start, start + CHUNK).map((row) => row.id);
    const query = db.selectFrom('stages').selectAll().where('move', 'in', ids).orderBy('seq');
    for (const row of await query.execute()) stagesOf.get(row.move)?.push(toStage(row));
  }
  return rows.map((row) => toMove(row, stagesOf.get(row.id) ?? []));
}
