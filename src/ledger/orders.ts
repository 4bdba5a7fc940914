/** Orders: written as a whole, the newest state wins. */

import type { Kysely, Transaction } from 'kysely';

import type { OrderId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { toOrder } from './records.ts';
import type { LedgerSchema } from './schema.ts';

export async function upsertOrder(
  trx: Transaction<LedgerSchema>,
  order: Order,
  changedAt: EpochSeconds,
): Promise<void> {
  const row = {
    host: order.host,
    state: order.state,
    created_at: order.createdAt,
    changed_at: changedAt,
    body: JSON.stringify(order),
  };
  await trx
    .insertInto('orders')
    .values({ id: order.id, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
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
