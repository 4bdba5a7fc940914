/**
 * Open moves that nobody can take up: the lease of one of their clusters was not renewed for so
 * long that its holder is gone and nobody stands by for it, or no controller would take all of
 * them. They keep no place: else one dead controller would stop all others for ever. They may still
 * run on their hypervisor, and no other controller can know that: then more run than the cap
 * allows, which is the lesser evil. Once somebody takes them up they count again.
 *
 * By the ledger's own clock, as the leases are written: no clock of another machine is in it.
 */

import { sql, type Transaction } from 'kysely';

import type { HeldLease } from '../domain/lease.ts';
import { UNHEARD_SECONDS } from '../ports/places.ts';
import type { StoreTraits } from './leases.ts';
import { leasesText, type NewMove } from './moves.ts';
import type { LedgerSchema } from './schema.ts';

type Connection = Transaction<LedgerSchema>;

/** How many are open, but for `asking`, which have just been put in. */
export async function countUnheard(
  trx: Connection,
  asking: readonly { readonly one: { readonly record: NewMove } }[],
  traits: Pick<StoreTraits, 'now'>,
): Promise<number> {
  const open = await countByLeases(trx);
  for (const { one } of asking) {
    const text = leasesText(one.record);
    if (text !== null) open.set(text, (open.get(text) ?? 0) - 1);
  }
  const followers = await readFollowers(trx, traits);
  return [...open]
    .filter(([text]) => !followers.mayFollow(clustersIn(text)))
    .reduce((sum, [, count]) => sum + count, 0);
}

/** Without those that were opened under no lease: who opened them has the ledger for itself. */
async function countByLeases(trx: Connection): Promise<Map<string, number>> {
  const rows = await trx
    .selectFrom('moves')
    .select((build) => ['leases', build.fn.countAll().as('count')])
    .where('closed_at', 'is', null)
    .groupBy('leases')
    .execute();
  return new Map(
    rows.flatMap(({ leases, count }) => (leases === null ? [] : [[leases, Number(count)]])),
  );
}

/** Written by moves.ts, and by nobody else. */
function clustersIn(leases: string): readonly string[] {
  return (JSON.parse(leases) as readonly HeldLease[]).map(({ cluster }) => cluster);
}

async function readFollowers(
  trx: Connection,
  { now }: Pick<StoreTraits, 'now'>,
): Promise<Followers> {
  // Also of one that is ahead since the ledger's clock was set back.
  const silence = sql<number>`abs(${now()} - (expires_at - seconds))`;
  const rows = await trx
    .selectFrom('leases')
    .select(['cluster', 'holder'])
    .where(silence, '<', sql<number>`seconds + ${sql.lit(UNHEARD_SECONDS)}`)
    .execute();
  const present = await trx.selectFrom('controllers').select(['id', 'wants', 'leaves']).execute();
  const heard = new Set(rows.map(({ holder }) => holder));
  return new Followers(
    new Map(rows.map(({ cluster, holder }) => [cluster, holder])),
    present
      .filter(({ id }) => heard.has(id))
      .map(({ wants, leaves }) => new Set([...clusterList(wants), ...clusterList(leaves)])),
  );
}

/** Written by leases.ts, and by nobody else. */
function clusterList(text: string): readonly string[] {
  return JSON.parse(text) as readonly string[];
}

class Followers {
  /** Of each cluster whose lease was renewed lately. */
  readonly #holders: ReadonlyMap<string, string>;
  /** What each that holds one of them would take. */
  readonly #wants: readonly ReadonlySet<string>[];

  constructor(holders: ReadonlyMap<string, string>, wants: readonly ReadonlySet<string>[]) {
    this.#holders = holders;
    this.#wants = wants;
  }

  /** Somebody has all of them, or will have once the others have given theirs up. */
  mayFollow(clusters: readonly string[]): boolean {
    const holders = new Set(clusters.map((cluster) => this.#holders.get(cluster)));
    if (holders.has(undefined)) return false;
    // Of one that was given back lately it is not known yet who takes it.
    holders.delete('');
    if (holders.size <= 1) return true;
    return this.#wants.some((wants) => clusters.every((cluster) => wants.has(cluster)));
  }
}
