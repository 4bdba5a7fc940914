/** Orders: written as a whole; what changes one that is there reads it in the same transaction. */

import type { Kysely, Transaction } from 'kysely';

import type { OrderId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import { occasionOf } from '../domain/kept-alert.ts';
import type { Order } from '../domain/order.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { ChangedOrder, OrderChange, PutOrder } from '../ports/ledger.ts';
import { orderNote } from './audit-notes.ts';
import { selectAlerts } from './firing-alerts.ts';
import { insertHistory } from './history.ts';
import type { StoreTraits } from './leases.ts';
import { chunksOf } from './bounded.ts';
import type { Work } from './work.ts';
import { toOrder } from './records.ts';
import type { LedgerSchema } from './schema.ts';

export function putOrders(all: readonly PutOrder[], changedAt: EpochSeconds): Work<void> {
  return async (trx, note) => {
    const orders = all.map(({ order }) => order);
    for (const order of orders) note(orderNote(order));
    await upsertOrders(trx, orders, changedAt);
    await insertHistory(trx, linesOf(all));
  };
}

async function upsertOrders(
  trx: Transaction<LedgerSchema>,
  orders: readonly Order[],
  changedAt: EpochSeconds,
): Promise<void> {
  const rows = orders.map((order) => ({
    id: order.id,
    host: order.host,
    state: order.state,
    created_at: order.createdAt,
    changed_at: changedAt,
    body: JSON.stringify(order),
  }));
  for (const values of chunksOf(rows)) {
    const insert = trx.insertInto('orders').values(values);
    await insert
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((row) => ({
          host: row.ref('excluded.host'),
          state: row.ref('excluded.state'),
          created_at: row.ref('excluded.created_at'),
          changed_at: row.ref('excluded.changed_at'),
          body: row.ref('excluded.body'),
        })),
      )
      .execute();
  }
}

export interface OrderToChange {
  readonly id: OrderId;
  readonly change: OrderChange;
  readonly changedAt: EpochSeconds;
}

/** Undefined: there is no such order, or nothing is to become of it as it stands. */
export function changeOrder(
  wanted: OrderToChange,
  traits: Pick<StoreTraits, 'concurrentWriters'>,
): Work<Order | undefined> {
  return async (trx, note) => {
    const changed = await changeRow(trx, wanted, traits);
    if (changed !== undefined) note(orderNote(changed.order));
    if (changed?.successor !== undefined) note(orderNote(changed.successor.order));
    return changed?.order;
  };
}

async function changeRow(
  trx: Transaction<LedgerSchema>,
  { id, change, changedAt }: OrderToChange,
  { concurrentWriters }: Pick<StoreTraits, 'concurrentWriters'>,
): Promise<ChangedOrder | undefined> {
  const query = trx.selectFrom('orders').selectAll().where('id', '=', id);
  const row = await (concurrentWriters ? query.forUpdate() : query).executeTakeFirst();
  const changed = row === undefined ? undefined : change(toOrder(row));
  if (changed === undefined) return undefined;
  const { successor, lines = [] } = changed;
  const written = [changed.order, ...(successor === undefined ? [] : [successor.order])];
  await upsertOrders(trx, written, changedAt);
  await insertHistory(trx, [...lines, ...(successor?.line === undefined ? [] : [successor.line])]);
  return changed;
}

export async function selectOrders(
  db: Kysely<LedgerSchema>,
  includeClosed: boolean,
): Promise<readonly Order[]> {
  let query = db.selectFrom('orders').selectAll();
  if (!includeClosed) query = query.where('state', '<>', 'closed');
  const rows = await query.orderBy('created_at').orderBy('id').execute();
  return rows.map((row) => toOrder(row));
}

export async function selectOrder(
  db: Kysely<LedgerSchema>,
  id: OrderId,
): Promise<Order | undefined> {
  const row = await db.selectFrom('orders').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toOrder(row);
}

interface OldOrders {
  readonly before: EpochSeconds;
  /** Behind the one of this id. */
  readonly after: string;
  readonly limit: number;
}

/**
 * Looks at so many closed ones that are old, and removes all but those that a person has ended
 * while an alert asked for them that fires to this day: its next repetition would be a new wish.
 * Returns how many it has removed, and the last that it has looked at.
 */
export async function deleteClosedOrders(
  trx: Transaction<LedgerSchema>,
  { before, after, limit }: OldOrders,
): Promise<{ readonly count: number; readonly last: string | undefined }> {
  const closed = trx.selectFrom('orders').selectAll().where('state', '=', 'closed');
  const old = closed.where('changed_at', '<', before).where('id', '>', after);
  const rows = await old.orderBy('id').limit(limit).execute();
  const last = rows.at(-1)?.id;
  if (last === undefined) return { count: 0, last };
  const alerts = await selectAlerts(trx);
  const firing = new Set(
    alerts.map(({ alert, fingerprint }) => occasionOf(fingerprint, alert.since)),
  );
  const isAskedFor = ({ dedupeKey, alsoAsked = [], returnedBy }: Order): boolean =>
    returnedBy !== undefined && [dedupeKey, ...alsoAsked].some((asker) => firing.has(asker));
  const mayBeAskedFor = (row: (typeof rows)[0]): boolean => {
    try {
      return isAskedFor(toOrder(row));
    } catch {
      // Its body is damaged: what does not fire asks for none.
      return firing.size > 0;
    }
  };
  const ids = rows.filter((row) => !mayBeAskedFor(row)).map(({ id }) => id);
  for (const chunk of chunksOf(ids))
    await trx.deleteFrom('orders').where('id', 'in', chunk).execute();
  return { count: ids.length, last };
}

export function linesOf(all: readonly Pick<PutOrder, 'line'>[]): readonly HistoryEntry[] {
  return all.flatMap(({ line }) => line ?? []);
}
