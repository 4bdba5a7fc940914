// Role: what a guest's live document becomes in the port's terms.
import { describe, expect, it } from 'vitest';

import type { GuestContext } from '../../../../adapters/libvirt/vm-survey.ts';
import { readDomain } from '../../../../adapters/libvirt/xml/domain.ts';
import { DocumentError } from '../../../../adapters/libvirt/xml/document.ts';
import { copySize } from '../../../../src/domain/disks.ts';
import { GIB, MIB } from '../../../../src/domain/units.ts';
import { found, guestXml, options, survey, UUID } from './samples.ts';

function vmOf(parts: Parameters<typeof guestXml>[0], context: Partial<GuestContext> = {}) {
  return found('h1', 'running', context, guestXml(parts)).vm;
}

const DISK = `<disk type='file' device='disk'><source file='/srv/nfs/a.img' index='1'/>
  <target dev='vda' bus='virtio'/></disk>`;

describe('a guest of libvirt', () => {
  it('has the name, size and machine type that it runs with', () => {
    expect(vmOf({})).toMatchObject({
      id: UUID,
      name: 'web & mail',
      vcpus: 2,
      memoryBytes: 2 * GIB,
      overheadBytes: 96 * MIB + 2 * 8 * MIB + 4 * MIB,
      machineType: 'pc-q35-10.0',
      firmware: { kind: 'bios', nvram: 'none', tpm: 'none' },
      powerState: 'running',
      locked: false,
      confidential: 'none',
    });
  });

  it('takes labels of Drover’s namespace whatever the prefix, and the title', () => {
    const more = `<title>Front end</title><metadata>
      <d:labels xmlns:d="urn:drover:labels:1"><d:label name='tier' value='gold'/></d:labels>
      <x:labels xmlns:x="urn:else"><x:label name='tier' value='lead'/></x:labels></metadata>`;
    expect(vmOf({ more }).labels).toEqual({ title: 'Front end', tier: 'gold' });
    expect(vmOf({ more }).managedBy).toBeUndefined();
    const city = more.replace("'gold'", '"M&#xFC;nchen &amp; &#75;&#xF6;ln"');
    expect(vmOf({ more: city }).labels).toMatchObject({ tier: 'München & Köln' });
  });

  it.each([
    ['http://openstack.org/xmlns/libvirt/nova/1.1', 'openstack'],
    ['http://ovirt.org/vm/1.0', 'ovirt'],
    ['http://kubevirt.io', 'kubevirt'],
    ['http://opennebula.org/xmlns/libvirt/1.0', 'opennebula'],
    ['http://libosinfo.org/xmlns/libvirt/domain/1.0', undefined],
  ])('belongs to the manager whose metadata it carries: %s', (namespace, manager) => {
    const more = `<metadata><m:instance xmlns:m="${namespace}"><m:flavor/>
      </m:instance></metadata>`;
    expect(vmOf({ more }).managedBy).toBe(manager);
  });

  it('finds the storage of every disk and its size, or that nobody says', () => {
    const common = { sharedStorages: [{ id: 'nfs', paths: ['/srv/nfs'] }] };
    const diskBytes = new Map([['vda', 5 * GIB]]);
    const context = { survey: survey('h1', common), diskBytes };
    const local = DISK.replace('/srv/nfs/a.img', '/srv/nfs2/b.img')
      .replace('vda', 'vdb')
      .replace('<source', `<driver type='qcow2'/><source`);
    const empty = `<disk type='file' device='cdrom'><target dev='sda'/></disk>`;
    const { disks } = vmOf({ devices: DISK + local + empty }, context);
    expect(disks).toEqual([
      expect.objectContaining({ storage: 'nfs', bytes: 5 * GIB, shared: true }),
      expect.objectContaining({ storage: 'local@h1', bytes: 0, shared: false }),
    ]);
    // Not the little that a qcow2 image takes by itself.
    expect(disks.map(copySize)).toEqual([expect.any(Number), undefined]);
  });

  it('has a disk where the whole chain of its images is, not only the uppermost', () => {
    const sharedStorages = [{ id: 'nfs', paths: ['/srv/nfs'] }];
    const context = { survey: survey('h1', { sharedStorages }) };
    const below = (source: string, more = '<backingStore/>'): string =>
      `<backingStore type='file'><format type='qcow2'/>${source}${more}</backingStore>`;
    const placeOf = (chain: string) => {
      const devices = DISK.replace('<target', `${chain}<target`);
      return vmOf({ devices }, context).disks.map(({ storage, shared }) => ({ storage, shared }));
    };
    const nfs = { storage: 'nfs', shared: true };
    const local = { storage: 'local@h1', shared: false };
    const [there, here] = ['/srv/nfs/b', '/var/b'].map((file) => `<source file='${file}'/>`);
    expect(placeOf('<backingStore/>')).toEqual([nfs]);
    expect(placeOf(below(there ?? ''))).toEqual([nfs]);
    expect(placeOf(below(here ?? ''))).toEqual([local]);
    expect(placeOf(below(there ?? '', below(here ?? '')))).toEqual([local]);
    // Of what nobody names nobody knows that another host has it.
    expect(placeOf(below(there ?? '', below('')))).toEqual([local]);
  });

  it('tells what lies in its drives apart from its disks, unless libvirt would do without', () => {
    const context = {
      survey: survey('h1', { sharedStorages: [{ id: 'nfs', paths: ['/srv/nfs'] }] }),
    };
    const drive = (device: string, source: string): string =>
      `<disk type='file' device='${device}'><source ${source}/><target dev='sda'/></disk>`;
    const devices = [
      DISK,
      drive('cdrom', `file='/var/lib/libvirt/images/debian-13.iso'`),
      drive('cdrom', `file='/srv/nfs/drivers.iso'`),
      drive('cdrom', `dev='/dev/sr0'`),
      drive('cdrom', `file='/tmp/optional.iso' startupPolicy='optional'`),
      drive('floppy', `file='/tmp/answers.img' startupPolicy='requisite'`),
    ].join('');
    const vm = vmOf({ devices }, context);
    expect(vm.disks).toHaveLength(1);
    expect(vm.media).toEqual([
      { kind: 'cdrom', name: 'debian-13.iso', storage: 'local@h1', shared: false },
      { kind: 'cdrom', name: 'drivers.iso', storage: 'nfs', shared: true },
      { kind: 'cdrom', name: 'sr0', storage: 'local@h1', shared: false },
      { kind: 'floppy', name: 'answers.img', storage: 'local@h1', shared: false },
    ]);
  });

  it('is locked while a disk is copied or a backup runs', () => {
    const mirrored = DISK.replace('</disk>', `<mirror type='file' job='copy'/></disk>`);
    expect(vmOf({ devices: mirrored }).locked).toBe(true);
    const backup = { type: 2, operation: 9, stats: {} };
    expect(vmOf({}, { status: { state: 1, reason: 1, job: backup } }).locked).toBe(true);
    const moving = { type: 2, operation: 5, stats: {} };
    expect(vmOf({}, { status: { state: 1, reason: 1, job: moving } }).locked).toBe(false);
  });

  it('names the networks that it needs', () => {
    const devices = `<interface type='bridge'><source bridge='br7'/></interface>
      <interface type='network'><source network='default' bridge='virbr0'/></interface>
      <interface type='bridge'><source bridge='br7'/></interface>
      <interface type='user'/>`;
    expect(vmOf({ devices }).networks).toEqual(['bridge:br7', 'network:default']);
  });

  it('needs a network that hosts have only where it is listed, of an interface unheard of', () => {
    const devices = `<interface type='vhostuser'><source type='unix' path='/tmp/v'/></interface>
      <interface type='ethernet'><target dev='tap7'/></interface>`;
    expect(vmOf({ devices }).networks).toEqual(['ethernet', 'vhostuser']);
  });

  it('has no disk anywhere else whose kind nobody here knows', () => {
    const devices = `<disk type='nvme' device='disk'>
        <source type='pci' managed='yes' namespace='1'><address bus='0x01' slot='0x00'/></source>
        <target dev='vda' bus='virtio'/></disk>
      <disk type='vhostuser' device='disk'><source type='unix' path='/tmp/blk'/>
        <target dev='vdb' bus='virtio'/></disk>
      <disk type='file' device='cdrom'><source startupPolicy='optional'/>
        <target dev='sda' bus='sata'/></disk>`;
    const vm = vmOf({ devices });
    const local = { storage: 'local@h1', shared: false };
    expect(vm.disks).toMatchObject([local, local]);
    expect(vm.disks.flatMap(({ copyNames }) => copyNames ?? [])).toEqual([]);
    expect(vm.media).toEqual([]);
    expect(vm.devices).toEqual([
      { kind: 'other', id: 'nvme:vda', migratable: false },
      { kind: 'other', id: 'vhostuser:vdb', migratable: false },
    ]);
  });

  it.each([
    [true, `<cpu mode='host-passthrough'><feature policy='require' name='invtsc'/></cpu>`],
    [true, `<cpu mode='host-passthrough' migratable='off'/>`],
    [false, `<cpu mode='host-passthrough' migratable='on'/>`],
    [false, `<cpu mode='host-passthrough'><feature policy='disable' name='invtsc'/></cpu>`],
  ])(
    'is told to have an invariant clock or not (%s) also where it is passed through',
    (has, cpu) => {
      expect(vmOf({ cpu }, { features: undefined }).cpu.invariantTsc).toBe(has);
    },
  );

  it('lists what is passed through, and whether it can go along', () => {
    const address = `<address domain='0x0000' bus='0x3b' slot='0x00' function='0x1'/>`;
    const devices = `<hostdev mode='subsystem' type='pci'><source>${address}</source></hostdev>
      <interface type='hostdev'><source>${address}</source>
      <teaming type='transient' persistent='n'/></interface>
      <filesystem type='mount'><target dir='home'/></filesystem>`;
    expect(vmOf({ devices }).devices).toEqual([
      { kind: 'pci', id: '0000:3b:00.1', migratable: false },
      { kind: 'sriov', id: 'interface', migratable: true },
      { kind: 'other', id: 'filesystem:home', migratable: false },
    ]);
  });

  it('has what else of its host’s hardware it holds: TPM, lasting memory, serial ports', () => {
    const context = { survey: survey('h1', { sharedStorages: [{ id: 'nfs', paths: ['/srv'] }] }) };
    const devicesOf = (devices: string) => vmOf({ devices }, context).devices;
    const memory = (path: string): string => `<memory model='nvdimm'>
      <source><path>${path}</path></source><target><size>524288</size></target></memory>`;
    const serial = `<serial type='dev'><source path='/dev/ttyS0'/><target port='0'/></serial>`;
    const ids = (devices: string) => devicesOf(devices).map(({ id }) => id);
    expect(
      devicesOf(`<tpm model='tpm-crb'><backend type='passthrough'>
        <device path='/dev/tpm0'/></backend></tpm>`),
    ).toEqual([{ kind: 'other', id: 'tpm:/dev/tpm0', migratable: false }]);
    expect(ids(`<tpm><backend type='external'><source path='/run/t'/></backend></tpm>`)).toEqual([
      'tpm:external',
    ]);
    expect(ids(memory('/var/nvdimm0'))).toEqual(['nvdimm:/var/nvdimm0']);
    expect(ids(memory('/srv/nvdimm0') + `<memory model='dimm'><target/></memory>`)).toEqual([]);
    expect(ids(serial + serial.replaceAll('serial', 'console'))).toEqual(['dev:/dev/ttyS0']);
    expect(ids(`<parallel type='dev'><source path='/dev/parport0'/></parallel>`)).toEqual([
      'dev:/dev/parport0',
    ]);
    const harmless = `<serial type='pty'><source path='/dev/pts/3'/><target port='0'/></serial>
      <console type='pty' tty='/dev/pts/3'><source path='/dev/pts/3'/></console>
      <channel type='unix'><source mode='bind' path='/run/agent'/></channel>
      <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
      <memory model='virtio-mem'><target><block unit='KiB'>2048</block></target></memory>`;
    expect(ids(harmless)).toEqual([]);
  });

  it('sees firmware state, encryption and huge pages', () => {
    const os = `<loader readonly='yes' type='pflash'>/usr/share/OVMF/CODE.fd</loader>
      <nvram>/var/lib/libvirt/qemu/nvram/web_VARS.fd</nvram>`;
    const devices = `<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>`;
    const more = `<launchSecurity type='sev-snp'/>
      <memoryBacking><hugepages><page size='1' unit='GiB'/></hugepages></memoryBacking>`;
    expect(vmOf({ os, devices, more })).toMatchObject({
      firmware: { kind: 'uefi', nvram: 'local', tpm: 'local' },
      confidential: 'sev',
      hugePageBytes: GIB,
    });
    const ordinary = '<memoryBacking><hugepages/></memoryBacking>';
    expect(vmOf({ more: ordinary }).hugePageBytes).toBe(2 * MIB);
  });

  it('finds its NVRAM in all forms that libvirt has for it', () => {
    const context = {
      survey: survey('h1', { sharedStorages: [{ id: 'nfs', paths: ['/srv/nfs'] }] }),
    };
    const nvramOf = (os: string) => vmOf({ os }, context).firmware.nvram;
    const source = (type: string, attributes: string): string =>
      `<nvram type='${type}' template='/usr/share/VARS.fd'>\n <source ${attributes}/>\n</nvram>`;
    expect(nvramOf(source('file', `file='/var/lib/libvirt/qemu/nvram/x.fd'`))).toBe('local');
    expect(nvramOf(source('file', `file='/srv/nfs/x.fd'`))).toBe('shared');
    expect(nvramOf(source('block', `dev='/dev/vg/nv'`))).toBe('local');
    expect(nvramOf(source('network', `protocol='iscsi' name='iqn.x/0'`))).toBe('local');
    expect(nvramOf('<nvram>/srv/nfs/x.fd</nvram>')).toBe('shared');
    expect(nvramOf(`<nvram template='/usr/share/VARS.fd'/>`)).toBe('none');
  });
});

describe('a guest’s CPU', () => {
  it('is that of the live document, with the features libvirt spelled out', () => {
    expect(vmOf({}).cpu).toEqual({
      mode: 'named',
      vendor: 'amd',
      model: 'qemu64',
      features: ['hypervisor', 'sse2'],
      baseline: undefined,
      invariantTsc: false,
      nested: false,
    });
  });

  it('is compatible with nothing when its features could not be read', () => {
    expect(vmOf({}, { features: undefined }).cpu.features).toBeUndefined();
    expect(vmOf({ cpu: '' }).cpu.mode).toBe('unknown');
  });

  it('is the host’s own with passthrough, and by default on Xen', () => {
    const cpu = `<cpu mode='host-passthrough' check='none' migratable='on'/>`;
    expect(vmOf({ cpu }).cpu).toMatchObject({ mode: 'passthrough', vendor: 'amd', model: 'EPYC' });
    expect(vmOf({ cpu: '', type: 'xen' }).cpu.mode).toBe('passthrough');
  });

  it('has the model’s vendor under emulation and the host’s under KVM', () => {
    const cpu = `<cpu mode='custom'><model>Nehalem</model></cpu>`;
    expect(vmOf({ cpu, type: 'qemu' }).cpu.vendor).toBe('intel');
    expect(vmOf({ cpu }).cpu.vendor).toBe('amd');
    const own = `<cpu mode='custom'><model>Nehalem</model><vendor>Intel</vendor></cpu>`;
    expect(vmOf({ cpu: own }).cpu.vendor).toBe('intel');
  });

  it('pins guests that may nest only where the operator says so', () => {
    const features = ['svm', 'invtsc'];
    expect(vmOf({}, { features }).cpu).toMatchObject({ nested: false, invariantTsc: true });
    const pinned = { features, options: options({ nestedGuests: 'pinned' }) };
    expect(vmOf({}, pinned).cpu.nested).toBe(true);
  });
});

describe('a document that is not what libvirt gives', () => {
  it.each([
    ['cut off', '<domain type="kvm"><name>a</name>', /domain: /],
    ['without a UUID', guestXml({}).replace(/<uuid>.*<\/uuid>/, ''), /domain\/uuid/],
    ['with words for numbers', guestXml({}).replace('2097152', 'much'), /memory.*whole number/],
    ['in an unknown unit', guestXml({}).replace("'KiB'>2097", "'pt'>2097"), /unknown unit pt/],
    ['empty', '', /domain: /],
  ])('is refused with the place: %s', (_what, xml, message) => {
    expect(() => readDomain(xml)).toThrow(DocumentError);
    expect(() => readDomain(xml)).toThrow(message);
  });
});
