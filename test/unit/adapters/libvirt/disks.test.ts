// Role: which disks a move takes along, what libvirt is told about them, and whose volumes may be
// removed again.
import { describe, expect, it } from 'vitest';

import { imageOf } from '../../../../adapters/libvirt/disks/image.ts';
import { copyName } from '../../../../adapters/libvirt/disks/names.ts';
import { planCopies } from '../../../../adapters/libvirt/disks/disk-plan.ts';
import { removeVolumes } from '../../../../adapters/libvirt/disks/volumes.ts';
import { XML } from '../../../../adapters/libvirt/native/constants.ts';
import { readDomain } from '../../../../adapters/libvirt/xml/domain.ts';
import { readPool } from '../../../../adapters/libvirt/xml/reach.ts';
import { readMoveNote, writeMoveNote } from '../../../../adapters/libvirt/xml/metadata.ts';
import { relocateDisks } from '../../../../adapters/libvirt/xml/relocate.ts';
import { newVolumeXml, readVolume } from '../../../../adapters/libvirt/xml/volume.ts';
import { hostId, vmId } from '../../../../src/domain/ids.ts';
import { GIB, MIB } from '../../../../src/domain/units.ts';
import type { MoveMethod } from '../../../../src/domain/plan.ts';
import { aMoveOrder } from '../../../support/plans.ts';
import { GuestHost } from './fake-guest.ts';
import { diskXml, FakeHost, FakeSession, poolXml } from './fake-host.ts';
import { guestXml, UUID } from './samples.ts';

const POOLS = [readPool(poolXml('default', '/images', GIB))];

function judged(parts: Parameters<typeof diskXml>[0]) {
  const [disk] = readDomain(guestXml({ devices: diskXml(parts) })).devices.disk;
  if (disk === undefined) throw new Error('no disk');
  return imageOf(disk, POOLS);
}

describe('a disk', () => {
  it('is copied as the image file that it is, of a pool or not', () => {
    expect(judged({ source: `file='/images/a.img'` })).toEqual({
      dev: 'vda',
      format: 'qcow2',
      source: { from: '/images/a.img', folder: '/images', name: 'a.img', pool: 'default' },
    });
    expect(judged({ source: `file='/other/a.img'` })).toMatchObject({
      source: { folder: '/other', pool: undefined },
    });
    const ofPool = judged({ type: 'volume', source: `pool='default' volume='a.img'` });
    expect(ofPool).toMatchObject({ source: { from: 'default/a.img', folder: '/images' } });
    // libvirt's default, where the definition says nothing.
    expect(judged({ driver: '' })).toHaveProperty('format', 'raw');
    expect(judged({ more: '<backingStore/>' })).toHaveProperty('format', 'qcow2');
  });

  const refused: readonly (readonly [Parameters<typeof diskXml>[0], string])[] = [
    [{ more: `<backingStore type='file'><source file='/b'/></backingStore>` }, 'backing file'],
    [{ more: `<mirror type='file'/>` }, 'being copied already'],
    [{ more: `<encryption format='luks'/>` }, 'encrypted'],
    [{ inSource: `<encryption format='luks'/>` }, 'encrypted'],
    [{ more: '<shareable/>' }, 'shareable'],
    [{ more: '<readonly/>' }, 'read-only'],
    [{ more: '<transient/>' }, 'transient'],
    [{ driver: `<driver name='qemu' type='vmdk'/>` }, 'vda is vmdk: only raw and qcow2'],
    [{ type: 'block', source: `dev='/dev/vg/a'` }, 'no image file'],
    [{ type: 'network', source: `protocol='rbd' name='p/a'` }, 'no image file'],
    [{ type: 'volume', source: `pool='lvm' volume='a'` }, 'no image file'],
  ];
  it.each(refused)('is not copied: %j', (parts, why) => {
    expect(judged(parts)).toEqual({ objection: expect.stringContaining(why) });
  });
});

describe('the name of a copy', () => {
  it('is new for each move and attempt, and carries one mark', () => {
    const name = copyName('web.qcow2', 'm1', 0);
    expect(name).toMatch(/^web\.drover-[0-9a-f]{8}\.qcow2$/);
    expect(copyName('web.qcow2', 'm1', 0)).toBe(name);
    const others = [copyName('web.qcow2', 'm1', 1), copyName('web.qcow2', 'm2', 0)];
    expect(new Set([name, ...others]).size).toBe(3);
    expect(copyName(name, 'm2', 0)).toBe(copyName('web.qcow2', 'm2', 0));
    const bare = copyName('disk0', 'm1', 0);
    expect(bare).toMatch(/^disk0\.drover-[0-9a-f]{8}$/);
    expect(copyName(bare, 'm2', 0)).toBe(copyName('disk0', 'm2', 0));
    expect(copyName('.hidden', 'm1', 0)).toMatch(/^\.hidden\.drover-/);
  });
});

describe('a guest’s document', () => {
  const metadata = `<metadata><a:b xmlns:a="x"><disk dev='vda'><source file='/images/a.img'/>
    <target dev='vda'/></disk></a:b></metadata>`;
  const a = diskXml({ source: `file='/images/a&amp;b.img' index='1'` });
  const b = diskXml({
    type: 'volume',
    source: `pool='default' volume='b' mode='host'`,
    dev: 'vdb',
  });
  const c = diskXml({ source: `file='/nfs/c'`, dev: 'vdc' });
  const xml = guestXml({ devices: a + b + c, more: metadata });

  it('gets the new places of its disks, and is otherwise as it was', () => {
    const moved = relocateDisks(xml, [
      { dev: 'vda', from: '/images/a&b.img', path: `/new/a&b$&.img` },
      { dev: 'vdb', from: 'default/b', path: '/new/b' },
      { dev: 'vdz', from: '/nowhere', path: '/new/z' },
    ]);
    const files = readDomain(moved).devices.disk.map((disk) => [disk['@type'], disk.source]);
    expect(files).toMatchObject([
      ['file', { '@file': '/new/a&b$&.img' }],
      ['file', { '@file': '/new/b' }],
      ['file', { '@file': '/nfs/c' }],
    ]);
    expect(moved).toContain(metadata);
    expect(moved).not.toMatch(/ (?:pool|volume)='| mode='host'/);
    const back = relocateDisks(moved, [
      { dev: 'vda', from: `/new/a&b$&.img`, path: '/images/a&b.img' },
    ]);
    expect(readDomain(back).devices.disk[0]).toEqual(readDomain(xml).devices.disk[0]);
    expect(relocateDisks(xml, [])).toBe(xml);
  });

  it('is not touched where a disk is another than was copied', () => {
    const move = (from: string) => () => relocateDisks(xml, [{ dev: 'vda', from, path: '/new/a' }]);
    expect(move('/images/other.img')).toThrow('its disk vda is not /images/other.img');
  });
});

describe('documents of storage', () => {
  it('come back as they were written', () => {
    const xml = newVolumeXml({ name: 'a&b', bytes: 3 * GIB, format: 'qcow2' });
    const plain = { bytes: 3 * GIB, allocatedBytes: 0, format: 'qcow2', backingPath: undefined };
    expect(readVolume(xml)).toEqual(plain);
    expect(xml).toContain(`<allocation unit='bytes'>0</allocation>`);
    const backed = xml.replace(
      '</volume>',
      '<backingStore><path>/b</path></backingStore></volume>',
    );
    expect(readVolume(backed).backingPath).toBe('/b');
    const times = '<timestamps><atime>1</atime><mtime>1341933637.27319099</mtime></timestamps>';
    const dated = xml.replace('<target>', `$&${times}`);
    expect(readVolume(dated).modified).toBe('1341933637.27319099');
  });

  it('tell the room of a pool, or nothing about it', () => {
    expect(readPool(poolXml('p', '/p', 5 * MIB))).toMatchObject({
      availableBytes: 5 * MIB,
      holdsFiles: true,
    });
    expect(readPool(poolXml('p', '/p', undefined)).availableBytes).toBeUndefined();
    expect(readPool(poolXml('p', '/dev/vg', GIB, 'logical')).holdsFiles).toBe(false);
  });
});

const DISK = diskXml({ source: `file='/images/a.img'` });
const NEEDED = GIB + MIB + GIB / 4096;

async function plan(
  parts: { from?: FakeHost; to?: FakeHost; method?: MoveMethod; devices?: string } = {},
) {
  const guests = { [UUID]: guestXml({ devices: parts.devices ?? DISK }) };
  const pools = [poolXml('default', '/images', GIB)];
  const from = parts.from ?? new FakeHost('h1', { pools, guests, diskBytes: GIB });
  const to = parts.to ?? new FakeHost('h2', { pools: [poolXml('default', '/images', NEEDED)] });
  const method = parts.method ?? 'storage';
  const { copies, objections } = await planCopies(aMoveOrder({ vm: vmId(UUID), method }), {
    from,
    to,
  });
  return { copies, objections: objections.map(({ code, detail }) => `${code}: ${detail}`) };
}

describe('what a move takes along', () => {
  it('is every disk that the target does not reach, to a name that is free', async () => {
    const taken = copyName('a.img', 'm1', 0);
    const pools = [poolXml('default', '/images', NEEDED)];
    const to = new FakeHost('h2', { pools, volumes: { default: [taken] } });
    const name = copyName('a.img', 'm1', 1);
    expect(await plan({ to })).toMatchObject({
      objections: [],
      copies: [
        { dev: 'vda', bytes: GIB, target: { pool: 'default', name, path: `/images/${name}` } },
      ],
    });
    expect(to.volumes('default')).toEqual([taken]);
  });

  it('is nothing where memory alone is sent, or all is shared, or lies in a drive', async () => {
    const nothing = { copies: [], objections: [] };
    expect(await plan({ method: 'pre-copy' })).toEqual(nothing);
    const sharedStorages = [{ id: 'nfs', paths: ['/images'] }];
    const guests = { [UUID]: guestXml({ devices: DISK }) };
    const from = new FakeHost('h1', { pools: [], guests, diskBytes: GIB }, { sharedStorages });
    const to = new FakeHost('h2', { pools: [] }, { sharedStorages });
    expect(await plan({ from, to })).toEqual(nothing);
    expect(await plan({ devices: DISK.replace(`device='disk'`, `device='cdrom'`) })).toEqual(
      nothing,
    );
  });

  it('needs room that is known', async () => {
    const on = (available: number | undefined) =>
      plan({ to: new FakeHost('h2', { pools: [poolXml('default', '/images', available)] }) });
    expect((await on(NEEDED - 1)).objections).toEqual([
      'storage-space: pool default has 1025 MiB free, 1025 MiB are needed',
    ]);
    expect((await on(undefined)).objections).toEqual([
      'storage: how much room pool default has is not known',
    ]);
    // Two disks want twice the room.
    const devices = DISK + diskXml({ source: `file='/images/b.img'`, dev: 'vdb' });
    expect((await plan({ devices })).objections).toEqual([expect.stringContaining('2050 MiB')]);
  });

  it('goes to the pool that is named, or of that folder, or of that name', async () => {
    const pools = [
      poolXml('one', '/images', 9 * GIB),
      poolXml('default', '/elsewhere', 9 * GIB),
      poolXml('fast', '/fast', 9 * GIB),
    ];
    const where = async (list: readonly string[], own = {}) => {
      const to = new FakeHost('h2', { pools: list }, {}, own);
      const { copies, objections } = await plan({ to });
      return copies[0]?.target.pool ?? objections[0];
    };
    expect(await where(pools)).toBe('one');
    expect(await where(pools.slice(1))).toBe('default');
    expect(await where(pools, { diskPool: 'fast' })).toBe('fast');
    expect(await where(pools, { diskPool: 'slow' })).toContain('named slow');
    expect(await where(pools.slice(2))).toContain('no active pool for /images');
  });

  it('is not read by a cold move from where no pool has it', async () => {
    const guests = { [UUID]: guestXml({ devices: DISK }) };
    const from = new FakeHost('h1', { pools: [], guests, diskBytes: GIB });
    expect((await plan({ from, method: 'cold' })).objections).toEqual([
      expect.stringContaining('only be copied live'),
    ]);
    expect((await plan({ from })).objections).toEqual([]);
  });

  it('is looked at where it lies by a cold move: a definition need not name a chain', async () => {
    const alone = newVolumeXml({ name: 'a.img', bytes: GIB, format: 'qcow2' });
    const chained = alone.replace('</volume>', '<backingStore><path>/b</path></backingStore>$&');
    const cold = async (volumeXml: string, names = ['a.img'], devices = DISK) => {
      const guests = { [UUID]: guestXml({ devices }) };
      const volumes = { default: names };
      const pools = [poolXml('default', '/images', GIB)];
      const from = new FakeHost('h1', { pools, volumes, volumeXml, guests, diskBytes: GIB });
      return (await plan({ from, method: 'cold' })).objections;
    };
    expect(await cold(alone)).toEqual([]);
    expect(await cold(chained)).toEqual([expect.stringContaining('vda builds upon a backing')]);
    // There such a header is the guest's own data.
    expect(await cold(chained, ['a.img'], DISK.replace('qcow2', 'raw'))).toEqual([]);
    expect(await cold(alone, [])).toEqual(['storage: vda: pool default has no a.img']);
  });
});

describe('a disk on shared storage that builds upon a local image', () => {
  const sharedStorages = [{ id: 'nfs', paths: ['/srv'] }];
  const source = `file='/srv/web.qcow2'`;
  const base = `<backingStore type='file'><source file='/var/debian.qcow2'/></backingStore>`;
  const live = guestXml({ devices: diskXml({ source, more: base }) });
  const to = new FakeHost('h2', { pools: [] }, { sharedStorages });

  // A stored definition need not name the chain: only the running guest's document does.
  it.each([source, `file='/srv/web.qcow2' index='1'`])('is not left behind: %s', async (stored) => {
    const session = new StoredAsWell(live, guestXml({ devices: diskXml({ source: stored }) }));
    const from = new FakeHost('h1', session, { sharedStorages });
    for (const method of ['storage', 'cold'] as const) {
      expect((await plan({ from, to, method })).objections).toEqual([
        expect.stringContaining('vda builds upon a backing file'),
      ]);
    }
  });

  it('is judged by itself where the guest is going to start with another one', async () => {
    const other = guestXml({ devices: diskXml({ source: `file='/srv/new.qcow2'` }) });
    const from = new FakeHost('h1', new StoredAsWell(live, other), { sharedStorages });
    expect(await plan({ from, to, method: 'cold' })).toEqual({ copies: [], objections: [] });
  });
});

/** A guest whose stored definition is not what it runs with. */
class StoredAsWell extends FakeSession {
  readonly #stored: string;

  constructor(live: string, stored: string) {
    super({ pools: [], guests: { [UUID]: live }, diskBytes: GIB });
    this.#stored = stored;
  }

  override async text(name: string, ...args: readonly unknown[]): Promise<string> {
    const isStored = name === 'virDomainGetXMLDesc' && (Number(args[1]) & XML.inactive) !== 0;
    return isStored ? this.#stored : super.text(name, ...args);
  }
}

describe('the room for a move', () => {
  /** Every volume takes the same room. */
  class Pool extends FakeSession {
    override async text(name: string, ...args: readonly unknown[]): Promise<string> {
      if (name !== 'virStorageVolGetXMLDesc') return super.text(name, ...args);
      const allocation = `<allocation unit='bytes'>${MIB}</allocation>`;
      return `<volume><capacity unit='bytes'>${GIB}</capacity>${allocation}<target/></volume>`;
    }
  }

  it('is also what its own leftovers take: they are removed first', async () => {
    const name = 'a.drover-1.img';
    const pools = [poolXml('default', '/images', NEEDED - MIB)];
    const roomBeside = async (host: string) => {
      const from = new GuestHost('h1', { [UUID]: guestXml({ devices: DISK }) });
      const copy = { host, pool: 'default', name, dev: 'vda', from: '/images/a.img' };
      const copies = [{ ...copy, path: `/images/${name}` }];
      const note = { move: 'm0', to: host, autostart: false, askedOff: false, copies };
      from.guest.note = writeMoveNote(note);
      const to = new FakeHost('h2', new Pool({ pools, volumes: { default: [name] } }));
      return (await plan({ from, to })).objections;
    };
    expect(await roomBeside('h2')).toEqual([]);
    expect(await roomBeside('h3')).toEqual([expect.stringContaining('pool default has')]);
  });
});

describe('volumes of a move that came to nothing', () => {
  const copy = { host: 'h2', pool: 'default', dev: 'vda', from: '/images/a.img' };
  const own = { ...copy, name: 'a.drover-1.img', path: '/images/a.drover-1.img' };
  const pools = [poolXml('default', '/images', GIB)];
  const volumes = { default: ['a.img', 'a.drover-1.img', 'a.drover-2.img'] };

  it('are removed, and nothing else, as often as asked', async () => {
    const host = new FakeHost('h2', { pools, volumes });
    for (let time = 0; time < 2; time += 1) {
      expect(
        await removeVolumes(host, [own, { ...own, host: 'h3', name: 'a.img' }]),
      ).toBeUndefined();
      expect(host.volumes('default')).toEqual(['a.img', 'a.drover-2.img']);
    }
    expect(hostId('h2')).toBe(host.id);
  });

  it('are known by the names in the note as libvirt gives it back, in ASCII', async () => {
    const name = 'Büro.drover-1.img';
    const host = new FakeHost('h2', { pools, volumes: { default: [name] } });
    const noted = `host="h2" pool="default" name="B&#xFC;ro.drover-1.img" dev="vda"`;
    const places = `from="/images/B&#xFC;ro.img" path="/images/B&#xFC;ro.drover-1.img"`;
    const note = readMoveNote(
      `<move id="m1" to="h2" autostart="no"><copy ${noted} ${places}/></move>`,
    );
    expect(await removeVolumes(host, note?.copies ?? [])).toBeUndefined();
    expect(host.volumes('default')).toEqual([]);
  });

  it('are kept on the note where their pool is gone: nobody knows whether they are', async () => {
    const host = new FakeHost('h2', { pools, volumes });
    const lost = { ...own, pool: 'gone', path: '/gone/a.drover-1.img' };
    expect(await removeVolumes(host, [lost, own])).toEqual({
      copies: [lost],
      why: 'whether /gone/a.drover-1.img is left is not known: h2 has no pool gone',
      isInUse: false,
    });
    expect(host.volumes('default')).toEqual(['a.img', 'a.drover-2.img']);
  });

  it.each([
    `file='${own.path}'`,
    `pool='default' volume='${own.name}'`,
    `volume='${own.name}' pool='same-place'`,
  ])('are kept where any guest there has one, running or only defined: %s', async (source) => {
    const other = '11111111-5a43-4a53-9b0e-0f5d1a7c1b01';
    const devices = diskXml({ type: source.startsWith('file') ? 'file' : 'volume', source });
    const host = new FakeHost('h2', { pools, volumes, guests: { [other]: guestXml({ devices }) } });
    const why = `${own.path} is a disk of a guest on h2`;
    expect(await removeVolumes(host, [own])).toEqual({ copies: [own], why, isInUse: true });
    expect(host.volumes('default')).toEqual(volumes.default);
  });
});
