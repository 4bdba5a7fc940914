/** Leases and the controllers that share them: each change compares first, in one transaction. */

import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';

import { type ClusterId, clusterId, compareText } from '../domain/ids.ts';
import type { HeldLease, Lease, LeaseProof, LeaseStop } from '../domain/lease.ts';
import { epochSeconds, type Seconds, seconds } from '../domain/units.ts';
import { LedgerError } from '../ports/ledger.ts';
import type { Controller, LeaseBoard, LeaseClaim } from '../ports/leases.ts';
import { releasedNote, takenNote } from './audit-notes.ts';
import type { Reach } from './group-commit.ts';
import { selectLedgerId } from './ledger-id.ts';
import type { Work } from './work.ts';
import type { LedgerSchema } from './schema.ts';

type Connection = Transaction<LedgerSchema>;

/** What differs between the stores. */
export interface StoreTraits {
  /** The moment by the clock of the store. */
  readonly now: () => RawBuilder<number>;
  /**
   * Others write at the same time: rows that a write depends on are locked until it is committed.
   * SQLite has one writer at a time, and no words for it.
   */
  readonly concurrentWriters: boolean;
  /** Whose an error is that ended a group of writes. */
  readonly reachOf: (error: unknown) => Reach;
  /** From here on the transaction waits for nobody for long. */
  readonly hurry: (trx: Connection) => Promise<void>;
}

/** No clusters. */
const NONE = '[]';

export async function selectLeaseBoard(db: Kysely<LedgerSchema>): Promise<LeaseBoard> {
  // First: a stop that is lifted between two of these is seen for one round more, not set anew.
  const stopped = await db.selectFrom('lease_stops').selectAll().orderBy('cluster').execute();
  const rows = await db.selectFrom('leases').selectAll().orderBy('cluster').execute();
  const present = await db.selectFrom('controllers').selectAll().orderBy('id').execute();
  const leases = rows.map(
    (row): Lease => ({
      cluster: clusterId(row.cluster),
      holder: row.holder,
      holderName: row.holder_name,
      token: row.token,
      renewals: row.renewals,
      seconds: seconds(row.seconds),
      expiresAt: epochSeconds(row.expires_at),
    }),
  );
  // Written below, and by nobody else.
  const clusters = (text: string): ClusterId[] => JSON.parse(text) as ClusterId[];
  const controllers = present.map(({ wants, asks, leaves, carried, ...one }) => ({
    ...one,
    wants: clusters(wants),
    asks: clusters(asks),
    ...(carried !== 0 && ({ isCarried: true } as const)),
    ...(leaves !== NONE && { leaves: clusters(leaves) }),
  }));
  const stops = stopped.map(({ cluster, seen, by_whom: by }): LeaseStop => {
    return { cluster: clusterId(cluster), seen, by };
  });
  return { ledger: await selectLedgerId(db), leases, controllers, stops };
}

export function claimLease(claim: LeaseClaim, traits: StoreTraits): Work<HeldLease | undefined> {
  return async (trx, note) => {
    const held = await claimed(trx, claim, traits);
    if (held !== undefined) note(takenNote(claim, held));
    return held;
  };
}

async function claimed(
  trx: Connection,
  claim: LeaseClaim,
  { now, concurrentWriters }: StoreTraits,
): Promise<HeldLease | undefined> {
  found.delete(trx);
  const { cluster, by, seen } = claim;
  if (concurrentWriters) await waitForWriters(trx, cluster);
  const stop = trx.selectFrom('lease_stops').select('seen').where('cluster', '=', cluster);
  if ((await stop.executeTakeFirst()) !== undefined) return undefined;
  const token = Math.max(seen?.token ?? 0, claim.above) + 1;
  const row = {
    holder: by.id,
    holder_name: by.name,
    token,
    renewals: (seen?.renewals ?? 0) + 1,
    seconds: claim.seconds,
    expires_at: sql<number>`${now()} + ${sql.lit(claim.seconds)}`,
  };
  if (seen === undefined) {
    const insert = trx.insertInto('leases').values({ cluster, ...row });
    const done = await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
    return done.numInsertedOrUpdatedRows === 1n ? { cluster, token } : undefined;
  }
  const done = await trx
    .updateTable('leases')
    .set(row)
    .where('cluster', '=', cluster)
    .where('token', '=', seen.token)
    .where('renewals', '=', seen.renewals)
    .executeTakeFirst();
  return done.numUpdatedRows === 1n ? { cluster, token } : undefined;
}

/**
 * For each that writes under the lease as it was (assertLeases). A renewal changes no key and has
 * to wait for none of them (PostgreSQL documentation, "Row-Level Locks"): a controller whose writes
 * wait for a row that somebody holds keeps its leases.
 */
export async function waitForWriters(trx: Connection, cluster: ClusterId): Promise<void> {
  const query = trx.selectFrom('leases').select('cluster').where('cluster', '=', cluster);
  await query.forUpdate().execute();
}

export interface Renewal {
  readonly by: Controller;
  readonly held: readonly HeldLease[];
  readonly seconds: Seconds;
}

export async function renewLeases(
  trx: Connection,
  { by, held, seconds: term }: Renewal,
  { now }: StoreTraits,
): Promise<readonly HeldLease[]> {
  const { name } = by;
  const wants = JSON.stringify(by.wants);
  const asks = JSON.stringify(by.asks);
  const leaves = by.leaves === undefined ? NONE : JSON.stringify(by.leaves);
  const about = { name, wants, asks, leaves, carried: Number(by.isCarried === true) };
  const beats = sql<number>`controllers.beats + 1`;
  await trx
    .insertInto('controllers')
    .values({ id: by.id, ...about, beats: 1 })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ ...about, beats }))
    .execute();
  const kept: HeldLease[] = [];
  for (const lease of inOrder(held)) {
    const done = await trx
      .updateTable('leases')
      .set({
        renewals: sql<number>`renewals + 1`,
        seconds: term,
        expires_at: sql<number>`${now()} + ${sql.lit(term)}`,
      })
      .where('cluster', '=', lease.cluster)
      .where('token', '=', lease.token)
      .where('holder', '=', by.id)
      .executeTakeFirst();
    if (done.numUpdatedRows === 1n) kept.push(lease);
  }
  return kept;
}

/** Told are those that were its own. */
export function releaseLeases(by: Pick<Controller, 'id'>, held: readonly HeldLease[]): Work<void> {
  return async (trx, note) => {
    found.delete(trx);
    for (const lease of await released(trx, by, held)) note(releasedNote(by.id, lease));
  };
}

async function released(
  trx: Connection,
  by: Pick<Controller, 'id'>,
  held: readonly HeldLease[],
): Promise<readonly HeldLease[]> {
  const own: HeldLease[] = [];
  for (const lease of inOrder(held)) {
    const { cluster, token } = lease;
    const done = await trx
      .updateTable('leases')
      .set({ holder: '', holder_name: '', renewals: sql<number>`renewals + 1` })
      .where('cluster', '=', cluster)
      .where('token', '=', token)
      .where('holder', '=', by.id)
      .executeTakeFirst();
    if (done.numUpdatedRows === 1n) own.push(lease);
  }
  return own;
}

export async function deleteController(trx: Connection, id: string): Promise<void> {
  await trx.deleteFrom('controllers').where('id', '=', id).execute();
}

/**
 * What a transaction has found to be held stays so to its end, but for its own changes: of thirty
 * moves that begin at once only the first asks.
 */
const found = new WeakMap<Connection, Set<string>>();

/**
 * Rejects with `lost-lease` unless each lease is held as the proof says, and keeps it so until the
 * transaction ends: a take-over waits for it.
 */
export async function assertLeases(
  trx: Connection,
  proof: LeaseProof,
  { concurrentWriters }: StoreTraits,
): Promise<void> {
  const known = found.get(trx) ?? new Set();
  const nameOf = ({ cluster, token }: HeldLease): string => `${proof.holder} ${token} ${cluster}`;
  const asked = proof.leases.filter((lease) => !known.has(nameOf(lease)));
  if (asked.length === 0) return;
  const clusters = asked.map(({ cluster }) => cluster);
  const query = trx.selectFrom('leases').selectAll().where('cluster', 'in', clusters);
  const ordered = query.orderBy('cluster');
  const rows = await (concurrentWriters ? ordered.forKeyShare() : ordered).execute();
  const now = new Map(rows.map((row) => [row.cluster, row]));
  for (const lease of asked) {
    const { cluster, token } = lease;
    const row = now.get(cluster);
    if (row?.holder === proof.holder && row.token === token) {
      found.set(trx, known.add(nameOf(lease)));
      continue;
    }
    const whose = row === undefined || row.holder === '' ? 'nobody' : row.holder_name;
    const message = `the lease of ${cluster} with token ${token} is over: ${whose} has it now`;
    throw new LedgerError('lost-lease', message);
  }
}

/** Everybody locks in the same order, so that nobody waits for each other. */
function inOrder(held: readonly HeldLease[]): readonly HeldLease[] {
  return held.toSorted((a, b) => compareText(a.cluster, b.cluster));
}
