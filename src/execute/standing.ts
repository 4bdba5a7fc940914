/**
 * What people have decided by now, as the ledger has it: asked by every move before it begins, and
 * again where it was kept waiting. Of a hundred that ask at once all hear one answer, and for a
 * moment so do those that ask after them: what was decided so short a time ago is as if it came
 * right after the start. Who is told that something was decided has it forgotten.
 */

import type { PlanId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { type ReadSpent, readSpent, type Spent } from './spent.ts';

/** For so long what was heard of what people have decided holds. */
export const STANDS_SECONDS = 1;

export interface Standing {
  /** Monotonic: when its reading began. */
  readonly readAt: Seconds;
  readonly paused: boolean;
  /** Those that are not closed. */
  readonly orders: readonly Order[];
}

type Asked = Pick<Ledger, 'paused' | 'orders' | 'movesSince' | 'moveCounts'>;

export class StandingReader {
  readonly #ledger: Asked;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #next: Promise<Standing> | undefined;
  #last: Standing | undefined;
  /** How often it was told to forget. */
  #forgotten = 0;
  readonly #spent = new Map<PlanId, Promise<Spent>>();

  constructor(ledger: Asked, clock: Pick<Clock, 'monotonic'>) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /** Whoever asks before a reading has begun takes part in it. Rejects with LedgerError. */
  read(): Promise<Standing> {
    const last = this.#last;
    if (last !== undefined && this.#clock.monotonic() - last.readAt <= STANDS_SECONDS) {
      return Promise.resolve(last);
    }
    return (this.#next ??= this.#read());
  }

  /** Something was decided: nobody hears any more what was read before. */
  forget(): void {
    this.#last = undefined;
    this.#forgotten += 1;
  }

  async #read(): Promise<Standing> {
    // Those of the same moment ask within one turn of the microtask queue.
    await Promise.resolve();
    this.#next = undefined;
    const [readAt, forgotten] = [this.#clock.monotonic(), this.#forgotten];
    const ledger = this.#ledger;
    const [{ paused }, orders] = await Promise.all([ledger.paused(), ledger.orders(false)]);
    const standing = { readAt, paused, orders };
    if (forgotten === this.#forgotten) this.#last = standing;
    return standing;
  }

  /** For the budgets. Never kept: what is opened in a moment has to be in what the next is told. */
  readonly spent: ReadSpent = (plan, now) => {
    const known = this.#spent.get(plan);
    if (known !== undefined) return known;
    const reading = Promise.resolve().then(() => {
      this.#spent.delete(plan);
      return readSpent(this.#ledger, plan, now);
    });
    this.#spent.set(plan, reading);
    return reading;
  };
}
