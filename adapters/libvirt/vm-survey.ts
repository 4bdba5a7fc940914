/** Makes the port's description of one guest out of its live document and what its host can do. */

import { bytes, type Bytes } from '../../src/domain/units.ts';
import type { GuestCpu } from '../../src/domain/cpu.ts';
import { networkId, storageId, vmId, type HostId, type SourceId } from '../../src/domain/ids.ts';
import type { StatePlace, VmDisk, VmMedium } from '../../src/domain/vm.ts';
import type { VmFacts } from '../../src/ports/hypervisor.ts';
import { isHeld, powerStateOf, type DomainStatus } from './domain-status.ts';
import { hardwareOf } from './hardware.ts';
import type { HostSurvey } from './host-survey.ts';
import { mediumKind } from './medium.ts';
import type { LibvirtOptions } from './options.ts';
import type { StorageMap } from './storage-map.ts';
import { vendorOf, visibleFeatures } from './xml/cpu.ts';
import type { DomainDocument, InterfaceElement } from './xml/domain.ts';

export interface GuestContext {
  readonly source: SourceId;
  readonly host: HostId;
  readonly survey: HostSurvey;
  readonly options: LibvirtOptions;
  readonly status: DomainStatus;
  /** Capacity in bytes of each disk, by its target name (vda). */
  readonly diskBytes: ReadonlyMap<string, number>;
  /** Every feature that the guest can see; undefined: could not be found out. */
  readonly features: readonly string[] | undefined;
}

export function describeGuest(document: DomainDocument, context: GuestContext): VmFacts {
  const { status, options, survey, diskBytes } = context;
  const { metadata, title } = document;
  const { disk } = document.devices;
  return {
    id: vmId(document.uuid),
    name: document.name,
    source: context.source,
    host: context.host,
    vcpus: document.vcpus,
    memoryBytes: bytes(document.memoryBytes),
    overheadBytes: overheadOf(document, options.overhead),
    hugePageBytes: hugePageOf(document, survey),
    cpu: guestCpu(document, context),
    machineType: document.machineType,
    firmware: firmwareOf(document, survey),
    ...needsOf(document, survey.storage, diskBytes),
    powerState: powerStateOf(status),
    labels: title === undefined ? metadata.labels : { title, ...metadata.labels },
    managedBy: metadata.managedBy,
    locked: isHeld(status) || disk.some((one) => one.mirror !== undefined),
  };
}

type Needs = Pick<VmFacts, 'confidential' | 'disks' | 'media' | 'networks' | 'devices'>;

/** What it has to find on every host that it runs on; `storage` is that of the one it is on. */
export function needsOf(
  document: DomainDocument,
  storage: StorageMap,
  diskBytes: GuestContext['diskBytes'] = new Map(),
): Needs {
  return {
    confidential: confidentialOf(document.launchSecurity),
    disks: disksOf(document, storage, diskBytes),
    media: mediaOf(document, storage),
    networks: [...new Set(document.devices.interface.flatMap(networkOf))].sort().map(networkId),
    devices: hardwareOf(document, storage),
  };
}

function overheadOf(document: DomainDocument, overhead: LibvirtOptions['overhead']): Bytes {
  const { fixedBytes, perVcpuBytes, memoryShare } = overhead;
  const sum = fixedBytes + perVcpuBytes * document.vcpus + document.memoryBytes * memoryShare;
  return bytes(Math.ceil(sum));
}

const DEFAULT_HUGE_PAGE_BYTES = 2 * 1024 * 1024;

function hugePageOf({ hugePages }: DomainDocument, survey: HostSurvey): Bytes | undefined {
  if (hugePages === undefined) return undefined;
  // No size named: the default of the host, which for x86 and arm is its smallest.
  const smallest = survey.capabilities.hugePages[0]?.pageBytes ?? DEFAULT_HUGE_PAGE_BYTES;
  return bytes(hugePages[0] ?? smallest);
}

function guestCpu(document: DomainDocument, context: GuestContext): GuestCpu {
  const { survey, features, options } = context;
  const { cpu } = document;
  const host = survey.facts.cpu;
  const common = {
    baseline: undefined,
    invariantTsc: features?.includes('invtsc') ?? mayHaveInvariantTsc(cpu),
    nested:
      options.nestedGuests === 'pinned' &&
      (features ?? ['vmx']).some((name) => name === 'vmx' || name === 'svm'),
  };
  const mode = cpu?.['@mode'];
  const isWhole = mode === 'host-passthrough' || mode === 'maximum';
  if (isWhole || (cpu === undefined && document.type === 'xen')) {
    const { vendor, model } = host;
    return { ...common, mode: 'passthrough', vendor, model, features: undefined };
  }
  if (mode === 'host-model') {
    const { vendor, model } = host;
    return { ...common, mode: 'host-model', vendor, model, features };
  }
  if (cpu?.model === undefined) {
    return { ...common, mode: 'unknown', vendor: undefined, model: undefined, features: undefined };
  }
  const vendor = vendorOf(cpu.vendor) ?? modelVendor(document, survey) ?? host.vendor;
  return { ...common, mode: 'named', vendor, model: cpu.model, features };
}

/** Of a CPU that nobody can spell out: asked for by name, or with all that does not migrate. */
function mayHaveInvariantTsc(cpu: DomainDocument['cpu']): boolean {
  if (cpu === undefined) return false;
  return cpu['@migratable'] === 'off' || visibleFeatures(cpu).includes('invtsc');
}

/**
 * Under KVM a named model shows the vendor of the machine it was started on; under software
 * emulation that of the model, where it has one.
 */
function modelVendor({ type, cpu }: DomainDocument, { guests }: HostSurvey): GuestCpu['vendor'] {
  return type === 'qemu' ? vendorOf(guests.vendors.get(cpu?.model ?? '')) : undefined;
}

function firmwareOf(document: DomainDocument, { storage }: HostSurvey): VmFacts['firmware'] {
  const { uefi, nvram } = document.firmware;
  // Of what lies in no file nobody knows that another host reaches it.
  const place = (path: string | undefined): StatePlace =>
    path !== undefined && storage.placeOfPath(path).shared ? 'shared' : 'local';
  const tpm = tpmStateOf(document);
  return {
    kind: uefi ? 'uefi' : 'bios',
    nvram: nvram === undefined ? 'none' : place(nvram.path),
    tpm: tpm === undefined ? 'none' : place(tpm),
  };
}

/** Where the state of its emulated TPM lies: libvirt's built-in path, unless another is named. */
export function tpmStateOf({ uuid, devices }: DomainDocument): string | undefined {
  const emulated = devices.tpm.find((one) => one.backend?.['@type'] === 'emulator');
  if (emulated === undefined) return undefined;
  return emulated.backend?.source?.['@path'] ?? `/var/lib/libvirt/swtpm/${uuid}`;
}

/** Other hosts use the very same: whoever removes it here takes it from the guest. */
export function isTpmStateShared(document: DomainDocument, storage: StorageMap): boolean {
  const path = tpmStateOf(document);
  return path !== undefined && storage.placeOfPath(path).shared;
}

function confidentialOf(type: string | undefined): VmFacts['confidential'] {
  if (type === undefined) return 'none';
  if (type.startsWith('sev')) return 'sev';
  return type === 'tdx' ? 'tdx' : 'other';
}

function disksOf(
  document: DomainDocument,
  map: StorageMap,
  diskBytes: GuestContext['diskBytes'],
): VmDisk[] {
  return document.devices.disk.flatMap((disk) => {
    const place = map.placeOfDisk(disk);
    if (place === undefined || mediumKind(disk) !== undefined) return [];
    const capacity = diskBytes.get(disk.target?.['@dev'] ?? '');
    const { storage, shared } = place;
    const copy = map.copyOf(disk, capacity);
    return [{ storage: storageId(storage), bytes: bytes(capacity ?? 0), shared, ...copy }];
  });
}

/** libvirt leaves out what is declared optional where it is missing, also in mid-move. */
function mediaOf(document: DomainDocument, storage: StorageMap): VmMedium[] {
  return document.devices.disk.flatMap((disk) => {
    const kind = mediumKind(disk);
    const place = storage.placeOfDisk(disk);
    const { source } = disk;
    if (kind === undefined || place === undefined) return [];
    if (source?.['@startupPolicy'] === 'optional') return [];
    const path = source?.['@file'] ?? source?.['@dev'] ?? source?.['@volume'] ?? source?.['@name'];
    const name = path?.split('/').at(-1) ?? disk.target?.['@dev'] ?? kind;
    return [{ kind, name, storage: storageId(place.storage), shared: place.shared }];
  });
}

/**
 * Ids of the networks that an interface needs; user-mode networking needs none, nor does what is
 * judged as a device. What another kind is plugged into (ethernet, vhostuser) only the host's
 * operator knows: it needs a network by the name of the kind.
 */
function networkOf({ '@type': type, source }: InterfaceElement): string[] {
  switch (type) {
    case 'network':
      return source?.['@network'] === undefined ? [] : [`network:${source['@network']}`];
    case 'bridge':
      return source?.['@bridge'] === undefined ? [] : [`bridge:${source['@bridge']}`];
    case 'direct':
      return source?.['@dev'] === undefined ? [] : [`direct:${source['@dev']}`];
    case 'user':
    case 'null':
    case 'hostdev':
    case 'vdpa':
      return [];
    default:
      return [type];
  }
}
