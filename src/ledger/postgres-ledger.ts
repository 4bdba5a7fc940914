/**
 * The ledger that several controllers share: a PostgreSQL database. As with the embedded one,
 * it refuses to start rather than to promise what the store does not keep: a server that does not
 * flush its commits, or that is a standby, is not written to. A connection that falls silent is
 * cut, and a transaction that its controller leaves open (it was stopped, or died with its
 * machine) is ended by the server, so that nobody waits for it.
 */

import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool, type PoolClient } from 'pg';

import type { Clock } from '../ports/clock.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import { migrate } from './migrate.ts';
import { connectionSettings, type PostgresAddress, withoutSecrets } from './postgres-connection.ts';
import { isLostContact, translatePostgresError } from './postgres-errors.ts';
import type { LedgerSchema } from './schema.ts';
import { SqlLedger } from './sql-ledger.ts';

/** One writes (group commit), the others read. */
const CONNECTIONS = 4;
/** How long a controller that stands still may hold up the others' transactions. */
const OPEN_TRANSACTION_SECONDS = 5;

export interface PostgresLedgerOptions extends PostgresAddress {
  readonly clock: Clock;
}

/**
 * Connects, checks and migrates. Rejects with LedgerError: `unreachable`, `unsafe`,
 * `newer-schema`, `read-only`, `io`.
 */
export async function openPostgresLedger(options: PostgresLedgerOptions): Promise<Ledger> {
  const { clock } = options;
  const where = withoutSecrets(options.url);
  const translate = (error: unknown): LedgerError => translatePostgresError(error, where);
  const db = new Kysely<LedgerSchema>({ dialect: new PostgresDialect({ pool: poolOf(options) }) });
  try {
    await migrate(db, 'postgres', where);
    await compareByCodeUnit(db);
  } catch (error) {
    await db.destroy();
    throw translate(error);
  }
  const now = () => sql<number>`extract(epoch from clock_timestamp())::double precision`;
  const traits = { now, concurrentWriters: true, isLostContact };
  return SqlLedger.on({ db, clock, translate, traits, onClose: () => undefined });
}

function poolOf(address: PostgresAddress): Pool {
  const pool = new Pool({
    ...connectionSettings(address),
    max: CONNECTIONS,
    idle_in_transaction_session_timeout: OPEN_TRANSACTION_SECONDS * 1000,
    options: '-c synchronous_commit=on',
    verify: (client, done) => void verify(client, withoutSecrets(address.url), done),
  });
  // Of a connection that breaks while nobody uses it nobody needs to know: there will be another.
  pool.on('error', ignore);
  return pool;
}

function ignore(): void {
  // Whoever waits for an answer gets the error as well.
}

/** Tells `done` what speaks against the connection; the pool throws it away then. */
async function verify(
  client: PoolClient,
  where: string,
  done: (problem?: Error) => void,
): Promise<void> {
  let problem: Error | undefined;
  try {
    await check(client, where);
  } catch (error) {
    problem = translatePostgresError(error, where);
  }
  done(problem);
}

interface Promises {
  readonly synchronous_commit: string;
  readonly fsync: string;
  readonly read_only: string;
  readonly standby: boolean;
}

/** Asked of every connection: the one after a failover may lead to another server. */
async function check(client: PoolClient, where: string): Promise<void> {
  // An error of a connection in use reaches whoever uses it.
  client.on('error', ignore);
  const { rows } = await client.query<Promises>(
    `select current_setting('synchronous_commit') as synchronous_commit,
      current_setting('fsync') as fsync, current_setting('transaction_read_only') as read_only,
      pg_is_in_recovery() as standby`,
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
}

interface TextColumn {
  readonly table_name: string;
  readonly column_name: string;
}

/**
 * Ids are ordered by code unit everywhere (domain/ids.ts), not by the language of the database.
 * Changes nothing where it is so already.
 */
async function compareByCodeUnit(db: Kysely<LedgerSchema>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext('drover collation'))`.execute(trx);
    const { rows } = await sql<TextColumn>`
      select c.table_name, c.column_name from information_schema.columns as c
      join information_schema.tables as t using (table_schema, table_name)
      where c.table_schema = current_schema() and t.table_type = 'BASE TABLE'
        and c.data_type = 'text' and c.collation_name is distinct from 'C'`.execute(trx);
    for (const { table_name: table, column_name: column } of rows) {
      const name = sql.ref(column);
      await sql`alter table ${sql.table(table)} alter column ${name} type text collate "C"`.execute(
        trx,
      );
    }
  });
}
