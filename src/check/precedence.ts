/**
 * Which move has certainly ended before which other may start, in every interleaving that the
 * plan's dependencies allow. Only dependencies on known moves that are listed earlier count: the
 * others order nothing, and the structure check reports them.
 */

import type { Move } from '../domain/plan.ts';

const WORD = 32;

export interface Precedence {
  /** True when the move at position `first` has ended whenever the one at `second` starts. */
  before(first: number, second: number): boolean;
}

/** Transitive closure over the list, one row of bits for each move that depends on anything. */
export function precedenceOf(moves: readonly Move[]): Precedence {
  const positions = new Map<string, number>();
  for (const [at, move] of moves.entries()) if (!positions.has(move.id)) positions.set(move.id, at);
  const words = Math.ceil(moves.length / WORD);
  const rows: (Uint32Array | undefined)[] = [];
  for (const [at, move] of moves.entries()) {
    const earlier = move.dependsOn
      .map((id) => positions.get(id))
      .filter((position) => position !== undefined && position < at);
    rows.push(earlier.length === 0 ? undefined : union(words, rows, earlier as number[]));
  }
  return {
    before(first, second) {
      const word = rows[second]?.[Math.floor(first / WORD)] ?? 0;
      return (word & (1 << (first % WORD))) !== 0;
    },
  };
}

function union(
  words: number,
  rows: readonly (Uint32Array | undefined)[],
  earlier: readonly number[],
): Uint32Array {
  const row = new Uint32Array(words);
  for (const position of earlier) {
    const word = Math.floor(position / WORD);
    row[word] = (row[word] ?? 0) | (1 << (position % WORD));
    for (const [i, bits] of rows[position]?.entries() ?? []) row[i] = (row[i] ?? 0) | bits;
  }
  return row;
}
