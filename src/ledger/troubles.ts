/** The VMs whose moves come to nothing again and again, in one query. */

import { type Kysely, sql } from 'kysely';

import { type VmId, vmId } from '../domain/ids.ts';
import { type EpochSeconds, epochSeconds } from '../domain/units.ts';
import type { Trouble } from '../ports/ledger.ts';
import type { StoreTraits } from './leases.ts';
import type { LedgerSchema } from './schema.ts';

interface Row {
  readonly vm: string;
  readonly count: number | string;
  readonly last_at: number;
  readonly cancelled_ago: number | null;
}

export async function selectTroubles(
  db: Kysely<LedgerSchema>,
  since: EpochSeconds,
  { now }: StoreTraits,
): Promise<ReadonlyMap<VmId, Trouble>> {
  // A move that is skipped because it waited for another was not begun: it has no stages.
  const { rows } = await sql<Row>`
    select bad.vm as vm, count(*) as count, max(bad.closed_at) as last_at,
      ${now()} - max(case when bad.outcome = 'cancelled'
        then coalesce(bad.settled_at, bad.closed_at) end) as cancelled_ago
    from moves as bad
    where bad.closed_at >= ${since}
      and bad.outcome <> 'succeeded'
      and (bad.outcome <> 'skipped' or exists (select 1 from stages where stages.move = bad.id))
      and not exists (
        select 1 from moves as good
        where good.vm = bad.vm and good.outcome = 'succeeded' and good.closed_at > bad.closed_at
      )
      and not exists (
        select 1 from breaker_resets as reset
        where reset.name = 'vm:' || bad.vm and reset.at >= bad.closed_at
      )
    group by bad.vm
    order by bad.vm`.execute(db);
  return new Map(
    rows.map(({ vm, count, last_at, cancelled_ago }) => {
      const cancelledSecondsAgo = cancelled_ago ?? undefined;
      const trouble = { count: Number(count), lastAt: epochSeconds(last_at), cancelledSecondsAgo };
      return [vmId(vm), trouble];
    }),
  );
}
