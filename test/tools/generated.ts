// Role: `npm run gen` writes the generated files (README tables, JSON Schema), `npm run
// gen:check` fails when one is stale. The generator is product code: src/cli/generate.ts is the
// only place that knows the files; it takes `--check`. Until it exists there is nothing
// generated, hence nothing stale.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const GENERATOR = fileURLToPath(new URL('../../src/cli/generate.ts', import.meta.url));

function main(mode: string | undefined): number {
  if (mode !== 'write' && mode !== 'check') {
    console.error('usage: generated.ts write|check');
    return 2;
  }
  if (!existsSync(GENERATOR)) {
    console.log('gen: no src/cli/generate.ts yet, so no file is generated');
    return 0;
  }
  const args = mode === 'check' ? [GENERATOR, '--check'] : [GENERATOR];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}

process.exitCode = main(process.argv[2]);
