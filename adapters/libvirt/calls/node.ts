/** What can be asked of a host as a whole: thin, typed steps over the C API. */

import { uuidOf } from './domain.ts';
import {
  BASELINE_EXPAND_FEATURES,
  COMPARE_FAIL_INCOMPATIBLE,
  ERROR,
  LIST_ACTIVE,
  STATS_FLAGS,
} from '../native/constants.ts';
import { isLibvirtError } from '../native/errors.ts';
import type { Session } from '../native/session.ts';
import type { FunctionName, Memory, Pointer } from '../native/signatures.ts';
import type { TypedParams } from '../native/typed-params.ts';

/** virNodeInfo, counted as libvirt does. */
export interface NodeInfo {
  readonly threads: number;
  readonly megahertz: number;
  readonly sockets: number;
  readonly cores: number;
}

/** What a virtual machine is started with: the key of libvirt's CPU and device capabilities. */
export interface VirtualPlatform {
  readonly emulator: string | null;
  readonly arch: string;
  readonly machine: string | null;
  /** kvm, qemu (software emulation) or xen. */
  readonly type: string;
}

export interface DomainStats {
  readonly uuid: string;
  readonly stats: TypedParams;
}

/** Hypervisor version as a number: major × 1,000,000 + minor × 1,000 + release. */
export async function versionOf(session: Session): Promise<number> {
  const version = new BigUint64Array(1);
  await session.int('virConnectGetVersion', session.connection, version);
  return Number(version[0] ?? 0n);
}

/** The daemon's own, as 1,000,000 × major + 1,000 × minor + patch. */
export async function libraryVersionOf(session: Session): Promise<number> {
  const version = new BigUint64Array(1);
  await session.int('virConnectGetLibVersion', session.connection, version);
  return Number(version[0] ?? 0n);
}

export function capabilitiesOf(session: Session): Promise<string> {
  return session.text('virConnectGetCapabilities', session.connection);
}

export function domainCapabilitiesOf(session: Session, on: VirtualPlatform): Promise<string> {
  const { emulator, arch, machine, type } = on;
  const connection = session.connection;
  return session.text(
    'virConnectGetDomainCapabilities',
    connection,
    emulator,
    arch,
    machine,
    type,
    0,
  );
}

/** virNodeInfo: char model[32]; ulong memory; uint cpus, mhz, nodes, sockets, cores, threads. */
export async function nodeInfoOf(session: Session): Promise<NodeInfo> {
  const memory = Buffer.alloc(64);
  await session.int('virNodeGetInfo', session.connection, memory);
  const [threads = 0, megahertz = 0, nodes = 0, sockets = 0, cores = 0] = [0, 1, 2, 3, 4].map(
    (index) => memory.readUInt32LE(40 + 4 * index),
  );
  return { threads, megahertz, sockets: nodes * sockets, cores: nodes * sockets * cores };
}

/** Memory of the host by name, in KiB: total, free, buffers, cached. */
export function nodeMemoryOf(session: Session): Promise<Readonly<Record<string, number>>> {
  return nodeStats(session, 'virNodeGetMemoryStats');
}

/** CPU time of the whole host by kind, in nanoseconds: user, kernel, idle, iowait. */
export function nodeCpuTimeOf(session: Session): Promise<Readonly<Record<string, number>>> {
  return nodeStats(session, 'virNodeGetCPUStats');
}

async function nodeStats(
  session: Session,
  name: 'virNodeGetMemoryStats' | 'virNodeGetCPUStats',
): Promise<Readonly<Record<string, number>>> {
  const all = -1; // VIR_NODE_CPU_STATS_ALL_CPUS, VIR_NODE_MEMORY_STATS_ALL_CELLS
  const entryBytes = 88; // char field[80]; unsigned long long value
  const count = new Int32Array(1);
  await session.int(name, session.connection, all, null, count, 0);
  const total = count[0] ?? 0;
  const memory = Buffer.alloc(entryBytes * total);
  await session.int(name, session.connection, all, memory, count, 0);
  const stats: Record<string, number> = {};
  for (let start = 0; start < memory.length; start += entryBytes) {
    const field = memory.toString('latin1', start, start + 80).split('\0', 1)[0] ?? '';
    stats[field] = Number(memory.readBigUInt64LE(start + 80));
  }
  return stats;
}

/** Statistics of all running domains. */
export async function allStatsOf(session: Session, groups: number): Promise<DomainStats[]> {
  const { library, connection } = session;
  const list = new BigUint64Array(1);
  const flags = STATS_FLAGS.active | STATS_FLAGS.noWait;
  const count = await session.int('virConnectGetAllDomainStats', connection, groups, list, flags);
  const address = list[0] ?? 0n;
  try {
    return library.pointersAt(address, count).map((record) => {
      const memory = library.view(record, 24); // virDomainPtr dom; virTypedParameterPtr; int
      const params = memory.getBigUint64(8, true);
      return {
        uuid: uuidOf(session, memory.getBigUint64(0, true)),
        stats: library.typedParamsAt(params, memory.getInt32(16, true)),
      };
    });
  } finally {
    library.now('virDomainStatsRecordListFree', address);
  }
}

/** UUIDs of all domains that this host knows, running or only defined. */
export async function domainsOf(session: Session): Promise<string[]> {
  const { library } = session;
  const list = new BigUint64Array(1);
  const count = await session.int('virConnectListAllDomains', session.connection, list, 0);
  const address = list[0] ?? 0n;
  const uuids = library.pointersAt(address, count).map((handle) => {
    const uuid = uuidOf(session, handle);
    library.now('virDomainFree', handle);
    return uuid;
  });
  library.free(address);
  return uuids;
}

/**
 * A CPU description with every feature spelled out that it has on this host. Only what the host
 * can give survives, so it has to be asked of the host on which the guest runs.
 */
export async function expandCpu(
  session: Session,
  on: VirtualPlatform,
  cpuXml: string,
): Promise<string> {
  const text = Buffer.from(`${cpuXml}\0`, 'utf8');
  const { emulator, arch, machine, type } = on;
  return session.library.withAddressOf(text, (address) =>
    session.text(
      'virConnectBaselineHypervisorCPU',
      session.connection,
      emulator,
      arch,
      machine,
      type,
      new BigUint64Array([address]),
      1,
      BASELINE_EXPAND_FEATURES,
    ),
  );
}

/** Undefined: this host can give that CPU. Otherwise why not, in libvirt's words. */
export async function compareCpu(
  session: Session,
  on: VirtualPlatform,
  cpuXml: string,
): Promise<string | undefined> {
  const { emulator, arch, machine, type } = on;
  try {
    await session.int(
      'virConnectCompareHypervisorCPU',
      session.connection,
      emulator,
      arch,
      machine,
      type,
      cpuXml,
      COMPARE_FAIL_INCOMPATIBLE,
    );
    return undefined;
  } catch (error) {
    if (isLibvirtError(error, ERROR.cpuIncompatible) && error instanceof Error) {
      return error.message;
    }
    throw error;
  }
}

/** Free huge pages of one size, over all NUMA cells. */
export async function freePagesOf(
  session: Session,
  pageKib: number,
  cells: number,
): Promise<number> {
  const counts = new BigUint64Array(cells);
  const sizes = new Uint32Array([pageKib]);
  await session.int('virNodeGetFreePages', session.connection, 1, sizes, 0, cells, counts, 0);
  return Number(counts.reduce((sum, count) => sum + count, 0n));
}

/** XML of the active storage pools; undefined where the host has no storage driver. */
export function poolsOf(session: Session): Promise<string[] | undefined> {
  return listXml(session, {
    list: 'virConnectListAllStoragePools',
    xml: 'virStoragePoolGetXMLDesc',
    free: 'virStoragePoolFree',
    flags: LIST_ACTIVE.pools,
  });
}

/** XML of the active virtual networks; undefined where the host has no network driver. */
export function networksOf(session: Session): Promise<string[] | undefined> {
  return listXml(session, {
    list: 'virConnectListAllNetworks',
    xml: 'virNetworkGetXMLDesc',
    free: 'virNetworkFree',
    flags: LIST_ACTIVE.networks,
  });
}

/** XML of the host's active interfaces; undefined where it has no interface driver. */
export function interfacesOf(session: Session): Promise<string[] | undefined> {
  return listXml(session, {
    list: 'virConnectListAllInterfaces',
    xml: 'virInterfaceGetXMLDesc',
    free: 'virInterfaceFree',
    flags: LIST_ACTIVE.interfaces,
  });
}

interface ObjectFunctions {
  readonly list: Extract<FunctionName, `virConnectListAll${string}`>;
  readonly xml: Extract<FunctionName, `vir${'StoragePool' | 'Network' | 'Interface'}GetXMLDesc`>;
  readonly free: Extract<FunctionName, `vir${'StoragePool' | 'Network' | 'Interface'}Free`>;
  readonly flags: number;
}

async function listXml(
  session: Session,
  functions: ObjectFunctions,
): Promise<string[] | undefined> {
  const { library } = session;
  const list: Memory = new BigUint64Array(1);
  let count: number;
  try {
    count = await session.int(functions.list, session.connection, list, functions.flags);
  } catch (error) {
    if (isLibvirtError(error, ERROR.noSupport)) return undefined;
    throw error;
  }
  const address = list[0] ?? 0n;
  const handles: Pointer[] = library.pointersAt(address, count);
  try {
    const texts: string[] = [];
    for (const handle of handles) texts.push(await session.text(functions.xml, handle, 0));
    return texts;
  } finally {
    for (const handle of handles) library.now(functions.free, handle);
    library.free(address);
  }
}
