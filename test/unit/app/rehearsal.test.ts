// Role: what a daemon plays before it begins: moves are begun in it, and nothing of it is left.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { register } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { rehearse } from '../../../src/app/rehearsal.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-rehearsal-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

it('begins moves for its orders, says nothing, and leaves nothing behind', async () => {
  const stateDir = join(folder, 'state');
  const said = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write'));
  expect(await rehearse({ stateDir })).toBeGreaterThan(10);
  expect(said.flatMap((spy) => spy.mock.calls)).toEqual([]);
  expect(readdirSync(stateDir)).toEqual([]);
  expect(await register.metrics()).toBe('\n');
  vi.restoreAllMocks();
});

it('leaves what is there as it was: another daemon may have the folder', async () => {
  const stateDir = join(folder, 'state');
  mkdirSync(stateDir);
  for (const file of ['ledger.db', 'lock']) writeFileSync(join(stateDir, file), 'not its own');
  expect(await rehearse({ stateDir })).toBeGreaterThan(10);
  expect(readdirSync(stateDir)).toEqual(['ledger.db', 'lock']);
});

it('rejects where the state folder cannot be made, as the daemon will', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(rehearse({ stateDir: join(folder, 'file', 'state') })).rejects.toThrow('ENOTDIR');
});
