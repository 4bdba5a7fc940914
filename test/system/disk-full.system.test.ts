// Role: the ledger's disk is full, for real: a small tmpfs, filled to its last page in mid-move.
// Drover stops acting, keeps serving and says why, and goes on by itself when there is room again;
// nothing of the trail is lost. It needs to be root, and a kernel that lets it mount.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { HostView, StatusView } from '../../src/ports/api.ts';
import { ORDERED_POLICY } from '../support/ordered-policy.ts';
import { drover, DroverDaemon, DroverHome, droverGet, type LogLine } from './drover-process.ts';
import { until } from './lab/shell.ts';

/** Room for the ledger of a minute, and little more. */
const DISK = 'size=8m';
const CONFIG = `
sources: [{ id: sim, kind: simulated, hosts: 4, vms: 24, seed: 3 }]
schedule: { collectEvery: 1s, tickEvery: 2s }
`;
const POLICY = `${ORDERED_POLICY}limits: { evacuatedShare: 50% }
mode: automatic
`;
/** In which a daemon that had not stopped would have begun something. */
const QUIET_MS = 8000;

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', DISK, 'drover-disk-full', folder], { stdio: 'pipe' });
}

function unmount(folder: string): void {
  execFileSync('umount', [folder], { stdio: 'pipe' });
}

/** Undefined: it can. */
function whyNoMount(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'drover-mount-'));
  try {
    mount(folder);
    unmount(folder);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writes until not one byte more goes in. */
function fill(file: string): void {
  const to = openSync(file, 'w');
  try {
    for (const size of [65_536, 4096, 1]) {
      while (fits(to, Buffer.alloc(size))) continue;
    }
  } finally {
    closeSync(to);
  }
}

function fits(to: number, part: Buffer): boolean {
  try {
    return writeSync(to, part) > 0;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}

const obstacle = whyNoMount();
if (obstacle !== undefined) console.warn(`a full disk: skipped, cannot mount a tmpfs: ${obstacle}`);

describe.skipIf(obstacle !== undefined)('a full disk under the ledger', () => {
  let home: DroverHome;
  let daemon: DroverDaemon;
  let host: string;
  const disk = () => join(home.folder, 'state');
  const filler = () => join(disk(), 'filler');

  beforeAll(async () => {
    home = await DroverHome.make({ config: CONFIG, policy: POLICY });
    mkdirSync(disk());
    mount(disk());
    daemon = await DroverDaemon.start(home);
    const [first] = await droverGet<readonly HostView[]>(daemon, 'hosts');
    host = first?.name ?? '';
  });

  afterAll(async () => {
    await daemon?.stop();
    unmount(disk());
    await home?.remove();
  });

  const begun = (): number =>
    daemon.lines('stage').filter(({ stage, phase }) => stage === 'pre-copy' && phase === 'before')
      .length;
  const ledgerSays = (code: string) => (line: LogLine) =>
    line.msg === 'ledger' && line['code'] === code;
  const guests = async (): Promise<number> => {
    const all = await droverGet<readonly HostView[]>(daemon, 'hosts');
    return all.find(({ name }) => name === host)?.vms ?? 0;
  };
  const readiness = async (): Promise<{ readonly status: number; readonly text: string }> => {
    const response = await fetch(`${(await daemon.access()).server}/readyz`);
    return { status: response.status, text: await response.text() };
  };

  it('lets it serve, and say why it does nothing', async () => {
    const { code, stderr } = await drover(daemon, ['maintenance', 'enter', host]);
    expect([code, stderr]).toEqual([0, '']);
    await daemon.waitFor('a move', ({ msg, stage }) => msg === 'stage' && stage === 'pre-copy');
    fill(filler());
    await daemon.waitFor('the full disk', ledgerSays('full'));
    const before = begun();
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    expect(begun()).toBe(before);
    const { ledger } = await droverGet<StatusView>(daemon, 'status');
    expect(ledger).toEqual({ writable: false, detail: expect.stringMatching(/full/) });
    expect(await readiness()).toEqual({ status: 503, text: expect.stringMatching(/full/) });
    expect(await guests()).toBeGreaterThan(0);
  });

  it('lets it go on by itself when there is room again', async () => {
    const before = await guests();
    rmSync(filler());
    await daemon.waitFor('the disk with room', ledgerSays('writable'));
    // Some of its guests can go nowhere in this fleet: as many as can have to.
    await until(`${host} left by whoever can`, async () => {
      const { movesInFlight, lastPlan } = await droverGet<StatusView>(daemon, 'status');
      const isDone = movesInFlight === 0 && lastPlan?.moves === 0;
      return isDone && (await guests()) < before ? true : undefined;
    });
    expect((await readiness()).status).toBe(200);
    expect(daemon.lines('move needs a human')).toEqual([]);
  });

  it('has taken nothing from the trail', async () => {
    const { code, stdout } = await drover(daemon, ['audit', 'verify', '--state', disk()]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/whole/)]);
    const { code: history } = await drover(daemon, ['history', host]);
    expect(history).toBe(0);
  });
});
