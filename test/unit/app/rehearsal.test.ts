// Role: what a daemon plays before it begins: moves are begun in it, and nothing of it is left.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { register } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { DaemonApi } from '../../../src/app/daemon-api.ts';
import { rehearse } from '../../../src/app/rehearsal.ts';
import { VirtualDaemon } from '../../../src/app/virtual-daemon.ts';

const NEVER = new AbortController().signal;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-rehearsal-'));
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

it('begins moves for its orders, says nothing, and leaves nothing behind', async () => {
  const stateDir = join(folder, 'state');
  const said = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write'));
  expect(await rehearse({ stateDir }, NEVER)).toBeGreaterThan(10);
  expect(said.flatMap((spy) => spy.mock.calls)).toEqual([]);
  expect(readdirSync(stateDir)).toEqual([]);
  expect(await register.metrics()).toBe('\n');
});

it('leaves what is there as it was: another daemon may have the folder', async () => {
  const stateDir = join(folder, 'state');
  mkdirSync(stateDir);
  for (const file of ['ledger.db', 'lock']) writeFileSync(join(stateDir, file), 'not its own');
  expect(await rehearse({ stateDir }, NEVER)).toBeGreaterThan(10);
  expect(readdirSync(stateDir)).toEqual(['ledger.db', 'lock']);
});

it('rejects where the state folder cannot be made, as the daemon will', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(rehearse({ stateDir: join(folder, 'file', 'state') }, NEVER)).rejects.toThrow(
    'ENOTDIR',
  );
});

it('rejects where an order is refused, and is over then', async () => {
  // No mock: those listen to what they reject, and nobody else would have to.
  const refusing = { giveOrders: () => Promise.reject(new Error('refused')) };
  const { giveOrders } = Object.getOwnPropertyDescriptors(DaemonApi.prototype);
  Object.assign(DaemonApi.prototype, refusing);
  const stop = vi.spyOn(VirtualDaemon.prototype, 'stop');
  try {
    await expect(rehearse({ stateDir: join(folder, 'state') }, NEVER)).rejects.toThrow('refused');
  } finally {
    Object.defineProperty(DaemonApi.prototype, 'giveOrders', giveOrders);
  }
  expect(stop).toHaveBeenCalledTimes(1);
});

it('is given up in the middle when that is said, and not begun afterwards', async () => {
  const leaving = new AbortController();
  const orders = vi.spyOn(DaemonApi.prototype, 'giveOrders').mockImplementation(() => {
    leaving.abort();
    return new Promise(() => undefined);
  });
  const stop = vi.spyOn(VirtualDaemon.prototype, 'stop');
  expect(await rehearse({ stateDir: join(folder, 'state') }, leaving.signal)).toBe(0);
  await vi.waitFor(() => expect(stop).toHaveReturned());
  await stop.mock.results[0]?.value;
  expect(orders).toHaveBeenCalledTimes(1);
  expect(await rehearse({ stateDir: join(folder, 'other') }, leaving.signal)).toBe(0);
  expect(readdirSync(folder)).toEqual(['state']);
});
