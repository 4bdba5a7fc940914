/**
 * How housekeeping shortens the audit trail: entries are taken away from its beginning, as part of
 * the seal (seal.ts), with the head locked: of several controllers that keep house at the same
 * moment each sees what the others have left. The answer is to be told in the trail itself: it says
 * where it begins.
 *
 * What is taken away is judged before, and the entry behind it too: a trail that was tampered with
 * keeps what shows it.
 */

import { sql, type Transaction } from 'kysely';

import type { AuditEntry, AuditFault } from '../domain/audit.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { OldRecords } from '../ports/ledger.ts';
import { lockHead, selectAudit } from './audit.ts';
import { AuditJudge, type PrunedBody } from './audit-chain.ts';
import type { StoreTraits } from './leases.ts';
import type { LedgerSchema } from './schema.ts';
import { untilFor } from './span.ts';

type Connection = Transaction<LedgerSchema>;

/** Newer entries of housekeeping, of which one tells where the trail begins. */
const CUTS = 20;

export interface OldTrail extends OldRecords {
  readonly now: EpochSeconds;
  /** So many entries at most. */
  readonly limit: number;
}

export interface Cut {
  readonly count: number;
  /** Of what was taken away; undefined: nothing was. */
  readonly last: PrunedBody | undefined;
  /** Why nothing was taken away that is old enough. */
  readonly fault: AuditFault | undefined;
}

const NOTHING: Cut = { count: 0, last: undefined, fault: undefined };

export async function cutTrail(
  trx: Connection,
  old: OldTrail,
  traits: Pick<StoreTraits, 'concurrentWriters'>,
): Promise<Cut> {
  const head = await lockHead(trx, traits);
  const end = await endOfOld(trx, old);
  if (end === undefined) return NOTHING;
  const first = await selectAudit(trx, Number.MIN_SAFE_INTEGER, old.limit + 1);
  const cut = first.slice(0, old.limit).filter(({ seq }) => seq <= end);
  const last = cut.at(-1);
  if (last === undefined) return NOTHING;
  const judge = new AuditJudge();
  for (const entry of await selectCuts(trx)) judge.hear(entry);
  const judged = first.slice(0, cut.length + 1);
  for (const entry of judged) judge.see(entry);
  const { fault } = judge.verdict(judged[cut.length] ?? head);
  if (fault !== undefined) return { ...NOTHING, fault };
  await trx.deleteFrom('audit').where('seq', '<=', last.seq).execute();
  return { count: cut.length, last: { through: last.seq, hash: last.hash }, fault: undefined };
}

/**
 * The chain has no holes: what is old stays behind what is not, as after a clock that was set back.
 * Of a clock that was ahead by more than all is kept an entry has no age of its own
 * (domain/hold-left.ts): it goes with those around it.
 */
async function endOfOld(
  trx: Connection,
  { before, keep, now }: OldTrail,
): Promise<number | undefined> {
  const seqs = trx.selectFrom('audit').select('seq');
  const newest = await seqs.orderBy('seq', 'desc').limit(1).executeTakeFirst();
  const young = await seqs
    .where('at', '>=', before)
    .where('at', '<', untilFor(before, now))
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  let old = seqs.where('at', '<', before).where('seq', '<=', Number(newest?.seq ?? 0) - keep);
  if (young !== undefined) old = old.where('seq', '<', young.seq);
  const end = await old.orderBy('seq', 'desc').limit(1).executeTakeFirst();
  return end && Number(end.seq);
}

async function selectCuts(trx: Connection): Promise<readonly AuditEntry[]> {
  // In so many words, not as a parameter: only then the index of these few is used.
  const query = trx.selectFrom('audit').selectAll().where('kind', '=', sql.lit('pruned'));
  const rows = await query.orderBy('seq', 'desc').limit(CUTS).execute();
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}
