// Role: what a host's own documents become, storage and networks included.
import { describe, expect, it } from 'vitest';

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
import { GIB, MIB } from '../../../../src/domain/units.ts';
import { guestXml, options } from './samples.ts';

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
    readPool(`<pool type='netfs'><name>iso</name><target><path>/mnt/iso</path></target></pool>`),
  ];
  const onH1 = mapStorage('h1', { ...common, storages: ['tape'] }, pools);
  const onH2 = mapStorage('h2', { ...common, storages: [] }, pools);

  it('is shared where declared or by the type of the pool, else the host’s own', () => {
    expect(onH1.placeOfPath('/srv/a.img')).toEqual({ storage: 'nfs', shared: true });
    expect(onH1.placeOfPath('/srvx/a.img')).toEqual({ storage: 'local@h1', shared: false });
    expect(onH1.placeOfPath('/var/images/a')).toEqual({ storage: 'pool:images@h1', shared: false });
    expect(onH1.placeOfPath('/mnt/iso/a.iso')).toEqual({ storage: 'pool:iso', shared: true });
  });

  it('is that of the deepest folder, and only where the host reaches it', () => {
    expect(onH2.placeOfPath('/srv/fast/a.img').storage).toBe('fast');
    expect(onH1.placeOfPath('/srv/fast/a.img').storage).toBe('nfs');
    expect(onH1.reach.map(({ storage }) => storage)).toEqual([
      'local@h1',
      'nfs',
      'pool:images@h1',
      'pool:iso',
      'tape',
    ]);
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

it('names networks and interfaces by what guests ask for', () => {
  const network = `<network><name>default</name><bridge name='virbr0' stp='on'/></network>`;
  expect(readNetwork(network)).toEqual(['network:default', 'bridge:virbr0']);
  expect(readInterface(`<interface type='bridge' name='br7'/>`)).toBe('bridge:br7');
  expect(readInterface(`<interface type='ethernet' name='eth1'/>`)).toBe('direct:eth1');
});
