/** A piece of work of the ledger, as the store carries it out. */

import type { Transaction } from 'kysely';

import type { LedgerSchema } from './schema.ts';
import type { Note } from './seal.ts';

/** What is done in one transaction, and what is to be written down with it. */
export type Work<Value> = (
  transaction: Transaction<LedgerSchema>,
  note: (note: Note) => void,
) => Promise<Value>;
