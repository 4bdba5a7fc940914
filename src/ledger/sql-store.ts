/**
 * How the ledger's statements reach its store. The opener of each store brings the connection, the
 * translation of its errors and what is to happen at close; nothing in here knows which store it
 * is. All writes go through one GroupCommit; what they note is written down with them (seal.ts).
 * Where the store takes several writers, leases are taken and renewed by a GroupCommit and on a
 * connection of their own: never behind writes that wait for a row. Given back they are after what
 * was asked for before, like everything else.
 */

import type { Kysely } from 'kysely';

import type { LeaseProof } from '../domain/lease.ts';
import type { Clock } from '../ports/clock.ts';
import { LedgerError } from '../ports/ledger.ts';
import { assertLeases, type StoreTraits } from './leases.ts';
import type { Work } from './work.ts';
import type { LedgerSchema } from './schema.ts';
import { SealedWrites } from './sealed-writes.ts';

export interface SqlStoreParts {
  readonly db: Kysely<LedgerSchema>;
  /** To take and renew leases alone; undefined: the store has one connection. */
  readonly leaseDb?: Kysely<LedgerSchema>;
  readonly clock: Clock;
  readonly translate: (error: unknown) => LedgerError;
  readonly traits: StoreTraits;
  /** Asked before each call; throws LedgerError while the store is not the one that was opened. */
  readonly guard?: () => void;
  /** Called once, after the last write, with the connection already given back. */
  readonly onClose: () => void;
}

/** Every method rejects with LedgerError. */
export class SqlStore {
  readonly #parts: SqlStoreParts;
  readonly #writes: SealedWrites;
  readonly #leaseWrites: SealedWrites;
  #closing: Promise<void> | undefined;

  constructor(parts: SqlStoreParts) {
    const { db, leaseDb } = parts;
    this.#parts = parts;
    this.#writes = new SealedWrites(db, parts);
    this.#leaseWrites = leaseDb === undefined ? this.#writes : new SealedWrites(leaseDb, parts);
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get traits(): StoreTraits {
    return this.#parts.traits;
  }

  async read<Value>(work: (db: Kysely<LedgerSchema>) => Promise<Value>): Promise<Value> {
    this.#assertUsable();
    try {
      return await work(this.#parts.db);
    } catch (error) {
      throw this.#parts.translate(error);
    }
  }

  write<Value>(work: Work<Value>): Promise<Value> {
    return this.#writeTo(this.#writes, work);
  }

  /** What keeps a lease or takes one: beside all else where the store can do both at once. */
  writeAhead<Value>(work: Work<Value>): Promise<Value> {
    return this.#writeTo(this.#leaseWrites, work);
  }

  async #writeTo<Value>(writes: SealedWrites, work: Work<Value>): Promise<Value> {
    this.#assertUsable();
    try {
      return await writes.write(work);
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
    await this.#writes.idle();
    await this.#leaseWrites.idle();
    await this.#parts.db.destroy();
    await this.#parts.leaseDb?.destroy();
    this.#parts.onClose();
  }

  #assertUsable(): void {
    if (this.#closing !== undefined) throw new LedgerError('closed', 'the ledger is closed');
    this.#parts.guard?.();
  }
}
