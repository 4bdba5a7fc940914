/**
 * A ledger on PostgreSQL to read, beside the controllers: in one transaction that can change
 * nothing and sees one moment. A standby will do.
 */

import { Kysely, PostgresDialect } from 'kysely';
import { DatabaseError } from 'pg';

import { openPool, type PostgresAddress, withoutSecrets } from './postgres-connection.ts';
import { isLostContact, translatePostgresError } from './postgres-errors.ts';
import type { LedgerSchema } from './schema.ts';

/** @throws LedgerError `unreachable`, and what else the database may answer. */
export async function readPostgres<Value>(
  address: PostgresAddress,
  read: (db: Kysely<LedgerSchema>) => Promise<Value>,
): Promise<Value> {
  const pool = openPool(address, { connections: 1 });
  const db = new Kysely<LedgerSchema>({ dialect: new PostgresDialect({ pool }) });
  try {
    const moment = db.transaction().setIsolationLevel('repeatable read');
    return await moment.setAccessMode('read only').execute(read);
  } catch (error) {
    // What the reader throws is its own: only the store's errors are put into words here.
    const isOfStore = error instanceof DatabaseError || isLostContact(error);
    throw isOfStore ? translatePostgresError(error, withoutSecrets(address.url)) : error;
  } finally {
    await db.destroy();
  }
}
