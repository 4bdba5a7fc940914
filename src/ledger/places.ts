/**
 * Never more moves open than there are places, however many controllers begin at the same moment.
 * They are counted under the lock of the audit trail's head. Every transaction that opens a move
 * takes that lock before its commit, so whoever had it before has committed, and a statement that
 * begins later sees its moves (`read committed`); whoever has not had it yet will count these. The
 * moves are in their table by then, and those that are too many are taken out again: they are not
 * counted first, for who adds a move may wait for another transaction that moves the same VM, and
 * nobody may wait so with the head locked.
 *
 * First come, first served, move by move; but who was refused stands in a queue of controllers, and
 * to each that stands there for longer than whoever asks one free place is left. Who gets a place
 * goes to the end. So one with a long line does not take again at once each place that it gives
 * back: the other finds one when it asks next. Who does not ask again drops out of the queue.
 *
 * Of a dead controller's open moves nobody knows how they stand: they count until they are taken up
 * and closed. But where nobody takes them up they count no longer than unheard.ts says.
 */

import { type ColumnDefinitionBuilder, type Kysely, sql, type Transaction } from 'kysely';

import type { OpenAnswer, PlaceAsk } from '../ports/places.ts';
import { lockHead } from './audit.ts';
import { chunksOf } from './bounded.ts';
import type { StoreTraits } from './leases.ts';
import type { NewMove } from './moves.ts';
import type { LedgerSchema } from './schema.ts';
import { countUnheard } from './unheard.ts';

type Connection = Transaction<LedgerSchema>;

/** A move that was put into its table, and who asked. */
export interface Placed {
  readonly record: NewMove;
  /** Undefined: nobody else has this ledger open, or it is not to be begun. */
  readonly ask: PlaceAsk | undefined;
  answer: OpenAnswer;
}

export async function createPlaceQueue(db: Kysely<LedgerSchema>): Promise<void> {
  const required = (column: ColumnDefinitionBuilder) => column.notNull();
  await db.schema
    .createTable('place_queue')
    .ifNotExists()
    .addColumn('controller', 'text', (column) => column.primaryKey().notNull())
    .addColumn('number', 'integer', required)
    .addColumn('asked_at', 'double precision', required)
    .execute();
}

/** Takes out what is too much. Asks the store for nothing where nobody else has it open. */
export async function keepToPlaces(
  trx: Connection,
  placed: readonly Placed[],
  traits: Pick<StoreTraits, 'now' | 'concurrentWriters'>,
): Promise<void> {
  const asking = placed.flatMap((one) =>
    one.ask !== undefined && one.answer === 'opened' ? [{ one, ask: one.ask }] : [],
  );
  if (asking.length === 0) return;
  await lockHead(trx, traits);
  const queue = await readQueue(trx, traits);
  const most = Math.min(...asking.map(({ ask }) => ask.most));
  let held = (await countOpen(trx)) - asking.length;
  // Who may follow them is of interest only where a place is to be refused.
  if (held + asking.length + queue.size > most) held -= await countUnheard(trx, asking, traits);
  for (const { one, ask } of asking) {
    if (held + queue.before(ask) < ask.most) {
      held += 1;
      queue.leave(ask);
    } else {
      one.answer = 'no-place';
      queue.stay(ask);
    }
  }
  const refused = asking.flatMap(({ one }) => (one.answer === 'opened' ? [] : one.record.move.id));
  for (const ids of chunksOf(refused)) {
    await trx.deleteFrom('moves').where('id', 'in', ids).execute();
  }
  await queue.write(trx, traits);
}

async function countOpen(trx: Connection): Promise<number> {
  const query = trx.selectFrom('moves').select((build) => build.fn.countAll().as('count'));
  const row = await query.where('closed_at', 'is', null).executeTakeFirstOrThrow();
  return Number(row.count);
}

async function readQueue(trx: Connection, { now }: Pick<StoreTraits, 'now'>): Promise<Queue> {
  // Also of one that is ahead since the ledger's clock was set back.
  const age = sql<number>`abs(${now()} - asked_at)`.as('age');
  const rows = await trx.selectFrom('place_queue').select(['controller', 'number', age]).execute();
  return new Queue(new Map(rows.map(({ controller, ...spot }) => [controller, spot])));
}

interface Spot {
  /** Lower is earlier. */
  readonly number: number;
  /** Since it last asked, in seconds. */
  readonly age: number;
}

class Queue {
  readonly #spots: Map<string, Spot>;
  readonly #changed = new Set<string>();

  constructor(spots: Map<string, Spot>) {
    this.#spots = spots;
  }

  get size(): number {
    return this.#spots.size;
  }

  /** How many others stand there for longer. Who has not asked again for long drops out. */
  before({ by, patienceSeconds }: PlaceAsk): number {
    for (const [one, { age }] of this.#spots) if (age >= patienceSeconds) this.#drop(one);
    const own = this.#spots.get(by)?.number ?? Number.POSITIVE_INFINITY;
    return [...this.#spots].filter(([one, { number }]) => one !== by && number < own).length;
  }

  leave({ by }: PlaceAsk): void {
    if (this.#spots.has(by)) this.#drop(by);
  }

  /** Where it stands, or at the end. */
  stay({ by }: PlaceAsk): void {
    const last = Math.max(0, ...[...this.#spots.values()].map(({ number }) => number));
    this.#spots.set(by, { number: this.#spots.get(by)?.number ?? last + 1, age: 0 });
    this.#changed.add(by);
  }

  #drop(controller: string): void {
    this.#spots.delete(controller);
    this.#changed.add(controller);
  }

  async write(trx: Connection, { now }: Pick<StoreTraits, 'now'>): Promise<void> {
    for (const controller of this.#changed) {
      const number = this.#spots.get(controller)?.number;
      if (number === undefined) {
        await trx.deleteFrom('place_queue').where('controller', '=', controller).execute();
        continue;
      }
      const row = { number, asked_at: now() };
      await trx
        .insertInto('place_queue')
        .values({ controller, ...row })
        .onConflict((conflict) => conflict.column('controller').doUpdateSet(row))
        .execute();
    }
  }
}
