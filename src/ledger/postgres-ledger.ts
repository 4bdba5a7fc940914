/**
 * The ledger that several controllers share: a PostgreSQL database. As with the embedded one,
 * it refuses to start rather than to promise what the store does not keep: a server that does not
 * flush its commits, or that is a standby, is not written to. A connection that falls silent is
 * cut, and a transaction that its controller leaves open (it was stopped, or died with its
 * machine) is ended by the server, so that nobody waits for it.
 */

import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';

import type { Clock } from '../ports/clock.ts';
import type { Ledger, LedgerError } from '../ports/ledger.ts';
import { migrate } from './migrate.ts';
import {
  type ConnectionUse,
  openPool,
  type PostgresAddress,
  withoutSecrets,
} from './postgres-connection.ts';
import { reachOf, translatePostgresError } from './postgres-errors.ts';
import { checkSchema, checkServer } from './postgres-promises.ts';
import { LEDGER_TABLES, type LedgerSchema } from './schema.ts';
import { SqlLedger } from './sql-ledger.ts';
import { withStorableTexts } from './storable-texts.ts';

/** One writes (group commit), the others read. */
const CONNECTIONS = 4;
/** How long a controller that stands still may hold up the others' transactions. */
const OPEN_TRANSACTION_SECONDS = 5;
/** The same while it migrates: it has to compute between two statements. */
const OPEN_MIGRATION_SECONDS = 60;
/** How long one write of many waits for a lock after another of them has waited in vain. */
const HURRIED_LOCK_WAIT = '500ms';

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
  try {
    await bringUpToDate(options, where);
  } catch (error) {
    throw translate(error);
  }
  const check: ConnectionUse['check'] = async (client) => {
    await checkServer(client, where);
    await checkSchema(client, where);
  };
  const settings = settingsFor(OPEN_TRANSACTION_SECONDS);
  const db = connect(options, { connections: CONNECTIONS, settings, check });
  const leaseDb = connect(options, { connections: 1, settings, check });
  const now = () => sql<number>`extract(epoch from clock_timestamp())::double precision`;
  const traits = { now, concurrentWriters: true, reachOf, hurry };
  return SqlLedger.on({ db, leaseDb, clock, translate, traits, onClose: () => undefined });
}

/** On a connection of its own: a migration takes as long as the ledger is large. */
async function bringUpToDate(address: PostgresAddress, where: string): Promise<void> {
  const db = connect(address, {
    connections: 1,
    patient: true,
    settings: settingsFor(OPEN_MIGRATION_SECONDS),
    check: (client) => checkServer(client, where),
  });
  try {
    await migrate(db, 'postgres', where);
    await compareByCodeUnit(db);
  } finally {
    await db.destroy();
  }
}

function settingsFor(openTransactionSeconds: number): Readonly<Record<string, string>> {
  return {
    synchronous_commit: 'on',
    // What waits for a row has to see what it waited for: above this level it fails instead, and
    // of several controllers' writes most do.
    default_transaction_isolation: 'read committed',
    idle_in_transaction_session_timeout: `${openTransactionSeconds}s`,
  };
}

function connect(address: PostgresAddress, use: ConnectionUse): Kysely<LedgerSchema> {
  const dialect = new PostgresDialect({ pool: openPool(address, use) });
  return new Kysely({ dialect: withStorableTexts(dialect) });
}

async function hurry(trx: Transaction<LedgerSchema>): Promise<void> {
  await sql`set local lock_timeout = ${sql.lit(HURRIED_LOCK_WAIT)}`.execute(trx);
}

interface TextColumn {
  readonly table_name: string;
  readonly column_name: string;
}

/**
 * Ids are ordered by code unit everywhere (domain/ids.ts), not by the language of the database.
 * Changes nothing where it is so already, and no table but the ledger's own.
 */
async function compareByCodeUnit(db: Kysely<LedgerSchema>): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext('drover collation'))`.execute(trx);
    const { rows } = await sql<TextColumn>`
      select c.table_name, c.column_name from information_schema.columns as c
      join information_schema.tables as t using (table_schema, table_name)
      where c.table_schema = current_schema() and t.table_type = 'BASE TABLE'
        and c.table_name in (${sql.join(LEDGER_TABLES)})
        and c.data_type = 'text' and c.collation_name is distinct from 'C'`.execute(trx);
    for (const { table_name: table, column_name: column } of rows) {
      const name = sql.ref(column);
      await sql`alter table ${sql.table(table)} alter column ${name} type text collate "C"`.execute(
        trx,
      );
    }
  });
}
