/** What one answer may hold, whatever was asked for, and one statement, however much is given. */

import { inChunks } from '../domain/chunks.ts';

const LONGEST_ANSWER = 10_000;

/** A limit for a query. Also of NaN and of what is less than nothing: never without one. */
export function bounded(limit: number): number {
  return Number.isFinite(limit) ? Math.min(Math.max(Math.trunc(limit), 0), LONGEST_ANSWER) : 0;
}

/** Rows per statement: bounds its parameters and its time. */
const CHUNK = 500;

export function chunksOf<Row>(rows: readonly Row[]): readonly (readonly Row[])[] {
  return inChunks(rows, CHUNK);
}
