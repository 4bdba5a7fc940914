/** Capacity held for moves that are under way. */

import type { Kysely, Transaction } from 'kysely';

import type { MoveId } from '../domain/ids.ts';
import type { Reservation } from '../domain/snapshot.ts';
import { toReservation } from './records.ts';
import type { LedgerSchema } from './schema.ts';

export async function putReservation(
  trx: Transaction<LedgerSchema>,
  { move, vm, host, memoryBytes, cpu }: Reservation,
): Promise<void> {
  const row = { vm, host, memory_bytes: memoryBytes, cpu };
  await trx
    .insertInto('reservations')
    .values({ move, ...row })
    .onConflict((conflict) => conflict.column('move').doUpdateSet(row))
    .execute();
}

export async function deleteReservation(
  trx: Transaction<LedgerSchema>,
  move: MoveId,
): Promise<void> {
  await trx.deleteFrom('reservations').where('move', '=', move).execute();
}

export async function selectReservations(
  db: Kysely<LedgerSchema>,
): Promise<readonly Reservation[]> {
  const rows = await db.selectFrom('reservations').selectAll().orderBy('move').execute();
  return rows.map((row) => toReservation(row));
}
