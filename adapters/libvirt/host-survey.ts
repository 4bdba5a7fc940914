/** Asks a host what it is, and makes the port's description of it. */

import {
  capabilitiesOf,
  domainCapabilitiesOf,
  expandCpu,
  interfacesOf,
  libraryVersionOf,
  networksOf,
  nodeInfoOf,
  nodeMemoryOf,
  poolsOf,
  versionOf,
  type VirtualPlatform,
} from './calls/node.ts';
import type { Session } from './native/session.ts';
import type { HostOptions, LibvirtOptions } from './options.ts';
import { mapStorage, type StorageMap } from './storage-map.ts';
import {
  readCapabilities,
  readDomainCapabilities,
  type GuestCapabilities,
  type HostCapabilities,
} from './xml/capabilities.ts';
import { byText, cpuXml, featuresOfExpanded, levelOf, vendorOf } from './xml/cpu.ts';
import { type Pool, readInterface, readNetwork, readPool } from './xml/reach.ts';
import type { HostCpu } from '../../src/domain/cpu.ts';
import type { HypervisorKind } from '../../src/domain/host.ts';
import {
  clusterId,
  networkId,
  siteId,
  storageId,
  type HostId,
  type SourceId,
} from '../../src/domain/ids.ts';
import { bytes, bytesPerSecond, ratio, watts } from '../../src/domain/units.ts';
import type { HostFacts } from '../../src/ports/hypervisor.ts';

export interface HostIdentity {
  readonly source: SourceId;
  readonly kind: HypervisorKind;
  readonly id: HostId;
  readonly own: HostOptions;
  readonly common: LibvirtOptions;
}

/** What a host said about itself. */
export interface HostSurvey {
  readonly facts: HostFacts;
  readonly platform: VirtualPlatform;
  readonly capabilities: HostCapabilities;
  readonly guests: GuestCapabilities;
  readonly storage: StorageMap;
  /** It can be told to keep the state of an emulated TPM when it removes a definition. */
  readonly keepsTpmState: boolean;
}

/** Since 8.9 libvirt knows VIR_DOMAIN_UNDEFINE_KEEP_TPM. */
const KEEPS_TPM_SINCE = 8_009_000;

export async function surveyHost(session: Session, host: HostIdentity): Promise<HostSurvey> {
  const capabilities = readCapabilities(await capabilitiesOf(session));
  const platform = platformOf(capabilities);
  const guests = readDomainCapabilities(await domainCapabilitiesOf(session, platform));
  const { own } = host;
  const { storage } = await surveyStorage(session, host);
  const memory = await nodeMemoryOf(session);
  const facts: HostFacts = {
    id: host.id,
    name: own.name ?? host.id,
    source: host.source,
    site: own.site === undefined ? undefined : siteId(own.site),
    cluster: own.cluster === undefined ? undefined : clusterId(own.cluster),
    faultDomains: own.faultDomains,
    connection: 'connected',
    cpu: await cpuOf(session, host, { capabilities, guests, platform }),
    memory: {
      // Not virNodeInfo's memory: that one may be wrong by a factor of two.
      totalBytes: bytes((memory['total'] ?? Number.NaN) * 1024),
      reservedBytes: bytes(Math.min(own.reservedMemoryBytes, (memory['total'] ?? 0) * 512)),
      hugePages: capabilities.hugePages.map((pool) => ({
        pageBytes: bytes(pool.pageBytes),
        totalBytes: bytes(pool.totalBytes),
      })),
    },
    networks: (await networkNamesOf(session, host)).map(networkId),
    storages: storage.reach.map((place) => storageId(place.storage)),
    copiesTo: storage.copiesTo,
    migrationBandwidth: bytesPerSecond(own.migrationBandwidthBytesPerSecond),
    uplink:
      own.uplink === undefined
        ? undefined
        : { id: own.uplink.id, bandwidth: bytesPerSecond(own.uplink.bandwidthBytesPerSecond) },
    devices: [],
    hypervisor: {
      kind: host.kind,
      version: versionText(await versionOf(session)),
      machineTypes: capabilities.machineTypes,
    },
    power:
      own.power === undefined
        ? undefined
        : { idle: watts(own.power.idleWatts), peak: watts(own.power.peakWatts) },
    labels: own.labels,
  };
  const keepsTpmState = (await libraryVersionOf(session)) >= KEEPS_TPM_SINCE;
  return { facts, platform, capabilities, guests, storage, keepsTpmState };
}

/** What storage a host has. */
export interface StorageSurvey {
  readonly pools: readonly Pool[];
  readonly storage: StorageMap;
}

export async function surveyStorage(session: Session, host: HostIdentity): Promise<StorageSurvey> {
  const pools = ((await poolsOf(session)) ?? []).map(readPool);
  return { pools, storage: storageOf(host, pools) };
}

/** What a host's storage is, if these are its pools. */
export function storageOf({ id, own, common }: HostIdentity, pools: readonly Pool[]): StorageMap {
  return mapStorage(id, { ...own, sharedStorages: common.sharedStorages }, pools);
}

/** Hardware virtualisation where the host has it. */
function platformOf(capabilities: HostCapabilities): VirtualPlatform {
  const { arch, platforms } = capabilities;
  const chosen =
    platforms.find((one) => one.type === 'kvm') ??
    platforms.find((one) => one.type === 'xen') ??
    platforms[0];
  return { emulator: null, arch, machine: null, type: chosen?.type ?? 'kvm' };
}

interface CpuSources {
  readonly capabilities: HostCapabilities;
  readonly guests: GuestCapabilities;
  readonly platform: VirtualPlatform;
}

/**
 * What guests can be given here: libvirt's host-model, every feature spelled out. Not the CPU of
 * the capabilities document, which says nothing about what QEMU accepts. Only where there is no
 * host-model at all (Xen) that one is all there is.
 */
async function cpuOf(session: Session, host: HostIdentity, from: CpuSources): Promise<HostCpu> {
  const { capabilities, guests, platform } = from;
  const { hostModel } = guests;
  const info = await nodeInfoOf(session);
  const { sockets, cores, threads } = capabilities.processors ?? info;
  const isXen = platform.type === 'xen';
  const own = isXen && capabilities.cpuFeatures.length > 0 ? capabilities.cpuFeatures : undefined;
  const features =
    hostModel === undefined
      ? own
      : featuresOfExpanded(await expandCpu(session, platform, cpuXml(hostModel)));
  return {
    arch: capabilities.arch,
    vendor: vendorOf(hostModel?.vendor ?? capabilities.cpu.vendor),
    model: hostModel?.model ?? (isXen ? capabilities.cpu.model : undefined),
    level: features === undefined ? undefined : levelOf(features),
    features,
    sockets,
    cores,
    threads,
    coreSpeed: ratio(host.own.coreSpeed),
    // libvirt enforces none.
    baseline: undefined,
  };
}

async function networkNamesOf(session: Session, host: HostIdentity): Promise<string[]> {
  const networks = ((await networksOf(session)) ?? []).flatMap(readNetwork);
  const interfaces = ((await interfacesOf(session)) ?? []).map(readInterface);
  const names = [...networks, ...interfaces, ...host.own.networks, ...host.common.networks];
  return [...new Set(names)].sort(byText);
}

function versionText(version: number): string {
  const major = Math.floor(version / 1_000_000);
  const minor = Math.floor(version / 1_000) % 1_000;
  return `${major}.${minor}.${version % 1_000}`;
}
