/** The two answers of a ledger after which nothing can be done about a move from here any more. */

import { LedgerError } from '../ports/ledger.ts';

/** Another controller acts there: certain, and nothing was written. */
export function isLeaseLost(error: unknown): error is LedgerError {
  return error instanceof LedgerError && error.code === 'lost-lease';
}

/** Whoever has the lease by now, or this controller with its next, takes the move up again. */
export function isOver(error: unknown): error is LedgerError {
  return isLeaseLost(error) || (error instanceof LedgerError && error.code === 'closed');
}
