/**
 * How the ledger's statements reach its store. The opener of each store brings the connection, the
 * translation of its errors and what is to happen at close; nothing in here knows which store it
 * is. All writes go through one GroupCommit; what they note is written down with them (seal.ts).
 */

import type { Kysely } from 'kysely';

import type { LeaseProof } from '../domain/lease.ts';
import type { Clock } from '../ports/clock.ts';
import { LedgerError } from '../ports/ledger.ts';
import { selectAuditHead } from './audit.ts';
import { GroupCommit } from './group-commit.ts';
import { assertLeases, type StoreTraits } from './leases.ts';
import type { Work } from './pruning.ts';
import type { LedgerSchema } from './schema.ts';
import { type Note, seal } from './seal.ts';

export interface SqlStoreParts {
  readonly db: Kysely<LedgerSchema>;
  readonly clock: Clock;
  readonly translate: (error: unknown) => LedgerError;
  readonly traits: StoreTraits;
  /** Called once, after the last write, with the connection already given back. */
  readonly onClose: () => void;
}

/** Every method rejects with LedgerError. */
export class SqlStore {
  readonly #parts: SqlStoreParts;
  readonly #commits: GroupCommit<LedgerSchema, Note>;
  /** The last entry of the audit trail in the transaction that was sealed last. */
  #sealed: number | undefined;
  /** The last one that is known to be committed: a store without it is an older copy. */
  #committed = 0;
  #closing: Promise<void> | undefined;

  constructor(parts: SqlStoreParts) {
    const { clock, db, traits } = parts;
    this.#parts = parts;
    this.#commits = new GroupCommit<LedgerSchema, Note>(
      db,
      async (trx, notes) => {
        this.#sealed = await seal(trx, notes, clock.now(), traits);
      },
      traits.isLostContact,
    );
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get traits(): StoreTraits {
    return this.#parts.traits;
  }

  async read<Value>(work: (db: Kysely<LedgerSchema>) => Promise<Value>): Promise<Value> {
    this.#assertOpen();
    try {
      return await work(this.#parts.db);
    } catch (error) {
      throw this.#parts.translate(error);
    }
  }

  /** A read, and whether by now the store lacks what it had: said once. */
  async watched<Value extends object>(
    work: (db: Kysely<LedgerSchema>) => Promise<Value>,
  ): Promise<Value & { readonly isOlder: boolean }> {
    const before = this.#committed;
    return this.read(async (db) => {
      const value = await work(db);
      const seq = (await selectAuditHead(db))?.seq ?? 0;
      const isOlder = seq < before;
      this.#committed = isOlder ? seq : Math.max(this.#committed, seq);
      return { ...value, isOlder };
    });
  }

  async write<Value>(work: Work<Value>): Promise<Value> {
    this.#assertOpen();
    try {
      const value = await this.#commits.write(work);
      // Nothing else was sealed meanwhile: that takes more than one turn.
      this.#committed = Math.max(this.#committed, this.#sealed ?? 0);
      return value;
    } catch (error) {
      throw this.#parts.translate(error);
    }
  }

  /** Only while the leases are held as the proof says; undefined: whoever holds them. */
  writeUnder<Value>(proof: LeaseProof | undefined, work: Work<Value>): Promise<Value> {
    if (proof === undefined) return this.write(work);
    return this.write(async (trx, note) => {
      await assertLeases(trx, proof, this.traits);
      return work(trx, note);
    });
  }

  /** After what was asked for before; once. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#commits.idle();
    await this.#parts.db.destroy();
    this.#parts.onClose();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LedgerError('closed', 'the ledger is closed');
  }
}
