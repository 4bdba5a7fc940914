// Role: the file by which the CLI finds a daemon, when two daemons use the same one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { readCliAccess, removeCliAccess, writeCliAccess } from '../../../src/app/state-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'drover-access-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('lets a daemon take only its own access file along', () => {
  const file = join(folder, 'state', 'cli.json');
  const access = { server: 'http://127.0.0.1:1', pid: 1 };
  writeCliAccess(file, { ...access, token: 'first' });
  writeCliAccess(file, { ...access, token: 'second' });
  removeCliAccess(file, 'first');
  expect(readCliAccess(file)?.token).toBe('second');
  removeCliAccess(file, 'second');
  expect(readCliAccess(file)).toBeUndefined();
});
