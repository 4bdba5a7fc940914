/**
 * The steps from one shape of the ledger to the next, in the order of their names. A step that
 * was ever released keeps its meaning; a new one is added. SQLite changes its schema outside of a
 * transaction, so every statement can be run twice: a crash in the middle repeats the step.
 */

import { type ColumnDefinitionBuilder, type Kysely, sql } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';

import { GENESIS } from './audit-chain.ts';
import { parseBody } from './records.ts';
import { createAppliedPlans } from './applied-plans.ts';
import { addCarried, addClusters, addMoment, columnsOf } from './added-columns.ts';
import { indexMoves } from './added-indexes.ts';
import { nameLedger } from './ledger-id.ts';
import { createObserved } from './observed-moves.ts';
import { createPlaceQueue } from './places.ts';
import type { LedgerSchema } from './schema.ts';
import { NO_TEXT_JSON, REPLACEMENT } from './storable-texts.ts';

/** What the steps have to say in two ways. */
export type StoreKind = 'sqlite' | 'postgres';

/** The provider that kysely's Migrator asks. */
export function ledgerMigrations(kind: StoreKind): MigrationProvider {
  const migrations: Record<string, Migration> = {
    '0001-moves-orders-history': { up: (db) => createFirstSchema(db, kind) },
    '0002-one-line-per-move': { up: joinLinesOfMoves },
    '0003-approvals': { up: createApprovals },
    '0004-leases': { up: createLeases },
    '0005-audit': { up: createAudit },
    '0006-host-failures': { up: createHostFailures },
    '0007-hosts-of-moves': { up: (db) => nameHostsOfMoves(db, kind) },
    '0008-decision-inputs': { up: (db) => createDecisionInputs(db, kind) },
    '0009-one-open-order-per-host': { up: keepOneOpenOrder },
    '0010-cancel-wishes': { up: createCancelWishes },
    '0011-when-moves-were-settled': { up: (db) => addMoment(db, 'moves', 'settled_at') },
    '0012-firing-alerts': { up: createFiringAlerts },
    '0013-clusters-asked-for': { up: (db) => addClusters(db, 'asks') },
    '0014-when-rules-last-held': { up: (db) => addMoment(db, 'rule_memory', 'last_true_at') },
    '0015-lease-stops': { up: createLeaseStops },
    '0016-what-is-asked-of-moves': { up: indexMoves },
    '0017-which-ledger-it-is': { up: nameLedger },
    '0018-controllers-that-are-moved': { up: addCarried },
    '0019-controllers-that-stand-aside': { up: (db) => addClusters(db, 'leaves') },
    '0020-plans-that-are-applied': { up: createAppliedPlans },
    '0021-observed-moves': { up: createObserved },
    '0022-controllers-that-wait-for-places': { up: createPlaceQueue },
  };
  return { getMigrations: () => Promise.resolve(migrations) };
}

/** A number that counts up by itself. */
function sequence(kind: StoreKind): (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder {
  if (kind === 'sqlite') return (column) => column.primaryKey().autoIncrement();
  return (column) => column.primaryKey().generatedByDefaultAsIdentity();
}

function required(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder {
  return column.notNull();
}

function key(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder {
  return column.primaryKey().notNull();
}

async function createFirstSchema(db: Kysely<LedgerSchema>, kind: StoreKind): Promise<void> {
  await createMoves(db, kind);
  await createRecords(db, kind);
  await createState(db);
}

async function createMoves(db: Kysely<LedgerSchema>, kind: StoreKind): Promise<void> {
  await db.schema
    .createTable('moves')
    .ifNotExists()
    .addColumn('id', 'text', key)
    .addColumn('vm', 'text', required)
    .addColumn('plan', 'text', required)
    .addColumn('source', 'text', required)
    .addColumn('vm_name', 'text', required)
    .addColumn('opened_at', 'double precision', required)
    .addColumn('body', 'text', required)
    .addColumn('closed_at', 'double precision')
    .addColumn('outcome', 'text')
    .addColumn('result', 'text')
    .addCheckConstraint(
      'moves_close_at_once',
      sql`(closed_at is null) = (outcome is null) and (closed_at is null) = (result is null)`,
    )
    .execute();
  // The store itself refuses what must never be: two open moves of one VM.
  await sql`create unique index if not exists moves_one_open_per_vm
    on moves (vm) where closed_at is null`.execute(db);
  await db.schema
    .createIndex('moves_opened_at')
    .ifNotExists()
    .on('moves')
    .column('opened_at')
    .execute();
  await db.schema
    .createIndex('moves_vm_closed_at')
    .ifNotExists()
    .on('moves')
    .columns(['vm', 'closed_at'])
    .execute();
  await db.schema
    .createIndex('moves_closed_at')
    .ifNotExists()
    .on('moves')
    .column('closed_at')
    .execute();
  await db.schema
    .createTable('stages')
    .ifNotExists()
    .addColumn('seq', kind === 'sqlite' ? 'integer' : 'bigint', sequence(kind))
    .addColumn('move', 'text', (column) =>
      column.notNull().references('moves.id').onDelete('cascade'),
    )
    .addColumn('stage', 'text', required)
    .addColumn('phase', 'text', required)
    .addColumn('at', 'double precision', required)
    .addColumn('detail', 'text', required)
    .execute();
  await db.schema.createIndex('stages_move').ifNotExists().on('stages').column('move').execute();
  await db.schema
    .createTable('reservations')
    .ifNotExists()
    .addColumn('move', 'text', (column) => key(column).references('moves.id').onDelete('cascade'))
    .addColumn('vm', 'text', required)
    .addColumn('host', 'text', required)
    .addColumn('memory_bytes', 'double precision', required)
    .addColumn('cpu', 'double precision', required)
    .execute();
}

async function createRecords(db: Kysely<LedgerSchema>, kind: StoreKind): Promise<void> {
  await db.schema
    .createTable('decisions')
    .ifNotExists()
    .addColumn('plan', 'text', key)
    .addColumn('at', 'double precision', required)
    .addColumn('body', 'text', required)
    .execute();
  await db.schema.createIndex('decisions_at').ifNotExists().on('decisions').column('at').execute();
  await db.schema
    .createTable('history')
    .ifNotExists()
    .addColumn('seq', kind === 'sqlite' ? 'integer' : 'bigint', sequence(kind))
    .addColumn('at', 'double precision', required)
    .addColumn('kind', 'text', required)
    .addColumn('vm', 'text')
    .addColumn('host', 'text')
    .addColumn('move', 'text')
    .addColumn('text', 'text', required)
    .execute();
  for (const columns of [['vm', 'at'], ['host', 'at'], ['at']] as const) {
    await db.schema
      .createIndex(`history_${columns.join('_')}`)
      .ifNotExists()
      .on('history')
      .columns([...columns])
      .execute();
  }
}

async function createState(db: Kysely<LedgerSchema>): Promise<void> {
  await db.schema
    .createTable('orders')
    .ifNotExists()
    .addColumn('id', 'text', key)
    .addColumn('host', 'text', required)
    .addColumn('state', 'text', required)
    .addColumn('created_at', 'double precision', required)
    .addColumn('changed_at', 'double precision', required)
    .addColumn('body', 'text', required)
    .execute();
  await db.schema.createIndex('orders_state').ifNotExists().on('orders').column('state').execute();
  await db.schema
    .createTable('host_marks')
    .ifNotExists()
    .addColumn('host', 'text', key)
    .addColumn('state', 'text', required)
    .addColumn('since', 'double precision', required)
    .addColumn('reason', 'text', required)
    .execute();
  await db.schema
    .createTable('rule_memory')
    .ifNotExists()
    .addColumn('rule', 'text', required)
    .addColumn('host', 'text', required)
    .addColumn('holding_since', 'double precision')
    .addColumn('open_since', 'double precision')
    .addPrimaryKeyConstraint('rule_memory_key', ['rule', 'host'])
    .execute();
  await db.schema
    .createTable('settings')
    .ifNotExists()
    .addColumn('name', 'text', key)
    .addColumn('value', 'text', required)
    .execute();
}

/** A move had two lines of history, one for each of its hosts; now one line names both. */
async function joinLinesOfMoves(db: Kysely<LedgerSchema>): Promise<void> {
  const tables = await db.introspection.getTables();
  const columns = tables.find(({ name }) => name === 'history')?.columns ?? [];
  if (!columns.some(({ name }) => name === 'from_host')) {
    await db.schema.alterTable('history').addColumn('from_host', 'text').execute();
  }
  await db.schema
    .createIndex('history_from_host_at')
    .ifNotExists()
    .on('history')
    .columns(['from_host', 'at'])
    .execute();
  // Every line looks for its other one: without an index, a ledger of a quarter takes hours.
  await sql`create index if not exists history_joined on history (move) where vm is null`.execute(
    db,
  );
  // The line of the source names no VM. Its host is kept before it goes.
  await sql`update history set from_host = (
      select source.host from history as source
      where source.move = history.move and source.kind = 'move' and source.vm is null
    ) where kind = 'move' and vm is not null and from_host is null`.execute(db);
  await sql`delete from history where kind = 'move' and vm is null`.execute(db);
  await db.schema.dropIndex('history_joined').ifExists().execute();
}

async function createApprovals(db: Kysely<LedgerSchema>): Promise<void> {
  for (const [table, name] of [
    ['approvals', 'move_key'],
    ['shown_plans', 'plan'],
  ] as const) {
    await db.schema
      .createTable(table)
      .ifNotExists()
      .addColumn(name, 'text', key)
      .addColumn('expires_at', 'double precision', required)
      .addColumn('body', 'text', required)
      .execute();
  }
}

async function createLeases(db: Kysely<LedgerSchema>): Promise<void> {
  const has = await columnsOf(db, 'moves');
  if (!has('leases')) {
    await db.schema.alterTable('moves').addColumn('leases', 'text').execute();
  }
  await db.schema
    .createTable('leases')
    .ifNotExists()
    .addColumn('cluster', 'text', key)
    .addColumn('holder', 'text', required)
    .addColumn('holder_name', 'text', required)
    .addColumn('token', 'integer', required)
    .addColumn('renewals', 'integer', required)
    .addColumn('seconds', 'double precision', required)
    .addColumn('expires_at', 'double precision', required)
    .execute();
  await db.schema
    .createTable('controllers')
    .ifNotExists()
    .addColumn('id', 'text', key)
    .addColumn('name', 'text', required)
    .addColumn('wants', 'text', required)
    .addColumn('beats', 'integer', required)
    .execute();
}

async function createAudit(db: Kysely<LedgerSchema>): Promise<void> {
  await db.schema
    .createTable('audit')
    .ifNotExists()
    .addColumn('seq', 'bigint', key)
    .addColumn('at', 'double precision', required)
    .addColumn('kind', 'text', required)
    .addColumn('body', 'text', required)
    .addColumn('prev', 'text', required)
    .addColumn('hash', 'text', required)
    .execute();
  await db.schema
    .createTable('audit_head')
    .ifNotExists()
    .addColumn('id', 'integer', key)
    .addColumn('seq', 'bigint', required)
    .addColumn('hash', 'text', required)
    .execute();
  const first = db.insertInto('audit_head').values({ id: 1, ...GENESIS });
  await first.onConflict((conflict) => conflict.doNothing()).execute();
}

async function createHostFailures(db: Kysely<LedgerSchema>): Promise<void> {
  await db.schema
    .createTable('host_failures')
    .ifNotExists()
    .addColumn('host', 'text', key)
    .addColumn('body', 'text', required)
    .execute();
}

/** Budgets and circuit breakers ask by host; until now the hosts stood in the move's body only. */
async function nameHostsOfMoves(db: Kysely<LedgerSchema>, kind: StoreKind): Promise<void> {
  const has = await columnsOf(db, 'moves');
  for (const [column, end] of [
    ['from_host', 'from'],
    ['to_host', 'to'],
  ] as const) {
    if (!has(column)) {
      const add = db.schema.alterTable('moves');
      await add.addColumn(column, 'text', (made) => made.notNull().defaultTo('')).execute();
    }
    const read =
      kind === 'sqlite'
        ? sql`json_extract(body, ${sql.lit(`$.${end}`)})`
        : sql`regexp_replace(body, ${NO_TEXT_JSON}, ${REPLACEMENT}, 'g')::json ->> ${sql.lit(end)}`;
    await sql`update moves set ${sql.ref(column)} = ${read} where ${sql.ref(column)} = ''`.execute(
      db,
    );
  }
  await db.schema
    .createTable('breaker_resets')
    .ifNotExists()
    .addColumn('name', 'text', key)
    .addColumn('at', 'double precision', required)
    .addColumn('by_whom', 'text', required)
    .execute();
}

async function createDecisionInputs(db: Kysely<LedgerSchema>, kind: StoreKind): Promise<void> {
  await db.schema
    .createTable('decision_inputs')
    .ifNotExists()
    .addColumn('plan', 'text', key)
    .addColumn('at', 'double precision', required)
    .addColumn('bytes', 'integer', required)
    .addColumn('body', kind === 'sqlite' ? 'blob' : 'bytea', required)
    .execute();
  // What is over the bounds is found without a look at the bodies.
  await db.schema
    .createIndex('decision_inputs_at')
    .ifNotExists()
    .on('decision_inputs')
    .columns(['at', 'plan', 'bytes'])
    .execute();
}

/** Two controllers could open two orders for one host at the same moment: the first one stays. */
async function keepOneOpenOrder(db: Kysely<LedgerSchema>): Promise<void> {
  const open = db.selectFrom('orders').selectAll().where('state', '=', 'open');
  const rows = await open.orderBy('created_at').orderBy('id').execute();
  const taken = new Set<string>();
  for (const { id, host, body } of rows) {
    if (taken.has(host)) {
      const closed = JSON.stringify({ ...parseBody<object>(body), state: 'closed' });
      const set = { state: 'closed', body: closed };
      await db.updateTable('orders').set(set).where('id', '=', id).execute();
    }
    taken.add(host);
  }
  // The store itself refuses what must never be, as with moves.
  await sql`create unique index if not exists orders_one_open_per_host
    on orders (host) where state = 'open'`.execute(db);
}

async function createCancelWishes(db: Kysely<LedgerSchema>): Promise<void> {
  await db.schema
    .createTable('cancel_wishes')
    .ifNotExists()
    .addColumn('id', 'text', key)
    .addColumn('cluster', 'text', required)
    .addColumn('what', 'text', required)
    .addColumn('state', 'text', required)
    .addColumn('expires_at', 'double precision', required)
    .addColumn('ended_at', 'double precision')
    .addColumn('body', 'text', required)
    .execute();
  await sql`create unique index if not exists cancel_wishes_one_live
    on cancel_wishes (cluster, what) where state in ('open', 'begun')`.execute(db);
}

async function createFiringAlerts(db: Kysely<LedgerSchema>): Promise<void> {
  await db.schema
    .createTable('firing_alerts')
    .ifNotExists()
    .addColumn('fingerprint', 'text', key)
    .addColumn('heard_at', 'double precision', required)
    .addColumn('body', 'text', required)
    .execute();
}

async function createLeaseStops(db: Kysely<LedgerSchema>): Promise<void> {
  await db.schema
    .createTable('lease_stops')
    .ifNotExists()
    .addColumn('cluster', 'text', key)
    .addColumn('seen', 'integer', required)
    .addColumn('by_whom', 'text', required)
    .execute();
}
