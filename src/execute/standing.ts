/**
 * What people have decided by now, as the ledger has it: asked by every move before it begins. Of
 * a hundred that begin at once all hear one answer. Nobody hears one that was read before they
 * asked.
 */

import type { Order } from '../domain/order.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { Ledger } from '../ports/ledger.ts';
import { readSpent, type Spent } from './spent.ts';

export interface Standing {
  readonly paused: boolean;
  /** Those that are not closed. */
  readonly orders: readonly Order[];
  /** For the budgets: read when somebody asks, for all that heard this answer. */
  readonly spent: (now: EpochSeconds) => Promise<Spent>;
}

type Asked = Pick<Ledger, 'paused' | 'orders' | 'movesSince' | 'moveCounts'>;

export type ReadStanding = () => Promise<Standing>;

/** Whoever asks before the reading has begun takes part in it. Rejects with LedgerError. */
export function standingIn(ledger: Asked): ReadStanding {
  let next: Promise<Standing> | undefined;
  const read = async (): Promise<Standing> => {
    // Those of the same moment ask within one turn of the microtask queue.
    await Promise.resolve();
    next = undefined;
    const [{ paused }, orders] = await Promise.all([ledger.paused(), ledger.orders(false)]);
    let spent: Promise<Spent> | undefined;
    return { paused, orders, spent: (now) => (spent ??= readSpent(ledger, now)) };
  };
  return () => (next ??= read());
}
