/** The Ledger port's leases over SQL, and how they and all else (sql-ledger.ts) reach the store. */

import type { Kysely } from 'kysely';

import type { HeldLease, LeaseStop } from '../domain/lease.ts';
import type { Seconds } from '../domain/units.ts';
import type { Controller, LeaseBoard, LeaseClaim, Leases } from '../ports/leases.ts';
import * as leaseStops from './lease-stops.ts';
import * as leases from './leases.ts';
import type { LedgerSchema } from './schema.ts';
import type { SqlStore } from './sql-store.ts';
import type { Work } from './work.ts';

export class SqlLeases implements Leases {
  protected readonly store: SqlStore;

  protected constructor(store: SqlStore) {
    this.store = store;
  }

  leaseBoard(): Promise<LeaseBoard> {
    return this.read((db) => leases.selectLeaseBoard(db));
  }

  claimLease(claim: LeaseClaim): Promise<HeldLease | undefined> {
    return this.store.writeAhead(leases.claimLease(claim, this.store.traits));
  }

  renewLeases(
    by: Controller,
    held: readonly HeldLease[],
    seconds: Seconds,
  ): Promise<readonly HeldLease[]> {
    const { traits } = this.store;
    const what = { by, held, seconds };
    return this.store.writeAhead((trx) => leases.renewLeases(trx, what, traits));
  }

  releaseLeases(by: Pick<Controller, 'id'>, held: readonly HeldLease[]): Promise<void> {
    return this.write(leases.releaseLeases(by, held));
  }

  stopLease(stop: LeaseStop): Promise<void> {
    return this.store.writeAhead(leaseStops.stopLease(stop, this.store.traits));
  }

  liftStop(lift: LeaseStop): Promise<void> {
    return this.store.writeAhead(leaseStops.liftStop(lift, this.store.traits));
  }

  forgetController(id: string): Promise<void> {
    return this.write((trx) => leases.deleteController(trx, id));
  }

  protected read<Value>(work: (db: Kysely<LedgerSchema>) => Promise<Value>): Promise<Value> {
    return this.store.read(work);
  }

  protected write<Value>(work: Work<Value>): Promise<Value> {
    return this.store.write(work);
  }
}
