// Role: what a host's own documents become, storage and networks included.
import { describe, expect, it } from 'vitest';

import { type HostAnswer, mergeInventories } from '../../../../adapters/libvirt/fleet-inventory.ts';
import { mapStorage } from '../../../../adapters/libvirt/storage-map.ts';
import {
  readCapabilities,
  readDomainCapabilities,
} from '../../../../adapters/libvirt/xml/capabilities.ts';
import {
  cpuXml,
  featuresOfExpanded,
  levelOf,
  vendorOf,
} from '../../../../adapters/libvirt/xml/cpu.ts';
import { readDomain } from '../../../../adapters/libvirt/xml/domain.ts';
import { readInterface, readNetwork, readPool } from '../../../../adapters/libvirt/xml/reach.ts';
import { storageId } from '../../../../src/domain/ids.ts';
import { bytes, GIB, MIB } from '../../../../src/domain/units.ts';
import { guestXml, hostFacts, identity, options, survey } from './samples.ts';

const CPUS = [0, 1, 2, 3]
  .map((id) => `<cpu id='${id}' socket_id='${id >> 1}' die_id='0' core_id='0' siblings='0-1'/>`)
  .join('');
const CAPABILITIES = `<capabilities><host>
  <cpu><arch>x86_64</arch><model>EPYC-Rome</model><vendor>AMD</vendor>
    <feature name='x2apic'/><feature name='pcid'/></cpu>
  <topology><cells num='2'>
    <cell id='0'><memory unit='KiB'>1</memory><pages unit='KiB' size='4'>500</pages>
      <pages unit='KiB' size='2048'>8</pages><pages unit='KiB' size='1048576'>1</pages>
      <cpus num='4'>${CPUS}</cpus></cell>
    <cell id='1'><pages unit='KiB' size='2048'>4</pages></cell>
  </cells></topology></host>
  <guest><os_type>hvm</os_type><arch name='i686'><wordsize>32</wordsize>
    <emulator>/usr/bin/qemu-system-i386</emulator><machine>isapc</machine>
    <domain type='qemu'/></arch></guest>
  <guest><os_type>hvm</os_type><arch name='x86_64'><wordsize>64</wordsize>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <machine canonical='pc-q35-10.0' maxCpus='288'>q35</machine>
    <domain type='qemu'/><domain type='kvm'/></arch></guest></capabilities>`;

describe('a host’s capabilities', () => {
  const host = readCapabilities(CAPABILITIES);

  it('count sockets, cores and threads by the topology', () => {
    expect(host.processors).toEqual({ sockets: 2, cores: 2, threads: 4 });
    expect(host.numaCells).toBe(2);
  });

  it('list huge pages of all cells by size, ordinary pages aside', () => {
    expect(host.hugePages).toEqual([
      { pageBytes: 2 * MIB, totalBytes: 24 * MIB },
      { pageBytes: GIB, totalBytes: GIB },
    ]);
  });

  it('know machine types of its own architecture by both names', () => {
    expect(host.machineTypes).toEqual(['pc-q35-10.0', 'q35']);
    expect(host.platforms.map(({ type }) => type)).toEqual(['qemu', 'kvm']);
  });

  it('say what a guest can be given, and of which vendor the models are', () => {
    const xml = `<domainCapabilities><path>/usr/bin/qemu-system-x86_64</path><domain>kvm</domain>
      <machine>pc-i440fx-10.0</machine><cpu>
      <mode name='host-passthrough' supported='yes'/>
      <mode name='host-model' supported='yes'><model fallback='forbid'>EPYC</model>
        <vendor>AMD</vendor><feature policy='require' name='ss'/>
        <feature policy='disable' name='vme'/></mode>
      <mode name='custom' supported='yes'><model usable='no' vendor='Intel'>Nehalem</model>
        <model usable='yes' vendor='unknown'>qemu64</model><blockers model='Nehalem'/></mode>
      </cpu></domainCapabilities>`;
    const { hostModel, vendors } = readDomainCapabilities(xml);
    if (hostModel === undefined) throw new Error('no host-model');
    expect(cpuXml(hostModel)).toBe(
      "<cpu mode='custom' match='exact'><model fallback='forbid'>EPYC</model>" +
        "<vendor>AMD</vendor><feature policy='require' name='ss'/>" +
        "<feature policy='disable' name='vme'/></cpu>",
    );
    expect(vendors.get('Nehalem')).toBe('Intel');
    const without = xml.replace("'host-model' supported='yes'", "'host-model' supported='no'");
    expect(readDomainCapabilities(without).hostModel).toBeUndefined();
  });
});

describe('CPU features', () => {
  it('are those that are not disabled, sorted', () => {
    const xml = `<cpu mode='custom' match='exact'><model>EPYC</model>
      <feature policy='require' name='sse2'/><feature policy='disable' name='vme'/>
      <feature policy='require' name='avx'/></cpu>`;
    expect(featuresOfExpanded(xml)).toEqual(['avx', 'sse2']);
  });

  it('reach a level only with all of it and of those below', () => {
    const v1 = ['lm', 'cmov', 'cx8', 'fpu', 'fxsr', 'mmx', 'sse', 'sse2'];
    const v2 = [...v1, 'cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4.1', 'sse4.2', 'ssse3'];
    const v3 = [...v2, 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave'];
    expect([[], v1, v2, v3].map(levelOf)).toEqual([
      undefined,
      'x86-64-v1',
      'x86-64-v2',
      'x86-64-v3',
    ]);
    expect(levelOf(v3.filter((name) => name !== 'popcnt'))).toBe('x86-64-v1');
  });

  it('come from vendors that Drover knows, or from nobody', () => {
    expect(['Intel', 'AMD', 'Hygon', 'Transmeta', undefined].map(vendorOf)).toEqual([
      'intel',
      'amd',
      'hygon',
      undefined,
      undefined,
    ]);
  });
});

function netPool(server: string): string {
  const source = `<source><host name='${server}'/><dir path='/iso'/></source>`;
  const target = '<target><path>/mnt/iso</path></target>';
  return `<pool type='netfs'><name>iso</name>${source}${target}</pool>`;
}

describe('storage', () => {
  const common = options({
    sharedStorages: [
      { id: 'nfs', paths: ['/srv'], networkDisks: ['rbd:vms'] },
      { id: 'fast', paths: ['/srv/fast/'], hosts: ['h2'] },
    ],
  });
  const pools = [
    readPool(
      `<pool type='dir'><name>images</name><target><path>/var/images</path></target></pool>`,
    ),
    readPool(netPool('nfs1')),
  ];
  const onH1 = mapStorage('h1', { ...common, storages: ['tape'] }, pools);
  const onH2 = mapStorage('h2', { ...common, storages: [] }, pools);

  it('is shared where declared or by the type of the pool, else the host’s own', () => {
    expect(onH1.placeOfPath('/srv/a.img')).toEqual({ storage: 'nfs', shared: true });
    expect(onH1.placeOfPath('/srvx/a.img')).toEqual({ storage: 'local@h1', shared: false });
    expect(onH1.placeOfPath('/var/images/a')).toEqual({ storage: 'pool:images@h1', shared: false });
    expect(onH1.placeOfPath('/mnt/iso/a.iso')).toEqual({
      storage: 'pool:iso=nfs1:/iso',
      shared: true,
    });
  });

  it('is that of the deepest folder, and only where the host reaches it', () => {
    expect(onH2.placeOfPath('/srv/fast/a.img').storage).toBe('fast');
    expect(onH1.placeOfPath('/srv/fast/a.img').storage).toBe('nfs');
    expect(onH1.reach.map(({ storage }) => storage)).toEqual([
      'local@h1',
      'nfs',
      'pool:images@h1',
      'pool:iso=nfs1:/iso',
      'tape',
    ]);
  });

  it('of pools of one name is the same only where the data is', () => {
    const place = (server: string) =>
      mapStorage('h3', { ...common, storages: [] }, [readPool(netPool(server))]).placeOfPath(
        '/mnt/iso/a.iso',
      ).storage;
    expect(place('nfs1')).toBe(onH1.placeOfPath('/mnt/iso/a.iso').storage);
    expect(place('nfs2')).not.toBe(place('nfs1'));
  });

  it.each([
    ['scsi', `<adapter name='scsi_host5'/>`],
    ['mpath', ''],
    ['netfs', ''],
    ['netfs', `<host name='localhost'/><dir path='/srv'/>`],
    ['iscsi', `<host name='127.0.0.1'/><device path='iqn.x'/>`],
  ])('behind a host’s own adapters (%s) is the host’s own', (type, source) => {
    const pool = `<pool type='${type}'><name>lun</name><source>${source}</source></pool>`;
    const { reach } = mapStorage('h1', { ...common, storages: [] }, [readPool(pool)]);
    expect(reach).toContainEqual({ storage: 'pool:lun@h1', shared: false });
  });

  describe('of block devices that an iSCSI pool names in a folder of the system', () => {
    const pool = (name: string, target: string, type = 'iscsi') => {
      const source = `<source><host name='nas'/><device path='${target}'/></source>`;
      const folder = '<target><path>/dev/disk/by-path</path></target>';
      return readPool(`<pool type='${type}'><name>${name}</name>${source}${folder}</pool>`);
    };
    const pools = [pool('A', 'iqn.2026-11.org:a'), pool('B', 'iqn.2026-11.org:a.b')];
    const map = mapStorage('h1', { ...common, storages: [] }, pools);
    const local = { storage: 'local@h1', shared: false };
    const lun = (target: string): string => `ip-10.0.0.9:3260-iscsi-${target}-lun-1`;

    it.each([
      ['pci-0000:00:17.0-ata-2', local],
      ['pci-0000:3b:00.0-nvme-1', local],
      [lun('iqn.2026-11.org:else'), local],
      [lun('iqn.2026-11.org:a').replace('-lun-1', ''), local],
      [lun('iqn.2026-11.org:a'), { storage: 'pool:A=nas:iqn.2026-11.org:a', shared: true }],
      [
        `${lun('iqn.2026-11.org:a.b')}-part2`,
        { storage: 'pool:B=nas:iqn.2026-11.org:a.b', shared: true },
      ],
    ])('is the pool’s only for its own target: %s', (name, place) => {
      const source = `<source dev='/dev/disk/by-path/${name}'/>`;
      const devices = `<disk type='block' device='disk'>${source}</disk>`;
      const { disk } = readDomain(guestXml({ devices })).devices;
      expect(disk.map(map.placeOfDisk)).toEqual([place]);
    });

    it('is not another disk of the host', () => {
      const scsi = mapStorage('h1', { ...common, storages: [] }, [pool('S', '', 'scsi')]);
      expect(scsi.placeOfPath('/dev/disk/by-path/pci-0000:00:17.0-ata-2')).toEqual(local);
      expect(scsi.rooms).toEqual([{ id: 'pool:S@h1' }]);
      expect(map.rooms.map(({ id }) => id)).toEqual([
        'pool:A=nas:iqn.2026-11.org:a',
        'pool:B=nas:iqn.2026-11.org:a.b',
      ]);
    });
  });

  it('of a pool is told by servers in any order', () => {
    const hosts = [`<host name='mon1' port='6789'/>`, `<host name='mon2'/>`];
    const origin = (list: readonly string[]) =>
      readPool(
        `<pool type='rbd'><name>r</name><source>${list.join('')}<name>vms</name></source></pool>`,
      ).origin;
    expect(origin(hosts)).toBe('mon1:6789,mon2:vms');
    expect(origin(hosts.toReversed())).toBe(origin(hosts));
  });

  it('of a network disk goes by protocol and name', () => {
    const disk = (name: string) => {
      const source = `<source protocol='rbd' name='${name}'><host name='mon1'/></source>`;
      const devices = `<disk type='network' device='disk'>${source}</disk>`;
      const [element] = readDomain(guestXml({ devices })).devices.disk;
      if (element === undefined) throw new Error('no disk');
      return element;
    };
    expect(onH1.placeOfDisk(disk('vms/web'))).toEqual({ storage: 'nfs', shared: true });
    expect(onH1.placeOfDisk(disk('vmsx/web'))?.storage).toBe('rbd:vmsx');
  });
});

describe('room for copies', () => {
  const poolOf = (name: string, path: string, sizes: string) =>
    readPool(
      `<pool type='dir'><name>${name}</name>${sizes}<target><path>${path}</path></target></pool>`,
    );
  const SIZES = `<capacity unit='bytes'>900</capacity><available unit='bytes'>400</available>`;
  const nfs = { id: 'nfs', paths: ['/srv'] };
  const common = options({ sharedStorages: [nfs] });

  it('is told by storage, as the disks are: what no pool says, or says 0 of, is not known', () => {
    const empty = SIZES.replaceAll(/>\d+</g, '>0<');
    const { rooms } = mapStorage('h1', { ...common, storages: [] }, [
      poolOf('images', '/var/images', SIZES),
      poolOf('vms', '/srv', SIZES),
      poolOf('silent', '/silent', ''),
      poolOf('zero', '/zero', empty),
    ]);
    expect(rooms).toEqual([
      { id: 'pool:images@h1', capacityBytes: 900, freeBytes: 400 },
      { id: 'nfs', capacityBytes: 900, freeBytes: 400 },
      { id: 'pool:silent@h1' },
      { id: 'pool:zero@h1' },
    ]);
  });

  it('lies in the pool of the same folder, of the same name, or the one that is named', () => {
    const pools = [
      poolOf('one', '/images', SIZES),
      poolOf('default', '/else', SIZES),
      readPool(
        `<pool type='logical'><name>lvm</name><target><path>/dev/lvm</path></target></pool>`,
      ),
    ];
    const onH2 = (diskPool?: string) =>
      mapStorage('h2', { ...common, storages: [], diskPool }, pools).copiesTo;
    expect(onH2()).toEqual({
      'folder:/images': 'pool:one@h2',
      'pool:one': 'pool:one@h2',
      'folder:/else': 'pool:default@h2',
      'pool:default': 'pool:default@h2',
    });
    expect(onH2('default')).toEqual({ '*': 'pool:default@h2' });
    expect(onH2('lvm')).toEqual({});
    // A disk of the source's own pool `default`, in /images: where the move puts it, too.
    const onH1 = mapStorage('h1', { ...common, storages: [] }, [poolOf('default', '/images', '')]);
    const source = `<driver type='qcow2'/><source file='/images/a'/>`;
    const devices = `<disk type='file' device='disk'>${source}</disk>`;
    const [disk] = readDomain(guestXml({ devices })).devices.disk;
    if (disk === undefined) throw new Error('no disk');
    const { copyNames, copyBytes } = onH1.copyOf(disk, bytes(GIB));
    expect(copyNames).toEqual(['folder:/images', 'pool:default']);
    expect(copyBytes).toBe(GIB + MIB + GIB / 4096);
    expect(onH1.copyOf(disk, undefined)).toEqual({ copyNames });
    const mirror = `<mirror type='network' job='copy'/></disk>`;
    const [copied] = readDomain(guestXml({ devices: devices.replace('</disk>', mirror) })).devices
      .disk;
    if (copied === undefined) throw new Error('no disk');
    expect(onH1.copyOf(copied, bytes(GIB))).toEqual({ copyNames, copyBytes });
  });

  it.each([
    ['a chain', `<backingStore type='file'><source file='/b'/></backingStore>`],
    ['a shared one', '<shareable/>'],
    ['another format', `<driver type='vmdk'/>`],
  ])('is looked for nowhere for a disk that no move copies: %s', (_what, more) => {
    const onH1 = mapStorage('h1', { ...common, storages: [] }, [poolOf('default', '/images', '')]);
    const devices = `<disk type='file' device='disk'><source file='/images/a'/>${more}</disk>`;
    const { disk } = readDomain(guestXml({ devices })).devices;
    expect(disk.map((one) => onH1.copyOf(one, bytes(GIB)))).toEqual([{ copyNames: [] }]);
  });

  it('of a storage that several hosts reach is the most that any of them has seen', () => {
    const answered = (id: string, free: number): HostAnswer => {
      const own = identity(id);
      const pools = [poolOf('vms', '/srv', SIZES.replace('400', String(free)))];
      const storage = mapStorage(id, { ...common, storages: [] }, pools);
      const facts = { ...hostFacts(id), storages: [storageId('nfs')] };
      return {
        kind: 'answered',
        host: own,
        inventory: {
          survey: { ...survey(id), facts, storage },
          guests: [],
          unread: [],
          problems: [],
        },
      };
    };
    const { storages } = mergeInventories([answered('h1', 300), answered('h2', 200)]);
    expect(storages).toEqual([{ id: 'nfs', shared: true, capacityBytes: 900, freeBytes: 300 }]);
  });
});

it('names networks and interfaces by what guests ask for', () => {
  const network = `<network><name>default</name><bridge name='virbr0' stp='on'/></network>`;
  expect(readNetwork(network)).toEqual(['network:default', 'bridge:virbr0']);
  expect(readInterface(`<interface type='bridge' name='br7'/>`)).toBe('bridge:br7');
  expect(readInterface(`<interface type='ethernet' name='eth1'/>`)).toBe('direct:eth1');
});
