/** The version of this installation, read once from its package.json. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { z } from 'zod';

/** The folder of package.json, from the sources as well as from `dist`. */
export const PACKAGE_ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));

export const VERSION: string = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'))).version;

function findRoot(folder: string): string {
  const parent = dirname(folder);
  try {
    readFileSync(join(folder, 'package.json'));
    return folder;
  } catch (error) {
    if (parent === folder) throw new Error('package.json of drover not found', { cause: error });
    return findRoot(parent);
  }
}
