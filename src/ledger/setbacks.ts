/** Moves as circuit breakers and budgets look at them: who, from where to where, how it ended. */

import { type Kysely, sql, type Transaction } from 'kysely';

import { CLOCKS_APART_SECONDS, isAhead } from '../domain/hold-left.ts';
import { hostId, sourceId, vmId } from '../domain/ids.ts';
import type { RecentMove } from '../domain/recent-move.ts';
import { type EpochSeconds, epochSeconds } from '../domain/units.ts';
import type { Setback, Setbacks, Successes } from '../ports/ledger.ts';
import { type Asked, bindsBudgetsOf, WAS_BEGUN } from './moves.ts';
import type { LedgerSchema } from './schema.ts';
import { untilFor } from './span.ts';

/** What one answer may hold one by one. The newest count. */
const MOST_ROWS = 5_000;

/** From the result as it is kept, without reading thousands of them as JSON. */
const LEFT_REMAINS = sql<number>`case when result like '%"remains":true%' then 1 else 0 end`;

export async function selectSetbacks(
  db: Kysely<LedgerSchema>,
  since: EpochSeconds,
  now: EpochSeconds,
): Promise<Setbacks> {
  const until = untilFor(since, now);
  const rows = await db
    .selectFrom('moves')
    .select(['vm', 'from_host', 'to_host', 'source', 'closed_at', LEFT_REMAINS.as('remains')])
    .where('closed_at', '>=', since)
    .where('closed_at', '<', until)
    .where((row) =>
      row.or([row('outcome', 'in', ['failed', 'needs-human']), row(LEFT_REMAINS, '=', 1)]),
    )
    .orderBy('closed_at', 'desc')
    .orderBy('id', 'desc')
    .limit(MOST_ROWS)
    .execute();
  const failures = rows.toReversed().map((row): Setback => {
    const { vm, from_host: from, to_host: to, source, closed_at: at } = row;
    return {
      vm: vmId(vm),
      from: hostId(from),
      to: hostId(to),
      source: sourceId(source),
      at: epochSeconds(at ?? 0),
      remains: Number(row.remains) === 1 ? true : undefined,
    };
  });
  const [first, last] = [failures[0], failures.at(-1)];
  const apart = now + CLOCKS_APART_SECONDS;
  const resets = await selectResets(db);
  // Where nothing failed, nobody asks what succeeded: that may be very much.
  if (first === undefined || last === undefined) return { failures, successes: NONE, resets };
  const successes = await successesIn(db, [first.at, apart]);
  if (!isAhead(last.at, now)) return { failures, successes, resets };
  return { failures, successes, ahead: await successesIn(db, [apart, until]), resets };
}

const NONE: Successes = { vm: new Map(), out: new Map(), into: new Map(), source: new Map() };

/** From the first moment on, up to the second. */
type Span = readonly [number, number];

async function successesIn(db: Kysely<LedgerSchema>, span: Span): Promise<Successes> {
  const last = (column: 'vm' | 'from_host' | 'to_host' | 'source') =>
    selectSuccesses(db, column, span);
  return {
    vm: new Map((await last('vm')).map(([name, at]) => [vmId(name), at])),
    out: new Map((await last('from_host')).map(([name, at]) => [hostId(name), at])),
    into: new Map((await last('to_host')).map(([name, at]) => [hostId(name), at])),
    source: new Map((await last('source')).map(([name, at]) => [sourceId(name), at])),
  };
}

async function selectSuccesses(
  db: Kysely<LedgerSchema>,
  column: 'vm' | 'from_host' | 'to_host' | 'source',
  [since, until]: Span,
): Promise<readonly (readonly [string, EpochSeconds])[]> {
  const rows = await db
    .selectFrom('moves')
    .select((build) => [build.ref(column).as('name'), build.fn.max('closed_at').as('at')])
    .where('outcome', '=', 'succeeded')
    .where('closed_at', '>=', since)
    .where('closed_at', '<=', until)
    .groupBy(column)
    .execute();
  return rows.map(({ name, at }) => [name, epochSeconds(Number(at))]);
}

async function selectResets(db: Kysely<LedgerSchema>): Promise<ReadonlyMap<string, EpochSeconds>> {
  const rows = await db.selectFrom('breaker_resets').select(['name', 'at']).execute();
  return new Map(rows.map(({ name, at }) => [name, epochSeconds(at)]));
}

export async function upsertReset(
  trx: Transaction<LedgerSchema>,
  name: string,
  by: string,
  at: EpochSeconds,
): Promise<void> {
  await trx
    .insertInto('breaker_resets')
    .values({ name, at, by_whom: by })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ at, by_whom: by }))
    .execute();
}

export async function selectMovesSince(
  db: Kysely<LedgerSchema>,
  asked: Asked,
): Promise<readonly RecentMove[]> {
  const [since, now, asking] = asked;
  const rows = await db
    .selectFrom('moves')
    .select(['id', 'vm', 'from_host', 'to_host', 'opened_at', ARRIVED.as('arrived_at')])
    .where('opened_at', '>=', since)
    .where('opened_at', '<', untilFor(since, now))
    .where(WAS_BEGUN)
    .where(bindsBudgetsOf(asking))
    .orderBy('opened_at', 'desc')
    .orderBy('id', 'desc')
    .limit(MOST_ROWS)
    .execute();
  const oldest = rows[MOST_ROWS - 1];
  const before = oldest === undefined ? [] : await selectLastOfWays(db, asked, oldest);
  return [...before, ...rows.toReversed()].map((row): RecentMove => {
    const { arrived_at: at } = row;
    return {
      vm: vmId(row.vm),
      from: hostId(row.from_host),
      to: hostId(row.to_host),
      openedAt: epochSeconds(Number(row.opened_at)),
      arrivedAt: at === null ? undefined : epochSeconds(Number(at)),
    };
  });
}

const ARRIVED = sql<number | null>`case when outcome = 'succeeded' then closed_at end`;

/** Of each VM on each way, for the way back: however many have moved since. */
function selectLastOfWays(
  db: Kysely<LedgerSchema>,
  [since, , asking]: Asked,
  { id, opened_at: openedAt }: { readonly id: string; readonly opened_at: number },
) {
  return db
    .selectFrom('moves')
    .select(['vm', 'from_host', 'to_host', sql<number>`max(opened_at)`.as('opened_at')])
    .select(sql<number | null>`max(${ARRIVED})`.as('arrived_at'))
    .where('opened_at', '>=', since)
    .where(sql<boolean>`(opened_at < ${openedAt} or (opened_at = ${openedAt} and id < ${id}))`)
    .where(WAS_BEGUN)
    .where(bindsBudgetsOf(asking))
    .groupBy(['vm', 'from_host', 'to_host'])
    .orderBy(sql`max(opened_at)`)
    .orderBy('vm')
    .execute();
}
