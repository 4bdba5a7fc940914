/** What PostgreSQL and the network to it may answer, in the ledger's own terms. */

import { DatabaseError } from 'pg';

import { LedgerError, type LedgerErrorCode } from '../ports/ledger.ts';
import type { Reach } from './group-commit.ts';

/**
 * By prefix of the SQLSTATE, the first that fits (PostgreSQL documentation, appendix A, "Error
 * Codes"). Of all others the database's own words are told.
 */
const STATES: readonly (readonly [string, LedgerErrorCode, string])[] = [
  ['53100', 'full', 'the database’s disk is full'],
  ['53', 'unreachable', 'the database is out of resources'],
  ['25006', 'read-only', 'the database takes no writes'],
  ['42501', 'read-only', 'the database’s user lacks a privilege'],
  ['40', 'unreachable', 'the database gave this transaction up in favour of another'],
  ['55P03', 'unreachable', 'a lock in the database was not to be had in time'],
  ['57014', 'unreachable', 'the database took too long'],
  ['57P', 'unreachable', 'the database is shutting down or starting'],
  ['08', 'unreachable', 'the connection to the database failed'],
  ['28', 'unreachable', 'the database refused the login'],
  ['3D000', 'unreachable', 'there is no such database'],
  ['22', 'conflict', 'the ledger cannot hold the record'],
  ['23', 'conflict', 'the ledger refused the record'],
  ['XX', 'corrupt', 'the database is damaged'],
];

/** The connection has nothing more to say: whether the last commit was made, nobody knows. */
const LOST_STATES = ['08', '57P', '25P03'];
const LOST_WORDS = /^(?:Connection terminated|Client has encountered|Client was closed|timeout )/u;

/** Whoever's statement waited for so long has waited for the others of its group, too. */
const WAITED_STATES = ['55P03', '57014'];

/** What a new connection is refused for; of no write it says anything. */
const REFUSALS: readonly LedgerErrorCode[] = ['unreachable', 'unsafe', 'read-only', 'newer-schema'];

export class SilentServer extends Error {
  constructor(after: number) {
    super(`the database has not answered for ${after} s`);
    this.name = 'SilentServer';
  }
}

/** Any error as a LedgerError with its cause; one that is a LedgerError stays as it is. */
export function translatePostgresError(error: unknown, where: string): LedgerError {
  if (error instanceof LedgerError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof DatabaseError) {
    const state = error.code ?? '';
    const [, code, meaning] = STATES.find(([prefix]) => state.startsWith(prefix)) ?? [
      '',
      isLostContact(error) ? 'unreachable' : 'io',
      'the database refused it',
    ];
    return new LedgerError(code, `${meaning}: ${where}: ${text}`, error);
  }
  if (!isLostContact(error))
    return new LedgerError('io', `the ledger failed: ${where}: ${text}`, error);
  return new LedgerError('unreachable', `the ledger cannot be reached: ${where}: ${text}`, error);
}

/** True where it is not known what became of the transaction. */
export function isLostContact(error: unknown): boolean {
  if (error instanceof DatabaseError) {
    return LOST_STATES.some((prefix) => error.code?.startsWith(prefix) === true);
  }
  if (!(error instanceof Error) || error instanceof LedgerError) return false;
  // `code` is how node names the errors of the network: ECONNREFUSED, ECONNRESET, ENOENT, …
  const isNetwork = 'code' in error && String(error.code).startsWith('E');
  return error instanceof SilentServer || isNetwork || LOST_WORDS.test(error.message);
}

/** Whose the error is that ended a group of writes. */
export function reachOf(error: unknown): Reach {
  if (isLostContact(error)) return 'all';
  if (error instanceof LedgerError && REFUSALS.includes(error.code)) return 'all';
  const waited = error instanceof DatabaseError && WAITED_STATES.includes(error.code ?? '');
  return waited ? 'one' : 'unknown';
}
