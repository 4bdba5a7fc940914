/** The VMs whose moves come to nothing again and again, in one query. */

import { type Kysely, sql } from 'kysely';

import { CLOCKS_APART_SECONDS, nearest } from '../domain/hold-left.ts';
import { type VmId, vmId } from '../domain/ids.ts';
import { type EpochSeconds, epochSeconds } from '../domain/units.ts';
import type { Trouble } from '../ports/ledger.ts';
import type { StoreTraits } from './leases.ts';
import type { LedgerSchema } from './schema.ts';
import { lastIn, untilFor } from './span.ts';

interface Row {
  readonly vm: string;
  readonly count: number | string;
  readonly back: number | null;
  readonly ahead: number | null;
  /** By the clock of the store, as the next two are. */
  readonly store_now: number;
  readonly cancelled_back: number | null;
  readonly cancelled_ahead: number | null;
}

const ENDED = sql.ref('bad.closed_at');
const CANCELLED = sql`(case when bad.outcome = 'cancelled'
  then coalesce(bad.settled_at, bad.closed_at) end)`;

export async function selectTroubles(
  db: Kysely<LedgerSchema>,
  { since, now }: { readonly since: EpochSeconds; readonly now: EpochSeconds },
  { now: byStore }: StoreTraits,
): Promise<ReadonlyMap<VmId, Trouble>> {
  const last = lastIn(ENDED, sql<number>`${now}`);
  const cancelled = lastIn(CANCELLED, byStore());
  // A success or a reset of a clock that was ahead says nothing about what came after it.
  const apart = now + CLOCKS_APART_SECONDS;
  // A move that is skipped because it waited for another was not begun: it has no stages. One that
  // was held back has some, where that was decided while they were being written.
  const { rows } = await sql<Row>`
    select bad.vm as vm, count(*) as count, ${last.back} as back, ${last.ahead} as ahead,
      max(${byStore()}) as store_now, ${cancelled.back} as cancelled_back,
      ${cancelled.ahead} as cancelled_ahead
    from moves as bad
    where bad.closed_at >= ${since} and bad.closed_at < ${untilFor(since, now)}
      and bad.outcome <> 'succeeded'
      and (bad.outcome <> 'skipped' or exists (select 1 from stages where stages.move = bad.id))
      and (bad.outcome <> 'skipped' or bad.result not like '%"held":true%')
      and not exists (
        select 1 from moves as good
        where good.vm = bad.vm and good.outcome = 'succeeded' and good.closed_at > bad.closed_at
          and (good.closed_at <= ${apart} or bad.closed_at > ${apart})
      )
      and not exists (
        select 1 from breaker_resets as reset
        where reset.name = 'vm:' || bad.vm and reset.at >= bad.closed_at
          and (reset.at <= ${apart} or bad.closed_at > ${apart})
      )
    group by bad.vm
    order by bad.vm`.execute(db);
  return new Map(
    rows.map((row) => {
      const lastAt = epochSeconds(nearest(row.back, row.ahead, now) ?? 0);
      const cancelledAt = nearest(row.cancelled_back, row.cancelled_ahead, row.store_now);
      const cancelledSecondsAgo =
        cancelledAt === undefined ? undefined : row.store_now - cancelledAt;
      return [vmId(row.vm), { count: Number(row.count), lastAt, cancelledSecondsAgo }];
    }),
  );
}
