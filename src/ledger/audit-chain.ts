/**
 * The chain of the audit trail: how an entry is hashed, and how a whole trail is judged. The hash
 * of an entry is the SHA-256 (FIPS 180-4) of the JSON array [prev, seq, at, kind, body], in which
 * `body` is the stored text itself, so no canonical form is needed to compute it again.
 *
 * What a chain cannot show by itself is that its end was cut off. The ledger keeps the head in
 * another row, which shows a careless cut; against a careful one the head has to be noted outside
 * of the ledger (log, metrics, a notebook) and given to the judge.
 */

import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { AuditEntry, AuditFault, AuditHead, AuditVerdict } from '../domain/audit.ts';

/** Where every chain begins. */
export const GENESIS: AuditHead = { seq: 0, hash: '0'.repeat(64) };

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function hashOf({ prev, seq, at, kind, body }: Omit<AuditEntry, 'hash'>): string {
  return sha256(JSON.stringify([prev, seq, at, kind, body]));
}

/** The body of an entry `pruned`: the last entry that housekeeping took away. */
export type PrunedBody = { readonly through: number; readonly hash: string };

const PRUNED_BODY = z.object({ through: z.number(), hash: z.string() });

/** Sees the entries in their order, once each, and gives its verdict at the end. */
export class AuditJudge {
  /** Noted outside, to be found in the trail. */
  readonly #noted: AuditHead | undefined;
  #first: AuditEntry | undefined;
  #last: AuditHead = GENESIS;
  #count = 0;
  /** As those entries of housekeeping have it that can be believed: where it took away most. */
  #pruned: PrunedBody | undefined;
  /** One of them cannot. */
  #hasOddCut = false;
  #fault: AuditFault | undefined;

  constructor(noted?: AuditHead) {
    this.#noted = noted;
  }

  see(entry: AuditEntry): void {
    this.#count += 1;
    if (this.#first === undefined) {
      this.#first = entry;
      this.#last = { seq: entry.seq - 1, hash: entry.prev };
    }
    const found = faultOf(entry, this.#last) ?? this.#notedFault(entry);
    // Also after a fault: it says why the trail begins where it does.
    const odd = entry.kind === 'pruned' ? this.#seePruned(entry, found) : undefined;
    this.#fault ??= found ?? odd;
    this.#last = { seq: entry.seq, hash: entry.hash };
  }

  /** An entry of housekeeping that stands behind those that are seen. */
  hear(entry: AuditEntry): void {
    if (hashOf(entry) === entry.hash) this.#believe(prunedBodyOf(entry.body));
  }

  #seePruned(entry: AuditEntry, found: AuditFault | undefined): AuditFault | undefined {
    const body = found === undefined ? prunedBodyOf(entry.body) : undefined;
    this.#believe(body);
    if (body !== undefined) return undefined;
    this.#hasOddCut = true;
    return unreadable(entry);
  }

  /** Of two that kept house at the same moment the later one may have noted less. */
  #believe(body: PrunedBody | undefined): void {
    if (body !== undefined && body.through > (this.#pruned?.through ?? 0)) this.#pruned = body;
  }

  /** @param kept the head as the ledger keeps it; undefined: it has lost it. */
  verdict(kept: AuditHead | undefined): AuditVerdict {
    return {
      entries: this.#count,
      first: this.#first?.seq ?? 0,
      head: this.#last,
      fault: this.#startFault() ?? this.#oldFault() ?? this.#fault ?? this.#endFault(kept),
    };
  }

  #startFault(): AuditFault | undefined {
    if (this.#first === undefined) return undefined;
    const { seq, prev } = this.#first;
    const start = { seq: seq - 1, hash: prev };
    if (seq === 1 && prev === GENESIS.hash) return undefined;
    if (this.#pruned?.through === start.seq && this.#pruned.hash === start.hash) return undefined;
    // Nobody can tell then: the broken entry itself is the first fault that is known.
    if (this.#hasOddCut) return undefined;
    const text =
      seq === 1
        ? 'entry 1 does not begin the chain: it was changed, or is another one'
        : `the entries before ${seq} are missing, and no housekeeping took them away`;
    return { seq, what: seq === 1 ? 'misplaced' : 'missing', text };
  }

  /** A noted head from before the trail begins: the last of what is gone can still be compared. */
  #oldFault(): AuditFault | undefined {
    const [noted, first] = [this.#noted, this.#first];
    if (noted === undefined || first === undefined || noted.seq >= first.seq) return undefined;
    if (noted.seq === first.seq - 1 && noted.hash === first.prev) return undefined;
    const text =
      noted.seq === first.seq - 1
        ? `entry ${first.seq} does not follow the head that was noted: the trail was written anew`
        : `the trail begins at ${first.seq}: what was noted of entry ${noted.seq} cannot be ` +
          'compared with anything; give a head that was noted later';
    return { seq: first.seq, what: noted.seq === first.seq - 1 ? 'changed' : 'missing', text };
  }

  #notedFault({ seq, hash }: AuditEntry): AuditFault | undefined {
    if (this.#noted?.seq !== seq || this.#noted.hash === hash) return undefined;
    const text = `entry ${seq} has not the hash that was noted: the trail was written anew`;
    return { seq, what: 'changed', text };
  }

  #endFault(kept: AuditHead | undefined): AuditFault | undefined {
    const last = this.#last;
    if (kept === undefined) {
      const text = 'the ledger has lost the head of its trail: entries may be missing at the end';
      return { seq: last.seq, what: 'cut-off', text };
    }
    const cut = [kept, this.#noted].find((head) => head !== undefined && head.seq > last.seq);
    if (cut !== undefined) {
      const text = `the trail ends at entry ${last.seq}, and went on to ${cut.seq}: it was cut off`;
      return { seq: last.seq + 1, what: 'cut-off', text };
    }
    if (kept.seq === last.seq && kept.hash === last.hash) return undefined;
    const text = `the ledger says that its trail ends at ${kept.seq}, and there is ${last.seq}`;
    return { seq: last.seq, what: 'changed', text };
  }
}

/** Undefined: its hash may be right, but the ledger never wrote such a thing. */
function prunedBodyOf(text: string): PrunedBody | undefined {
  try {
    return PRUNED_BODY.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON
  }
}

function unreadable({ seq }: AuditEntry): AuditFault {
  return { seq, what: 'changed', text: `entry ${seq} cannot be read: it was changed` };
}

function faultOf(entry: AuditEntry, before: AuditHead): AuditFault | undefined {
  const { seq } = entry;
  const isWhole = hashOf(entry) === entry.hash;
  const follows = entry.prev === before.hash;
  if (isWhole && seq > before.seq + 1) {
    const gap =
      seq === before.seq + 2
        ? `entry ${seq - 1} is`
        : `entries ${before.seq + 1} to ${seq - 1} are`;
    return { seq: before.seq + 1, what: 'missing', text: `${gap} missing` };
  }
  if (isWhole && follows && seq === before.seq + 1) return undefined;
  if (isWhole) {
    const text = `entry ${before.seq} was changed and hashed anew: ${seq} follows another one`;
    return { seq: before.seq, what: 'changed', text };
  }
  if (follows) return { seq, what: 'changed', text: `entry ${seq} was changed` };
  const text = `entry ${seq} stands in another one’s place: entries were exchanged or renumbered`;
  return { seq, what: 'misplaced', text };
}
