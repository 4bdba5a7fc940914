/** Writes on one connection, in groups, each of which is sealed before its commit. */

import type { Kysely } from 'kysely';

import type { Clock } from '../ports/clock.ts';
import { GroupCommit } from './group-commit.ts';
import type { StoreTraits } from './leases.ts';
import type { Work } from './work.ts';
import type { LedgerSchema } from './schema.ts';
import { type Note, seal } from './seal.ts';

interface SealingParts {
  readonly clock: Clock;
  readonly traits: StoreTraits;
}

export class SealedWrites {
  readonly #commits: GroupCommit<LedgerSchema, Note>;

  constructor(db: Kysely<LedgerSchema>, { clock, traits }: SealingParts) {
    this.#commits = new GroupCommit<LedgerSchema, Note>({
      db,
      seal: (trx, notes, common) => seal(trx, notes, { at: clock.now(), traits, common }),
      reachOf: traits.reachOf,
      hurry: traits.hurry,
    });
  }

  write<Value>(work: Work<Value>): Promise<Value> {
    return this.#commits.write(work);
  }

  /** Resolves when everything that was asked for so far is committed or has failed. */
  idle(): Promise<void> {
    return this.#commits.idle();
  }
}
