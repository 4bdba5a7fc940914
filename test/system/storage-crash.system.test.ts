// Role: the daemon is killed in the middle of copying a disk to a host that shares no storage. A
// live copy goes on without it, the next daemon takes it up, and the guest arrives with its disk,
// once. A cold one stops with it: the next daemon takes the move back, starts the guest where it
// was, and moves it anew.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { MIB } from '../../src/domain/units.ts';
import type { MigrationView } from '../../src/ports/api.ts';
import { drover, DroverDaemon, droverGet, DroverHome } from './drover-process.ts';
import { harmDone, labConfig, labPolicy } from './lab-daemon.ts';
import { guestUuid } from './lab/guest.ts';
import { bytesTaken, digestOf, imagesOn } from './lab/images.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { until } from './lab/shell.ts';

const GUEST = 'busy';
const SETTLE_MS = 240_000;
/** 64 MiB of disk take 16 s. */
const LIVE = `migration: { methods: [pre-copy, storage], bandwidth: 4MiB/s }`;
/** The 32 MiB that the disk holds take 8 s, holes nothing. */
const COLD = `
permissions: [{ vms: { names: ['*'] }, permission: cold }]
migration:
  methods: [pre-copy, storage, cold]
  bandwidth: 4MiB/s
  ladder: { standard: [pre-copy, cold] }`;

/** A guest that sees svm cannot go live; it has neither an agent nor a power button. */
const STOPPABLE = ['nestedGuests: pinned', 'cold: { shutdownSeconds: 1, force: true }'];

let lab: Lab;
let home: DroverHome | undefined;
let daemon: DroverDaemon;

beforeAll(async () => {
  lab = await startLab({
    hosts: 2,
    guests: [{ name: GUEST, host: 1, cpu: 'qemu64,+svm', disk: 'local', diskMarkMiB: 32 }],
  });
});

afterEach(async () => {
  await daemon?.stop();
  await home?.remove();
});

afterAll(async () => {
  await lab?.stop();
});

async function startDaemon(migration: string, more: readonly string[] = []): Promise<DroverHome> {
  home = await DroverHome.make({
    config: labConfig(lab, more),
    policy: `${labPolicy()}\n${migration}\n`,
  });
  daemon = await DroverDaemon.start(home);
  return home;
}

/** Of all moves on record, in their order; undefined: one of them is not over. */
async function outcomes(): Promise<readonly string[] | undefined> {
  const views = await droverGet<MigrationView[]>(daemon, 'migrations?limit=100');
  const ends = views.toReversed().map(({ record }) => record.result?.outcome);
  return ends.every((one) => one !== undefined) ? ends : undefined;
}

/** It is there alone, on its image; the others there are as they were, and nothing else is left. */
async function expectAt(host: number, images: readonly [unknown, ...string[]]): Promise<string> {
  expect(lab.qemuOn(GUEST)).toEqual([host]);
  expect(lab.definedOn(GUEST)).toEqual([host]);
  const there = await imagesOn(lab.id, host);
  expect(there).toEqual(images);
  const [image = ''] = there;
  const xml = await lab.virsh(host, ['dumpxml', '--inactive', GUEST]);
  expect(xml).toContain(`/${image}'`);
  expect(xml).not.toContain('drover-move');
  return image;
}

const COPY = /^busy\.drover-[0-9a-f]{8}\.img$/;

describe('a daemon that is killed while a disk is copied', () => {
  it('loses neither guest nor disk, cold', async () => {
    const whole = await digestOf(lab.id, 1, `${GUEST}.img`);
    const here = await startDaemon(COLD, STOPPABLE);
    expect((await drover(daemon, ['maintenance', 'enter', 'h1'])).code).toBe(0);
    const copied = async (): Promise<number> => {
      const copy = (await imagesOn(lab.id, 2)).find((image) => COPY.test(image));
      return copy === undefined ? 0 : bytesTaken(lab.id, 2, copy);
    };
    const isCopied = async (): Promise<true | undefined> =>
      (await copied()) > 4 * MIB ? true : undefined;
    await until('a disk under way', isCopied, { timeoutMs: SETTLE_MS });
    await daemon.kill();
    expect(lab.qemuOn(GUEST)).toEqual([]);
    expect(await copied()).toBeLessThan(32 * MIB);
    daemon = await DroverDaemon.start(here);
    expect(await until('the end', outcomes, { timeoutMs: SETTLE_MS })).toEqual(['failed']);
    await expectAt(1, ['busy.img']);
    expect(await imagesOn(lab.id, 2)).toEqual([]);
    expect(await digestOf(lab.id, 1, 'busy.img')).toBe(whole);

    // It would try again by itself, a minute and a half later.
    const breaker = `vm:${guestUuid(lab.id, GUEST)}:h2`;
    expect((await drover(daemon, ['breaker', 'reset', breaker])).code).toBe(0);
    const isThere = async (): Promise<readonly string[] | undefined> =>
      lab.qemuOn(GUEST).join() === '2' ? outcomes() : undefined;
    const ends = await until('the guest on h2', isThere, { timeoutMs: SETTLE_MS });
    expect(ends).toEqual(['failed', 'succeeded']);
    const copy = await expectAt(2, [expect.stringMatching(COPY)]);
    expect(await digestOf(lab.id, 2, copy)).toBe(whole);
    expect(await imagesOn(lab.id, 1)).toEqual(['busy.img']);
    expect(await digestOf(lab.id, 1, 'busy.img')).toBe(whole);
    await lab.waitBooted(GUEST);
  });

  it('loses neither guest nor disk, live', async () => {
    const here = await startDaemon(LIVE);
    const watch = await lab.watchHeartbeats();
    await lab.ctl(GUEST, 'disk 256');
    expect((await drover(daemon, ['maintenance', 'enter', 'h2'])).code).toBe(0);
    const isCopied = async (): Promise<true | undefined> => {
      const { stdout } = await lab.host(2).tryVirsh(['domjobinfo', GUEST]);
      return /File processed: +[1-9]/.test(stdout) ? true : undefined;
    };
    await until('a disk under way', isCopied, { timeoutMs: SETTLE_MS });
    await daemon.kill();
    expect(await isCopied()).toBe(true);
    daemon = await DroverDaemon.start(here);
    expect(await until('the end', outcomes, { timeoutMs: SETTLE_MS })).toEqual(['succeeded']);
    await expectAt(1, [expect.stringMatching(COPY), 'busy.img']);
    expect(await watch.guest(GUEST)).toMatchObject({ corruptBlocks: 0, diskErrors: 0 });
    expect(await harmDone(watch)).toEqual([]);
  });
});
