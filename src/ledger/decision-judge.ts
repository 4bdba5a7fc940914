/**
 * Compares the decisions that the ledger keeps with what its audit trail tells of them: each has
 * its entry there, with the SHA-256 of the record as it was stored. What is not there any more, or
 * whose entry is not, is not compared: both go after a while.
 */

import { z } from 'zod';

import type { AuditEntry, AuditFault } from '../domain/audit.ts';
import { sha256 } from './audit-chain.ts';

/** The record of a decision, to the byte. */
export interface StoredDecision {
  readonly plan: string;
  readonly body: string;
}

interface Told {
  readonly seq: number;
  readonly sha256: string;
}

const TOLD = z.object({ plan: z.string(), sha256: z.string() });

/** Sees the entries of the trail in their order, then the records. */
export class DecisionJudge {
  /** Of each plan as its last entry has it: a decision may be written down again. */
  readonly #told = new Map<string, Told>();
  readonly #changed: { readonly plan: string; readonly seq: number }[] = [];

  see({ kind, seq, body }: AuditEntry): void {
    if (kind !== 'decision') return;
    const told = toldIn(body);
    if (told !== undefined) this.#told.set(told.plan, { seq, sha256: told.sha256 });
  }

  compare({ plan, body }: StoredDecision): void {
    const told = this.#told.get(plan);
    if (told !== undefined && sha256(body) !== told.sha256)
      this.#changed.push({ plan, seq: told.seq });
  }

  /** The first in the order of the trail. */
  get fault(): AuditFault | undefined {
    const [first, ...others] = this.#changed.toSorted((a, b) => a.seq - b.seq);
    if (first === undefined) return undefined;
    const more = others.length === 0 ? '' : ` (and of ${others.length} more)`;
    const text = `entry ${first.seq} shows that the record of ${first.plan}${more} was changed`;
    return { seq: first.seq, what: 'record-changed', text };
  }
}

/** Undefined: somebody has changed the entry, which shows in the chain. */
function toldIn(body: string): z.infer<typeof TOLD> | undefined {
  try {
    return TOLD.safeParse(JSON.parse(body)).data;
  } catch {
    return undefined; // no JSON
  }
}
