// Role: reads the audit trail after a run, from its first entry to its last: does every hash follow
// from the one before, and does it tell of every move that it was opened once and ended once? The
// hash is computed from what src/ledger/audit-chain.ts documents, not by its code.
import { createHash } from 'node:crypto';

import type { AuditEntry } from '../../src/domain/audit.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import type { Judge } from './judge.ts';

/** Entries that are asked for at once. */
const PAGE = 500;

export async function judgeAudit(judge: Judge, ledger: Ledger): Promise<void> {
  const told = new Map<string, number>();
  let before: Pick<AuditEntry, 'seq' | 'hash'> = { seq: 0, hash: '0'.repeat(64) };
  for (;;) {
    const entries = await ledger.audit(before.seq, PAGE);
    for (const entry of entries) {
      if (!follows(entry, before)) {
        judge.wrong('audit', `entry ${entry.seq} does not follow from entry ${before.seq}`);
      }
      count(told, entry);
      before = entry;
    }
    if (entries.length < PAGE) break;
  }
  const head = await ledger.auditHead();
  if (head?.seq !== before.seq) judge.wrong('audit', `its head is not its last entry`);
  for (const id of judge.journal.closed.keys()) {
    for (const kind of ['move-opened', 'move-closed']) {
      const times = told.get(`${kind} ${id}`) ?? 0;
      if (times !== 1) judge.wrong('audit', `${id} is told ${kind} ${times} times`);
    }
  }
}

function follows(entry: AuditEntry, before: Pick<AuditEntry, 'seq' | 'hash'>): boolean {
  const { prev, seq, at, kind, body, hash } = entry;
  const text = JSON.stringify([prev, seq, at, kind, body]);
  const own = createHash('sha256').update(text).digest('hex');
  return seq === before.seq + 1 && prev === before.hash && own === hash;
}

function count(told: Map<string, number>, { kind, body }: AuditEntry): void {
  if (!kind.startsWith('move-')) return;
  const { move } = JSON.parse(body) as { readonly move: string };
  const key = `${kind} ${move}`;
  told.set(key, (told.get(key) ?? 0) + 1);
}
