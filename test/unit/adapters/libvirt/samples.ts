// Role: small libvirt documents for the adapter's unit tests, in the form that libvirt 11.3 gives
// them, with only the parts that matter.
import type { HostIdentity, HostSurvey } from '../../../../adapters/libvirt/host-survey.ts';
import { libvirtOptions, type LibvirtOptionsInput } from '../../../../adapters/libvirt/options.ts';
import { mapStorage } from '../../../../adapters/libvirt/storage-map.ts';
import type { FoundGuest } from '../../../../adapters/libvirt/host.ts';
import { describeGuest, type GuestContext } from '../../../../adapters/libvirt/vm-survey.ts';
import { NO_JOB, type DomainStatus } from '../../../../adapters/libvirt/domain-status.ts';
import { readDomain } from '../../../../adapters/libvirt/xml/domain.ts';
import { hostId, sourceId, storageId } from '../../../../src/domain/ids.ts';
import { bytes, bytesPerSecond, GIB, ratio } from '../../../../src/domain/units.ts';
import type { HostFacts, Sighting } from '../../../../src/ports/hypervisor.ts';

export const UUID = '6f0c0d5e-5a43-4a53-9b0e-0f5d1a7c1b01';
export const SOURCE = sourceId('kvm');

export function guestXml(parts: {
  readonly devices?: string;
  readonly cpu?: string;
  readonly os?: string;
  readonly more?: string;
  readonly type?: string;
}): string {
  const cpu =
    parts.cpu ??
    `<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>qemu64</model>
      <feature policy='require' name='hypervisor'/><feature policy='disable' name='svm'/></cpu>`;
  return `<domain type='${parts.type ?? 'kvm'}' id='3'>
    <name>web &amp; mail</name><uuid>${UUID}</uuid>
    <memory unit='KiB'>2097152</memory><currentMemory unit='KiB'>1048576</currentMemory>
    <vcpu placement='static' current='2'>4</vcpu>
    <os>${parts.os ?? ''}<type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
    ${cpu}${parts.more ?? ''}
    <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>${parts.devices ?? ''}</devices>
  </domain>`;
}

export const RUNNING: DomainStatus = { state: 1, reason: 1, job: NO_JOB };

export function options(input: Partial<LibvirtOptionsInput> = {}) {
  return libvirtOptions.parse({ hosts: [{ uri: 'qemu+tls://h1/system' }], ...input });
}

export function identity(id: string, input: Partial<LibvirtOptionsInput> = {}): HostIdentity {
  const common = options({ hosts: [{ id, uri: `qemu+tls://${id}/system` }], ...input });
  const [own] = common.hosts;
  if (own === undefined) throw new Error('no host');
  return { source: SOURCE, kind: 'kvm', id: hostId(id), own, common };
}

export function hostFacts(id: string): HostFacts {
  return {
    id: hostId(id),
    name: id,
    source: SOURCE,
    site: undefined,
    cluster: undefined,
    faultDomains: {},
    connection: 'connected',
    cpu: {
      arch: 'x86_64',
      vendor: 'amd',
      model: 'EPYC',
      level: 'x86-64-v3',
      features: ['avx', 'avx2'],
      sockets: 1,
      cores: 8,
      threads: 16,
      coreSpeed: ratio(1),
      baseline: undefined,
    },
    memory: { totalBytes: bytes(64 * GIB), reservedBytes: bytes(GIB), hugePages: [] },
    networks: [],
    storages: [storageId(`local@${id}`)],
    migrationBandwidth: bytesPerSecond(125_000_000),
    devices: [],
    hypervisor: { kind: 'kvm', version: '10.0.2', machineTypes: ['pc-q35-10.0'] },
    power: undefined,
    labels: {},
  };
}

export function survey(id: string, input: Partial<LibvirtOptionsInput> = {}): HostSurvey {
  const { common } = identity(id, input);
  return {
    facts: hostFacts(id),
    platform: { emulator: null, arch: 'x86_64', machine: null, type: 'kvm' },
    capabilities: {
      arch: 'x86_64',
      cpu: { model: 'EPYC', vendor: 'AMD' },
      cpuFeatures: [],
      processors: undefined,
      numaCells: 1,
      hugePages: [],
      machineTypes: ['pc-q35-10.0'],
      platforms: [],
    },
    guests: { emulator: undefined, hostModel: undefined, vendors: new Map([['Nehalem', 'Intel']]) },
    storage: mapStorage(id, { ...common, storages: [] }, []),
    keepsTpmState: true,
  };
}

/** The guest of {@link guestXml} as found on a host. */
export function found(
  host: string,
  state: Sighting['state'],
  context: Partial<GuestContext> = {},
  xml = guestXml({}),
): FoundGuest {
  const vm = describeGuest(readDomain(xml), {
    source: SOURCE,
    host: hostId(host),
    survey: survey(host),
    options: options(),
    status: RUNNING,
    diskBytes: new Map(),
    features: ['hypervisor', 'sse2'],
    ...context,
  });
  return { vm, sighting: { host: hostId(host), state, persistent: true } };
}
