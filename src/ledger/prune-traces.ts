/**
 * What tells where VMs went, their moves and their history: what is old goes, but the newest stay,
 * and all that a return needs. What stays may be the oldest there is, and much: every row is looked
 * at once, in the order of time, which an index has.
 */

import { type RawBuilder, type SqlBool, sql, type Transaction } from 'kysely';

import type { OldRecords } from '../ports/ledger.ts';
import { chunksOf } from './bounded.ts';
import { selectOrders } from './orders.ts';
import type { Work } from './work.ts';
import type { LedgerSchema } from './schema.ts';

/** Rows that are looked at in one transaction: nobody waits long behind it. */
const CHUNK = 500;

interface Traces {
  readonly table: 'moves' | 'history';
  readonly key: string;
  /** The column of the moment; of a move that is open there is none. */
  readonly at: string;
}

/** Stages go with their moves. */
export const TRACES: readonly Traces[] = [
  { table: 'moves', key: 'id', at: 'closed_at' },
  { table: 'history', key: 'seq', at: 'at' },
];

interface Row {
  readonly key: string | number;
  readonly at: number;
  readonly vm: string | null;
}

/** Returns how many it has removed. */
export async function pruneTraces(
  write: <Value>(work: Work<Value>) => Promise<Value>,
  traces: Traces,
  old: OldRecords,
): Promise<number> {
  const away = await write(selectAway);
  for (let [removed, after] = [0, undefined as Row | undefined]; ; ) {
    const rows = await write((trx) => prunePage(trx, traces, { ...old, after, away }));
    removed += rows.filter(isNobodys(away)).length;
    after = rows.at(-1);
    if (rows.length < CHUNK) return removed;
  }
}

/**
 * As long as an order keeps a host out of service the ledger knows where its VMs went: whoever is
 * not where Drover has left it was moved by somebody, and does not come home. An order that is
 * given later has moved nobody yet.
 */
async function selectAway(trx: Transaction<LedgerSchema>): Promise<ReadonlySet<string>> {
  return new Set((await selectOrders(trx, false)).flatMap(({ home }) => home));
}

function isNobodys(away: ReadonlySet<string>): (row: Row) => boolean {
  return ({ vm }) => vm === null || !away.has(vm);
}

interface Page extends OldRecords {
  /** Behind this one; undefined: from the beginning. */
  readonly after: Row | undefined;
  readonly away: ReadonlySet<string>;
}

/** Returns the rows that it has looked at. */
async function prunePage(
  trx: Transaction<LedgerSchema>,
  { table, key, at }: Traces,
  { before, keep, after, away }: Page,
): Promise<readonly Row[]> {
  const [name, id, moment] = [sql.table(table), sql.ref(key), sql.ref(at)];
  const behind =
    after === undefined
      ? sql`1 = 1`
      : sql`${moment} >= ${after.at} and (${moment} > ${after.at} or ${id} > ${after.key})`;
  const query = sql<Row>`select ${id} as key, ${moment} as at, vm from ${name}
    where ${moment} < ${before} and ${behind} and ${beyondNewest({ table, key, at }, keep)}
    order by ${moment}, ${id} limit ${sql.lit(CHUNK)}`;
  const { rows } = await query.execute(trx);
  const keys = rows.filter(isNobodys(away)).map((row) => row.key);
  for (const chunk of chunksOf(keys))
    await sql`delete from ${name} where ${id} in (${sql.join(chunk)})`.execute(trx);
  return rows;
}

/** Older than the newest `keep`; where there are fewer, nothing is. */
function beyondNewest({ table, at }: Traces, keep: number): RawBuilder<SqlBool> {
  if (keep === 0) return sql`1 = 1`;
  const [name, moment] = [sql.table(table), sql.ref(at)];
  const newest = sql`select ${moment} from ${name} where ${moment} is not null
    order by ${moment} desc limit 1 offset ${sql.lit(keep - 1)}`;
  return sql`${moment} < (${newest})`;
}
