/**
 * What a PostgreSQL server has to promise before anything is written to it. It is asked of every
 * connection: the one after a failover may lead to another server, and the schema may have become
 * that of a newer Drover meanwhile.
 */

import { DEFAULT_MIGRATION_TABLE } from 'kysely/migration';
import type { PoolClient } from 'pg';

import { LedgerError } from '../ports/ledger.ts';
import { assertKnown } from './migrate.ts';

interface Promises {
  readonly synchronous_commit: string;
  readonly fsync: string;
  readonly read_only: string;
  readonly standby: boolean;
  readonly encoding: string;
}

/** Rejects with LedgerError: `unsafe`, `read-only`. @param where names the server in messages. */
export async function checkServer(client: PoolClient, where: string): Promise<void> {
  const { rows } = await client.query<Promises>(
    `select current_setting('synchronous_commit') as synchronous_commit,
      current_setting('fsync') as fsync, current_setting('transaction_read_only') as read_only,
      pg_is_in_recovery() as standby, current_setting('server_encoding') as encoding`,
  );
  const [found] = rows;
  if (found?.standby !== false) {
    throw new LedgerError('unsafe', `${where} is a standby: the ledger is written on the primary`);
  }
  if (found.read_only !== 'off') throw new LedgerError('read-only', `${where} takes no writes`);
  for (const name of ['synchronous_commit', 'fsync'] as const) {
    if (found[name] === 'on') continue;
    const message = `${where}: PostgreSQL has ${name} = ${found[name]}, needed is on`;
    throw new LedgerError('unsafe', message);
  }
  if (found.encoding === 'UTF8') return;
  const message =
    `${where} has the encoding ${found.encoding}, needed is UTF8: make a database with ` +
    `"create database … template template0 encoding 'UTF8'"`;
  throw new LedgerError('unsafe', message);
}

/** Rejects with LedgerError `newer-schema`. */
export async function checkSchema(client: PoolClient, where: string): Promise<void> {
  const text = `select name from ${DEFAULT_MIGRATION_TABLE}`;
  const { rows } = await client.query<{ name: string }>(text);
  const applied = rows.map(({ name }) => name);
  await assertKnown(applied, 'postgres', where);
}
