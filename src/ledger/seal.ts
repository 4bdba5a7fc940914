/**
 * What the writes of one transaction leave to be written down last, in one statement for all of
 * them: the audit trail, and the stages that moves have reached. Fifty moves that begin at the same
 * moment do not wait for fifty answers of the store.
 */

import type { Transaction } from 'kysely';

import type { AuditNote } from '../domain/audit.ts';
import type { StageEntry } from '../domain/journal.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { appendAudit } from './audit.ts';
import { stageNote } from './audit-notes.ts';
import { chunksOf } from './bounded.ts';
import type { StoreTraits } from './leases.ts';
import { insertStages } from './moves.ts';
import type { LedgerSchema } from './schema.ts';

/** Stages are told in the audit trail, too. */
export type Note = AuditNote | { readonly kind: 'stages'; readonly entries: readonly StageEntry[] };

/** Returns the number of the last audit entry that it wrote, if there was any. */
// oxlint-disable-next-line max-params -- what, in which transaction of which store, and when
export async function seal(
  trx: Transaction<LedgerSchema>,
  notes: readonly Note[],
  at: EpochSeconds,
  traits: StoreTraits,
): Promise<number | undefined> {
  const stages = notes.flatMap((note) => (note.kind === 'stages' ? note.entries : []));
  for (const chunk of chunksOf(stages)) await insertStages(trx, chunk);
  const told = notes.flatMap((note) =>
    note.kind === 'stages' ? note.entries.map(stageNote) : note,
  );
  return appendAudit(trx, told, at, traits);
}
