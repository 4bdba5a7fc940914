/**
 * Reads a ledger beside the daemons that write it, or without one: changing nothing, asking for no
 * lock, and as of one moment, whatever they write or take away meanwhile. The same for each store.
 */

import type { Kysely } from 'kysely';

import type { AuditEntry, AuditHead } from '../domain/audit.ts';
import type { PlanId } from '../domain/ids.ts';
import type { Decision } from '../domain/journal.ts';
import { LedgerError, type Replayable } from '../ports/ledger.ts';
import { selectAudit, selectAuditHead } from './audit.ts';
import { bounded } from './bounded.ts';
import type { StoredDecision } from './decision-judge.ts';
import { selectDecisions, selectDecisionTexts, selectReplayable } from './decisions.ts';
import { readPostgres } from './postgres-reader.ts';
import type { LedgerSchema } from './schema.ts';
import { readSqlite } from './sqlite-reader.ts';

/** Entries in memory at a time: about a megabyte. */
const PAGE = 2000;
/** Decisions: each tells of a whole plan, with what was refused. */
const DECISIONS = 50;

/** Which ledger. */
export type LedgerPlace =
  | { readonly kind: 'file'; readonly file: string }
  | {
      readonly kind: 'postgres';
      readonly url: string;
      readonly password: string | undefined;
    };

export interface AuditTrail {
  /** Every entry in its order, a page at a time. */
  readonly pages: AsyncIterable<readonly AuditEntry[]>;
  /** Undefined: the ledger has lost it. */
  readonly head: AuditHead | undefined;
  /** Every decision that is kept, a page at a time. */
  readonly decisions: AsyncIterable<readonly StoredDecision[]>;
}

/** Each method rejects with LedgerError where the ledger is older than what is asked for. */
export interface LedgerReader {
  audit(): Promise<AuditTrail>;
  /** Newest first; at most 10,000. */
  decisions(limit: number): Promise<readonly Decision[]>;
  replayable(plan: PlanId): Promise<Replayable>;
}

/**
 * Rejects with LedgerError: `io` where the file is not there, or not what is asked for; `corrupt`
 * where it is no ledger; `unreachable`. What `read` rejects with comes through.
 */
export function readLedger<Value>(
  place: LedgerPlace,
  read: (ledger: LedgerReader) => Promise<Value>,
): Promise<Value> {
  const work = (db: Kysely<LedgerSchema>): Promise<Value> => read(readerOf(db));
  return place.kind === 'file' ? readSqlite(place.file, work) : readPostgres(place, work);
}

function readerOf(db: Kysely<LedgerSchema>): LedgerReader {
  return {
    async audit() {
      await assertHas(db, ['audit', 'audit_head'], 'audit trail');
      return { pages: pagesOf(db), head: await selectAuditHead(db), decisions: decisionsOf(db) };
    },
    async decisions(limit) {
      await assertHas(db, ['decisions'], 'decisions');
      return selectDecisions(db, bounded(limit));
    },
    async replayable(plan) {
      await assertHas(db, ['decisions', 'decision_inputs'], 'inputs of decisions');
      return selectReplayable(db, plan);
    },
  };
}

async function* pagesOf(db: Kysely<LedgerSchema>): AsyncGenerator<readonly AuditEntry[]> {
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const page = await selectAudit(db, after, PAGE);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = last.seq;
  }
}

async function* decisionsOf(db: Kysely<LedgerSchema>): AsyncGenerator<readonly StoredDecision[]> {
  for (let after = ''; ; ) {
    const page = await selectDecisionTexts(db, after, DECISIONS);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = last.plan;
  }
}

async function assertHas(
  db: Kysely<LedgerSchema>,
  tables: readonly (keyof LedgerSchema)[],
  what: string,
): Promise<void> {
  const there = new Set((await db.introspection.getTables()).map(({ name }) => name));
  if (tables.every((table) => there.has(table))) return;
  const message = `the ledger has no ${what}: no Drover has written there, or an older one`;
  throw new LedgerError('io', message);
}
