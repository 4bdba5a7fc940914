/**
 * Which ledger this is: given once, with its shape, and the same in every copy. What a controller
 * has kept of another one says nothing about this one.
 */

import { randomUUID } from 'node:crypto';

import type { Kysely } from 'kysely';

import type { LedgerSchema } from './schema.ts';

const NAME = 'ledger-id';

/** A step of migrations.ts: of two controllers that start together one takes it. */
export async function nameLedger(db: Kysely<LedgerSchema>): Promise<void> {
  const insert = db.insertInto('settings').values({ name: NAME, value: randomUUID() });
  await insert.onConflict((conflict) => conflict.column('name').doNothing()).execute();
}

export async function selectLedgerId(db: Kysely<LedgerSchema>): Promise<string | undefined> {
  const query = db.selectFrom('settings').select('value').where('name', '=', NAME);
  return (await query.executeTakeFirst())?.value;
}
