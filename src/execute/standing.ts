/**
 * What people have decided by now, as the ledger has it: asked by every move before it begins. Of
 * a hundred that begin at once all hear one answer. Nobody hears one that was read before they
 * asked.
 */

import type { Order } from '../domain/order.ts';
import type { Ledger } from '../ports/ledger.ts';

export interface Standing {
  readonly paused: boolean;
  /** Those that are not closed. */
  readonly orders: readonly Order[];
}

export type ReadStanding = () => Promise<Standing>;

/** Whoever asks before the reading has begun takes part in it. Rejects with LedgerError. */
export function standingIn(ledger: Pick<Ledger, 'paused' | 'orders'>): ReadStanding {
  let next: Promise<Standing> | undefined;
  const read = async (): Promise<Standing> => {
    // Those of the same moment ask within one turn of the microtask queue.
    await Promise.resolve();
    next = undefined;
    const [{ paused }, orders] = await Promise.all([ledger.paused(), ledger.orders(false)]);
    return { paused, orders };
  };
  return () => (next ??= read());
}
