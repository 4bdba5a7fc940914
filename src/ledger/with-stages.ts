/** Moves with their stages, in two queries a chunk however many moves there are. */

import type { Kysely, Selectable } from 'kysely';

import type { MoveRecord, StageEntry } from '../domain/journal.ts';
import { chunksOf } from './bounded.ts';
import { toMove, toStage } from './records.ts';
import type { LedgerSchema } from './schema.ts';

export async function withStages(
  db: Kysely<LedgerSchema>,
  rows: readonly Selectable<LedgerSchema['moves']>[],
): Promise<readonly MoveRecord[]> {
  const stagesOf = new Map<string, StageEntry[]>(rows.map((row) => [row.id, []]));
  for (const chunk of chunksOf(rows)) {
    const ids = chunk.map((row) => row.id);
    const query = db.selectFrom('stages').selectAll().where('move', 'in', ids).orderBy('seq');
    for (const row of await query.execute()) stagesOf.get(row.move)?.push(toStage(row));
  }
  return rows.map((row) => toMove(row, stagesOf.get(row.id) ?? []));
}
