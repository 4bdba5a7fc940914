/** Clusters in which nobody acts until an operator has confirmed: the ledger is an older copy. */

import { sql, type Transaction } from 'kysely';

import type { ClusterId } from '../domain/ids.ts';
import type { LeaseStop } from '../domain/lease.ts';
import { confirmedNote, stoppedNote } from './audit-notes.ts';
import { type StoreTraits, waitForWriters } from './leases.ts';
import type { Work } from './work.ts';
import type { LedgerSchema } from './schema.ts';

/** Nothing is stopped, nor told, where the ledger has caught up since, or a stop says the same. */
export function stopLease(stop: LeaseStop, traits: StoreTraits): Work<void> {
  return async (trx, note) => {
    if (traits.concurrentWriters) await waitForWriters(trx, stop.cluster);
    const lease = trx.selectFrom('leases').select('token').where('cluster', '=', stop.cluster);
    if (((await lease.executeTakeFirst())?.token ?? 0) >= stop.seen) return;
    const set = { seen: stop.seen, by_whom: stop.by };
    const done = await trx
      .insertInto('lease_stops')
      .values({ cluster: stop.cluster, ...set })
      .onConflict((conflict) =>
        conflict.column('cluster').doUpdateSet(set).where('lease_stops.seen', '<', stop.seen),
      )
      .executeTakeFirst();
    if (done.numInsertedOrUpdatedRows === 1n) note(stoppedNote(stop));
  };
}

/**
 * The lease stays whose it is in the ledger: what that one was at may be under way still, so others
 * wait as ever. But its token is over, and whoever takes it next is above all that was seen.
 */
export function liftStop({ cluster, seen, by }: LeaseStop, traits: StoreTraits): Work<void> {
  return async (trx, note) => {
    if (traits.concurrentWriters) await waitForWriters(trx, cluster);
    const known = await stopOf(trx, cluster);
    const token = Math.max(seen, known ?? 0);
    await trx.deleteFrom('lease_stops').where('cluster', '=', cluster).execute();
    const free = { holder: '', holder_name: '', renewals: 0, seconds: 0, expires_at: 0 };
    await trx
      .insertInto('leases')
      .values({ cluster, token, ...free })
      .onConflict((conflict) =>
        conflict
          .column('cluster')
          .doUpdateSet({ token, renewals: sql<number>`leases.renewals + 1` })
          .where('leases.token', '<', token),
      )
      .execute();
    note(confirmedNote({ cluster, seen: token, by }));
  };
}

/** The highest token that was seen of it; undefined: it is not stopped. */
async function stopOf(
  trx: Transaction<LedgerSchema>,
  cluster: ClusterId,
): Promise<number | undefined> {
  const query = trx.selectFrom('lease_stops').select('seen').where('cluster', '=', cluster);
  return (await query.executeTakeFirst())?.seen;
}
