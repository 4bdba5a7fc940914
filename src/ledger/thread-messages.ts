/** What the ledger and its thread say to each other. */

import Database from 'better-sqlite3';

import type { Bytes } from '../domain/units.ts';
import { LedgerError, type LedgerErrorCode } from '../ports/ledger.ts';

/** Given to the thread when it starts. */
export interface ThreadSettings {
  readonly file: string;
  readonly maxBytes: Bytes | undefined;
}

export type ThreadTask =
  | { readonly kind: 'query'; readonly sql: string; readonly parameters: readonly unknown[] }
  /** Nothing to do where SQLite has ended the transaction by itself. */
  | { readonly kind: 'rollback' }
  | { readonly kind: 'close' };

/** Answered in this order. */
export interface ThreadQuestion {
  readonly id: number;
  readonly task: ThreadTask;
}

export interface ThreadResult {
  readonly rows: readonly unknown[];
  /** Rows that a statement changed. */
  readonly changes: number;
}

/** The first one, of id 0, says whether the file could be opened. */
export type ThreadAnswer =
  | { readonly id: number; readonly kind: 'done'; readonly result: ThreadResult }
  | { readonly id: number; readonly kind: 'failed'; readonly failure: ThreadFailure };

/** An error as a message can carry it. */
export interface ThreadFailure {
  readonly type: 'ledger' | 'sqlite' | 'other';
  readonly code: string;
  readonly message: string;
}

export function failureOf(error: unknown): ThreadFailure {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof LedgerError) return { type: 'ledger', code, message };
  return { type: error instanceof Database.SqliteError ? 'sqlite' : 'other', code, message };
}

/** The error that `failureOf` was given, without its stack. */
export function errorOf({ type, code, message }: ThreadFailure): Error {
  if (type === 'sqlite') return new Database.SqliteError(message, code);
  if (type === 'ledger') return new LedgerError(code as LedgerErrorCode, message); // it was one
  return code === '' ? new Error(message) : Object.assign(new Error(message), { code });
}
