// Role: the repository as the tests on its tidiness see it: its root and its own text files,
// without what is installed, built or written by a run.
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git', '.vite', 'drover-data']);

/** Paths relative to the root, sorted, of all files below `folder` with one of the extensions. */
export function filesBelow(folder: string, extensions: readonly string[]): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (SKIPPED.has(entry.name)) {
      continue;
    }
    if (entry.isDirectory()) {
      found.push(...filesBelow(path, extensions));
    } else if (entry.isFile() && extensions.includes(extname(entry.name))) {
      found.push(path);
    }
  }
  return found.sort();
}
