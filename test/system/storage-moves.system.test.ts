// Role: moves between hosts that share no storage: live with the disk, and cold. The disk arrives
// whole, raw and qcow2, the old one stays as it was, a move that fails takes its copy with it and
// nothing else, and a target without room is refused, as is a disk that is no plain image.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { LibvirtHypervisor } from '../../adapters/libvirt/hypervisor.ts';
import { hostId, moveId, sourceId, vmId } from '../../src/domain/ids.ts';
import { bytesPerSecond, MIB, seconds } from '../../src/domain/units.ts';
import type { Job, MoveOrder } from '../../src/ports/hypervisor.ts';
import { guestUuid } from './lab/guest.ts';
import type { HeartbeatWatch } from './lab/heartbeats.ts';
import { bytesTaken, contentOf, digestOf, imagesOn, markOf } from './lab/images.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { until } from './lab/shell.ts';
import { labOptions, realClock } from './libvirt-world.ts';

const signal = new AbortController().signal;
const OK = { ok: true, value: undefined };
const SETTLE_MS = 120_000;
const IMAGES = '/var/lib/libvirt/images';

let lab: Lab;
let watch: HeartbeatWatch;
let hypervisor: LibvirtHypervisor;
let moves = 0;

beforeAll(async () => {
  lab = await startLab({
    hosts: 2,
    guests: [
      { name: 'busy', host: 1, disk: 'local', diskMarkMiB: 4, autostart: true },
      { name: 'quiet', host: 1, disk: 'local', diskMarkMiB: 4, diskFormat: 'qcow2' },
    ],
  });
  watch = await lab.watchHeartbeats();
  hypervisor = new LibvirtHypervisor(labOptions(lab), {
    source: sourceId('lab'),
    clock: realClock,
  });
}, 400_000);

afterAll(async () => {
  await hypervisor?.close();
  await watch?.stop();
  await lab?.stop();
});

function orderFor(name: string, from: number, details: Partial<MoveOrder> = {}): MoveOrder {
  moves += 1;
  return {
    move: moveId(`storage-${moves}`),
    vm: vmId(guestUuid(lab.id, name)),
    from: hostId(`h${from}`),
    to: hostId(`h${3 - from}`),
    method: 'storage',
    downtimeLimitSeconds: seconds(0.5),
    bandwidth: undefined,
    autoConverge: false,
    allowPostCopy: false,
    ...details,
  };
}

async function endOf(order: MoveOrder): Promise<Job> {
  const look = async (): Promise<Job | undefined> => {
    const job = await hypervisor.job(order, signal);
    return job.kind === 'running' ? undefined : job;
  };
  return until(`the end of ${order.move}`, look, { timeoutMs: SETTLE_MS });
}

async function carryOut(order: MoveOrder): Promise<void> {
  expect(await hypervisor.precheck(order, signal)).toEqual([]);
  expect(await hypervisor.startMove(order, signal)).toEqual(OK);
  expect(await endOf(order)).toMatchObject({ kind: 'ended', ok: true });
  expect(await hypervisor.commit(order, signal)).toEqual(OK);
}

/** It is there alone, with this image, and nothing of the move is left in its definition. */
async function expectAt(name: string, host: number, image: string): Promise<void> {
  expect(lab.qemuOn(name)).toEqual([host]);
  expect(lab.definedOn(name)).toEqual([host]);
  const xml = await lab.virsh(host, ['dumpxml', '--inactive', name]);
  expect(xml).toContain(`<source file='${IMAGES}/${image}'`);
  expect(xml).not.toContain('drover-move');
}

async function copyOf(name: string, host: number): Promise<string> {
  const made = new RegExp(`^${name}\\.drover-[0-9a-f]{8}\\.(?:img|qcow2)$`);
  const found = (await imagesOn(lab.id, host)).filter((image) => made.test(image));
  expect(found).toHaveLength(1);
  return found[0] ?? '';
}

/** It goes round its disk once and reads back what it wrote before. */
async function goRound(name: string) {
  const { diskKiB } = await watch.guest(name);
  await lab.ctl(name, 'disk 16384');
  const after = await watch.waitFor(name, (one) => one.diskKiB > diskKiB + 40 * 1024, 90_000);
  await lab.ctl(name, 'disk 0');
  return after;
}

describe('between hosts that share no storage', () => {
  it('a guest moves live, and its disk with it', async () => {
    const { boot } = await watch.waitFor('busy', () => true);
    await lab.ctl('busy', 'disk 256');
    const order = orderFor('busy', 1);
    await carryOut(order);
    const copy = await copyOf('busy', 2);
    await expectAt('busy', 2, copy);
    expect(lab.autostartOn('busy')).toEqual([2]);
    const guest = lab.guest('busy');
    const mark = await markOf(lab.id, 1, { image: 'busy.img', guest });
    expect(await markOf(lab.id, 2, { image: copy, guest })).toEqual(mark);
    expect(await goRound('busy')).toMatchObject({ boot, corruptBlocks: 0, diskErrors: 0 });
    // The way back stays where it was.
    expect(await imagesOn(lab.id, 1)).toEqual(['busy.img', 'quiet.qcow2']);
    // What a guest runs on is no debris.
    expect(await hypervisor.cleanUp(order, signal)).toMatchObject({ ok: false });
    expect(await imagesOn(lab.id, 2)).toEqual([copy]);
  });

  it('comes home cold beside its former disk, which nobody touches', async () => {
    const former = await digestOf(lab.id, 1, 'busy.img');
    const there = await copyOf('busy', 2);
    await carryOut(orderFor('busy', 2, { method: 'cold' }));
    const copy = await copyOf('busy', 1);
    await expectAt('busy', 1, copy);
    expect(lab.autostartOn('busy')).toEqual([1]);
    expect(await digestOf(lab.id, 1, copy)).toBe(await digestOf(lab.id, 2, there));
    expect(await digestOf(lab.id, 1, 'busy.img')).toBe(former);
    await lab.waitBooted('busy');
  });

  it('a guest on qcow2 moves cold, and its disk with it', async () => {
    const { boot } = await watch.waitFor('quiet', () => true);
    await carryOut(orderFor('quiet', 1, { method: 'cold' }));
    const copy = await copyOf('quiet', 2);
    await expectAt('quiet', 2, copy);
    await watch.waitFor('quiet', (one) => one.host === 2 && one.boot !== boot, SETTLE_MS);
    expect(await contentOf(lab.id, 2, copy)).toBe(await contentOf(lab.id, 1, 'quiet.qcow2'));
    // Holes stay holes.
    expect(await bytesTaken(lab.id, 2, copy)).toBeLessThan(16 * MIB);
  });

  it('and comes home live', async () => {
    const { boot } = await watch.guest('quiet');
    const there = await copyOf('quiet', 2);
    await carryOut(orderFor('quiet', 2));
    const copy = await copyOf('quiet', 1);
    await expectAt('quiet', 1, copy);
    expect(await contentOf(lab.id, 1, copy)).toBe(await contentOf(lab.id, 2, there));
    expect(await goRound('quiet')).toMatchObject({ boot, corruptBlocks: 0, diskErrors: 0 });
    expect(await imagesOn(lab.id, 2)).toContain(there);
  });

  it('is refused where there is no room, or nobody knows of any', async () => {
    await lab.host(2).exec('mount', '-t', 'tmpfs', '-o', 'size=8m', 'small', IMAGES);
    for (const method of ['storage', 'cold'] as const) {
      const order = orderFor('busy', 1, { method });
      const no = [
        expect.objectContaining({ code: 'storage-space', detail: expect.stringMatching(/MiB/) }),
      ];
      expect(await hypervisor.precheck(order, signal)).toEqual(no);
      expect(await hypervisor.startMove(order, signal)).toMatchObject({ ok: false });
      expect(await hypervisor.cleanUp(order, signal)).toEqual(OK);
    }
    await lab.virsh(2, ['pool-destroy', 'default']);
    expect(await hypervisor.precheck(orderFor('busy', 1), signal)).toEqual([
      expect.objectContaining({
        code: 'storage',
        detail: expect.stringContaining('no active pool'),
      }),
    ]);
    await lab.virsh(2, ['pool-start', 'default']);
    expect(await lab.host(2).exec('ls', IMAGES)).toBe('');
    await lab.host(2).exec('umount', IMAGES);
    await expectAt('busy', 1, await copyOf('busy', 1));
  });

  it.each(['storage', 'cold'] as const)('fails cleanly where room runs out: %s', async (method) => {
    const own = await copyOf('busy', 1);
    await lab.host(2).exec('mount', '-t', 'tmpfs', '-o', 'size=70m', 'small', IMAGES);
    // Somebody's own, in the way of a copy that was named without looking.
    await lab
      .host(2)
      .exec('sh', '-c', `echo mine >${IMAGES}/${own}; echo mine >${IMAGES}/busy.img`);
    const order = orderFor('busy', 1, { method, bandwidth: bytesPerSecond(4 * MIB) });
    expect(await hypervisor.startMove(order, signal)).toEqual(OK);
    await lab.host(2).exec('sh', '-c', `head -c 69000000 /dev/zero >${IMAGES}/filler || true`);
    expect(await endOf(order)).not.toHaveProperty('ok', true);
    expect(await hypervisor.cleanUp(order, signal)).toEqual(OK);
    expect((await lab.host(2).exec('ls', IMAGES)).split('\n')).toEqual(
      ['busy.img', 'filler', own].sort(),
    );
    expect(await lab.host(2).exec('cat', `${IMAGES}/busy.img`, `${IMAGES}/${own}`)).toBe(
      'mine\nmine',
    );
    await lab.host(2).exec('umount', IMAGES);
    await lab.virsh(2, ['pool-refresh', 'default']);
    await expectAt('busy', 1, own);
    expect(await lab.whereIs('busy')).toEqual([1]);
  });
});
