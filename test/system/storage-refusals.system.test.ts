// Role: a guest that has disks which are no plain images of its own: what builds upon a backing
// file, is encrypted, or lies on a block device or in the network is refused by name, live and
// cold, before anything happens to the guest.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { LibvirtHypervisor } from '../../adapters/libvirt/hypervisor.ts';
import { hostId, moveId, sourceId, vmId } from '../../src/domain/ids.ts';
import { seconds } from '../../src/domain/units.ts';
import type { MoveOrder } from '../../src/ports/hypervisor.ts';
import { guestUuid } from './lab/guest.ts';
import { imagesOn } from './lab/images.ts';
import { type Lab, startLab } from './lab/lab.ts';
import { until } from './lab/shell.ts';
import { labOptions, realClock } from './libvirt-world.ts';

const signal = new AbortController().signal;
const IMAGES = '/var/lib/libvirt/images';
const SOCKET = '/run/network-disk.sock';

const CHAIN = diskXml('file', `file='${IMAGES}/top.qcow2'`, 'vdb');
const NETWORK = `<disk type='network' device='disk'><driver name='qemu' type='raw'/>
  <source protocol='nbd'><host transport='unix' socket='${SOCKET}'/></source>
  <target dev='vdc' bus='virtio'/></disk>`;
/** Only in its stored definition: nothing here can start with them. */
const BLOCK = diskXml('block', `dev='/dev/vg/data'`, 'vdd');
const ENCRYPTED = diskXml('file', `file='${IMAGES}/secret.qcow2'`, 'vde').replace(
  '<target',
  `<encryption format='luks'>
    <secret type='passphrase' uuid='6dd3e4a5-1d76-44ce-961f-f119f5aad935'/></encryption><target`,
);

function diskXml(type: string, source: string, dev: string): string {
  const format = type === 'block' ? 'raw' : 'qcow2';
  return `<disk type='${type}' device='disk'><driver name='qemu' type='${format}'/>
    <source ${source}/><target dev='${dev}' bus='virtio'/></disk>`;
}

let lab: Lab;
let hypervisor: LibvirtHypervisor;

beforeAll(async () => {
  lab = await startLab({ hosts: 2 });
  const host = lab.host(1);
  const image = (...args: string[]) => host.exec('qemu-img', 'create', '-q', ...args);
  await image('-f', 'raw', `${IMAGES}/base.img`, '8M');
  await image('-f', 'qcow2', '-b', 'base.img', '-F', 'raw', `${IMAGES}/top.qcow2`);
  await image('-f', 'raw', `${IMAGES}/served.img`, '8M');
  await host.exec('qemu-nbd', '--fork', '-t', '-f', 'raw', '-k', SOCKET, `${IMAGES}/served.img`);
  await lab.addGuest({ name: 'odd', host: 1, disk: 'local', moreDevices: CHAIN + NETWORK });
  await addToStored(BLOCK);
  await addToStored(ENCRYPTED);
  await lab.waitBooted('odd');
  hypervisor = new LibvirtHypervisor(labOptions(lab), {
    source: sourceId('lab'),
    clock: realClock,
  });
  // Their first answer takes its time.
  await until('both hosts to answer', async () => {
    const { hosts } = await hypervisor.inventory(signal).catch(() => ({ hosts: [] }));
    const isAll = hosts.filter(({ connection }) => connection === 'connected').length === 2;
    return isAll ? true : undefined;
  });
});

afterAll(async () => {
  await hypervisor?.close();
  await lab?.stop();
});

async function addToStored(device: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-device-'));
  try {
    const file = join(folder, 'device.xml');
    await writeFile(file, device);
    await lab.virsh(1, ['attach-device', 'odd', file, '--config']);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function orderFor(method: 'storage' | 'cold'): MoveOrder {
  return {
    move: moveId(`refused-${method}`),
    vm: vmId(guestUuid(lab.id, 'odd')),
    from: hostId('h1'),
    to: hostId('h2'),
    method,
    downtimeLimitSeconds: seconds(0.5),
    bandwidth: undefined,
    autoConverge: false,
    allowPostCopy: false,
  };
}

describe('disks that are no plain images', () => {
  const running = ['vdb builds upon a backing file', 'vdc is no image file'];
  const stored = ['vdd is no image file', 'vde is encrypted'];
  it.each([
    ['storage', running],
    ['cold', [...running, ...stored]],
  ] as const)('are refused before anything happens: %s', async (method, whys) => {
    const order = orderFor(method);
    const before = await lab.virsh(1, ['dumpxml', 'odd']);
    expect(await hypervisor.precheck(order, signal)).toEqual(
      whys.map((why) =>
        expect.objectContaining({ code: 'storage', detail: expect.stringContaining(why) }),
      ),
    );
    const attempt = await hypervisor.startMove(order, signal);
    expect(attempt).toMatchObject({ ok: false, error: { code: 'refused' } });
    for (const why of whys) expect(JSON.stringify(attempt)).toContain(why);
    expect(await lab.whereIs('odd')).toEqual([1]);
    expect(await lab.virsh(1, ['dumpxml', 'odd'])).toBe(before);
    expect(lab.definedOn('odd')).toEqual([1]);
    expect(await imagesOn(lab.id, 2)).toEqual([]);
  });
});
