/**
 * Writes the generated files; with `--check` only compares, and exits 1 when one is stale. Every
 * generated file of the repository is listed by its room and written here.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedConfigFiles } from '../config/generated.ts';

function main(args: readonly string[]): number {
  const isCheck = args.includes('--check');
  let stale = 0;
  for (const { path, text } of generatedConfigFiles()) {
    const file = fileURLToPath(new URL(`../../${path}`, import.meta.url));
    if (textOf(file) === text) continue;
    stale += 1;
    if (isCheck) {
      console.error(`gen: ${path} is stale; run npm run gen`);
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`gen: wrote ${path}`);
  }
  return isCheck && stale > 0 ? 1 : 0;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

process.exitCode = main(process.argv.slice(2));
