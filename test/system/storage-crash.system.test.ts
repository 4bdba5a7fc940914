// Role: the daemon is killed in the middle of copying a disk to a host that shares no storage. The
// copy goes on without it, the next daemon takes it up, and the guest arrives with its disk, once.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { MigrationView } from '../../src/ports/api.ts';
import { drover, DroverDaemon, droverGet, DroverHome } from './drover-process.ts';
import { harmDone, labConfig, labPolicy } from './lab-daemon.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import { imagesOn } from './lab/images.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { until } from './lab/shell.ts';

const GUEST = 'busy';
const SETTLE_MS = 240_000;
/** 64 MiB of disk take 16 s. */
const POLICY = `${labPolicy()}
migration: { methods: [pre-copy, storage], bandwidth: 4MiB/s }
`;

let lab: Lab;
let watch: HeartbeatWatch;
let home: DroverHome;
let daemon: DroverDaemon;

beforeAll(async () => {
  lab = await startLab({
    hosts: 2,
    guests: [{ name: GUEST, host: 1, disk: 'local', diskKiBps: 256 }],
  });
  watch = await lab.watchHeartbeats();
  home = await DroverHome.make({ config: labConfig(lab), policy: POLICY });
  daemon = await DroverDaemon.start(home);
});

afterAll(async () => {
  await daemon?.stop();
  await watch?.stop();
  await lab?.stop();
  await home?.remove();
});

describe('a daemon that is killed while a disk is copied', () => {
  it('loses neither guest nor disk', async () => {
    expect((await drover(daemon, ['maintenance', 'enter', 'h1'])).code).toBe(0);
    const isCopied = async (): Promise<true | undefined> => {
      const { stdout } = await lab.host(1).tryVirsh(['domjobinfo', GUEST]);
      return /File processed: +[1-9]/.test(stdout) ? true : undefined;
    };
    await until('a disk under way', isCopied, { timeoutMs: SETTLE_MS });
    await daemon.kill();
    expect(await isCopied()).toBe(true);
    daemon = await DroverDaemon.start(home);
    const ends = async (): Promise<string[] | undefined> => {
      const views = await droverGet<MigrationView[]>(daemon, 'migrations?limit=100');
      const outcomes = views.map(({ record }) => record.result?.outcome);
      return outcomes.every((one) => one !== undefined) ? outcomes : undefined;
    };
    expect(await until('the end', ends, { timeoutMs: SETTLE_MS })).toEqual(['succeeded']);
    expect(lab.qemuOn(GUEST)).toEqual([2]);
    expect(lab.definedOn(GUEST)).toEqual([2]);
    expect(await imagesOn(lab.id, 2)).toEqual([expect.stringMatching(/^busy\.drover-/)]);
    expect(await watch.guest(GUEST)).toMatchObject({ corruptBlocks: 0, diskErrors: 0 });
    expect(await harmDone(watch)).toEqual([]);
  });
});
