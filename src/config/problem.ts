/**
 * What is wrong in a file that a person wrote: where, what was expected, what to do. Problems are
 * collected, so that one run shows them all; nothing of a file with a problem is applied.
 */

export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What would have been right; may be empty. */
  readonly expected: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
  /** Each of two rules is right by itself; they cannot both hold. */
  readonly contradicts?: true;
}

/** More than this is noise: the first mistakes usually cause the others. */
export const PROBLEMS_MAX = 50;

/** `file:line:column message; expected …; hint` on one line. */
export function formatProblem(problem: ConfigProblem): string {
  const { file, line, column, message, expected, hint } = problem;
  const parts = [message, expected === '' ? '' : `expected ${expected}`, hint];
  return `${file}:${line}:${column} ${parts.filter((part) => part !== '').join('; ')}`;
}

/** In order of place, at most PROBLEMS_MAX of each file; a last line says how many more. */
export function tidyProblems(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return [...Map.groupBy(problems, (problem) => problem.file).values()].flatMap((own) => {
    const sorted = own.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const kept = sorted.slice(0, PROBLEMS_MAX);
    const last = kept.at(-1);
    if (sorted.length === kept.length || last === undefined) return kept;
    const message = `and ${sorted.length - kept.length} more problems`;
    return [...kept, { ...last, message, expected: '', hint: '' }];
  });
}

/** The known name that was probably meant: nearest by edits, and near enough; else undefined. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestEdits = Math.max(1, Math.floor(name.length * 0.45)) + 1;
  for (const candidate of known) {
    const edits = editsBetween(name.toLowerCase(), candidate.toLowerCase());
    if (edits < bestEdits) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** Levenshtein distance, of the first 64 characters. */
function editsBetween(a: string, b: string): number {
  const from = a.slice(0, 64);
  const to = b.slice(0, 64);
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, char] of Array.from(from).entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const swap = (row[j] ?? 0) + (char === to[j] ? 0 : 1);
      next.push(Math.min(swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
