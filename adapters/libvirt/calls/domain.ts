/**
 * What can be asked of, and done to, one domain: thin, typed steps over the C API. Each takes the
 * session of one connection's turn and a handle that `withDomain` looked up and frees again.
 * No policy here: callers decide what a state means.
 */

import {
  AFFECT,
  ERROR,
  JOB_OPERATION,
  JOB_STATS,
  JOB_TYPE,
  MAX_SPEED,
  METADATA_ELEMENT,
  MIGRATE,
} from '../native/constants.ts';
import { isLibvirtError } from '../native/errors.ts';
import type { Session } from '../native/session.ts';
import type { Pointer } from '../native/signatures.ts';
import { numberIn, type TypedParams } from '../native/typed-params.ts';

/** A domain within one turn of a connection. */
export interface Domain {
  readonly session: Session;
  readonly handle: Pointer;
}

/** virDomainState and the reason that belongs to it. */
export interface DomainState {
  readonly state: number;
  readonly reason: number;
}

export interface DomainJob {
  /** virDomainJobType. */
  readonly type: number;
  /** virDomainJobOperation; undefined: libvirt did not say. */
  readonly operation: number | undefined;
  readonly stats: TypedParams;
}

/** Undefined where this host does not know the domain, or knows it no more. */
export async function withDomain<T>(
  session: Session,
  uuid: string,
  task: (domain: Domain) => Promise<T>,
): Promise<T | undefined> {
  let handle: Pointer;
  try {
    handle = await session.pointer('virDomainLookupByUUIDString', session.connection, uuid);
  } catch (error) {
    if (isLibvirtError(error, ERROR.noDomain)) return undefined;
    throw error;
  }
  try {
    return await task({ session, handle });
  } catch (error) {
    if (isLibvirtError(error, ERROR.noDomain)) return undefined;
    throw error;
  } finally {
    session.library.now('virDomainFree', handle);
  }
}

/** The domain of that name, whatever its UUID. */
export async function uuidByName(session: Session, name: string): Promise<string | undefined> {
  try {
    const handle = await session.pointer('virDomainLookupByName', session.connection, name);
    const uuid = uuidOf(session, handle);
    session.library.now('virDomainFree', handle);
    return uuid;
  } catch (error) {
    if (isLibvirtError(error, ERROR.noDomain)) return undefined;
    throw error;
  }
}

/** Does not ask the daemon: the handle knows. */
export function uuidOf(session: Session, handle: Pointer): string {
  const text = Buffer.alloc(37); // VIR_UUID_STRING_BUFLEN
  session.library.now('virDomainGetUUIDString', handle, text);
  return text.toString('latin1', 0, 36);
}

export async function stateOf({ session, handle }: Domain): Promise<DomainState> {
  const state = new Int32Array(1);
  const reason = new Int32Array(1);
  await session.int('virDomainGetState', handle, state, reason, 0);
  return { state: state[0] ?? 0, reason: reason[0] ?? 0 };
}

export function xmlOf({ session, handle }: Domain, flags: number): Promise<string> {
  return session.text('virDomainGetXMLDesc', handle, flags);
}

export async function isActive({ session, handle }: Domain): Promise<boolean> {
  return (await session.int('virDomainIsActive', handle)) === 1;
}

export async function isPersistent({ session, handle }: Domain): Promise<boolean> {
  return (await session.int('virDomainIsPersistent', handle)) === 1;
}

/** Whether the host starts it when it boots. A transient domain cannot have that. */
export async function autostartOf({ session, handle }: Domain): Promise<boolean> {
  const flag = new Int32Array(1);
  await session.int('virDomainGetAutostart', handle, flag);
  return flag[0] === 1;
}

export async function setAutostart({ session, handle }: Domain, on: boolean): Promise<void> {
  await session.int('virDomainSetAutostart', handle, on ? 1 : 0);
}

/** The job under way, or with `completed` the last one that ended; its memory survives the look. */
export async function jobOf(
  { session, handle }: Domain,
  which: 'current' | 'completed' = 'current',
): Promise<DomainJob> {
  const type = new Int32Array(1);
  const params = new BigUint64Array(1);
  const count = new Int32Array(1);
  const flags = which === 'current' ? 0 : JOB_STATS.completed | JOB_STATS.keepCompleted;
  await session.int('virDomainGetJobStats', handle, type, params, count, flags);
  const address = params[0] ?? 0n;
  if (address === 0n) return { type: type[0] ?? 0, operation: undefined, stats: {} };
  const stats = session.library.typedParamsAt(address, count[0] ?? 0);
  session.library.now('virTypedParamsFree', address, count[0] ?? 0);
  return { type: type[0] ?? 0, operation: numberIn(stats, 'operation'), stats };
}

/** A migration away from this host is under way. */
export function isMigratingOut(job: DomainJob): boolean {
  return job.type !== JOB_TYPE.none && job.operation === JOB_OPERATION.migrationOut;
}

/** The last job if libvirt remembers one, else undefined. */
export async function completedJobOf(domain: Domain): Promise<DomainJob | undefined> {
  try {
    const job = await jobOf(domain, 'completed');
    return job.type === JOB_TYPE.none ? undefined : job;
  } catch (error) {
    if (isLibvirtError(error, ERROR.operationInvalid)) return undefined;
    throw error;
  }
}

/** The element that was stored in the domain's metadata under this namespace. */
export async function metadataOf(
  { session, handle }: Domain,
  namespace: string,
  where: keyof typeof AFFECT,
): Promise<string | undefined> {
  const flags = AFFECT[where];
  try {
    return await session.text('virDomainGetMetadata', handle, METADATA_ELEMENT, namespace, flags);
  } catch (error) {
    if (isLibvirtError(error, ERROR.noMetadata)) return undefined;
    throw error;
  }
}

/** Stores an element in the domain's metadata, or with null takes it out. */
export async function setMetadata(
  { session, handle }: Domain,
  element: string | null,
  namespace: { readonly key: string; readonly uri: string },
  flags: number,
): Promise<void> {
  const { key, uri } = namespace;
  const type = METADATA_ELEMENT;
  await session.int('virDomainSetMetadata', handle, type, element, key, uri, flags);
}

export function defineDomain(session: Session, xml: string): Promise<void> {
  return session.pointer('virDomainDefineXML', session.connection, xml).then((handle) => {
    session.library.now('virDomainFree', handle);
  });
}

export async function startDomain({ session, handle }: Domain): Promise<void> {
  await session.int('virDomainCreate', handle);
}

export async function shutDown({ session, handle }: Domain, flags: number): Promise<void> {
  await session.int('virDomainShutdownFlags', handle, flags);
}

export async function destroyDomain({ session, handle }: Domain): Promise<void> {
  await session.int('virDomainDestroyFlags', handle, 0);
}

export async function undefineDomain({ session, handle }: Domain, flags: number): Promise<void> {
  await session.int('virDomainUndefineFlags', handle, flags);
}

/** The size that the guest sees of one of its disks, running or not, by target name or path. */
export async function diskBytesOf({ session, handle }: Domain, disk: string): Promise<number> {
  const info = new BigUint64Array(3); // virDomainBlockInfo: capacity, allocation, physical
  await session.int('virDomainGetBlockInfo', handle, disk, info, 0);
  return Number(info[0] ?? 0n);
}

export function snapshotsOf({ session, handle }: Domain): Promise<number> {
  return session.int('virDomainSnapshotNum', handle, 0);
}

/** How many it has; 0 where the hypervisor has none at all. */
export async function checkpointsOf({ session, handle }: Domain): Promise<number> {
  try {
    return await session.int('virDomainListAllCheckpoints', handle, null, 0);
  } catch (error) {
    if (isLibvirtError(error, ERROR.noSupport)) return 0;
    throw error;
  }
}

export async function abortJob({ session, handle }: Domain): Promise<void> {
  await session.int('virDomainAbortJob', handle);
}

export async function setBandwidth(
  { session, handle }: Domain,
  mibPerSecond: number,
  phase: keyof typeof MAX_SPEED,
): Promise<void> {
  await session.int('virDomainMigrateSetMaxSpeed', handle, mibPerSecond, MAX_SPEED[phase]);
}

export async function setDowntime({ session, handle }: Domain, milliseconds: number) {
  await session.int('virDomainMigrateSetMaxDowntime', handle, milliseconds, 0);
}

export async function startPostCopy({ session, handle }: Domain): Promise<void> {
  await session.int('virDomainMigrateStartPostCopy', handle, 0);
}

export async function startDirtyRate({ session, handle }: Domain, seconds: number) {
  await session.int('virDomainStartDirtyRateCalc', handle, seconds, 0);
}

export interface MigrationParams {
  /** Where the source's daemon finds the target's. */
  readonly targetUri: string;
  /** Where the source's QEMU finds the target's; undefined: libvirt asks the target. */
  readonly dataUri: string | undefined;
  /** What the target's certificate calls it; undefined: as its address does. */
  readonly tlsName?: string | undefined;
  readonly bandwidthMibPerSecond: number | undefined;
  readonly flags: number;
  /** Undefined: none. */
  readonly disks?: MigratedDisks | undefined;
}

/** Disks that are copied along. Their volumes on the target have to be there. */
export interface MigratedDisks {
  /** By target name (vda). */
  readonly names: readonly string[];
  /** The guest's document, with the disks where the target has them. */
  readonly liveXml: string;
  /** The same of its stored definition; undefined: it has none. */
  readonly storedXml: string | undefined;
  /** Where the target takes them in (tcp://host:port); undefined: libvirt's choice. */
  readonly uri: string | undefined;
}

/** Migrates; returns when that is over, which may take hours. */
export async function migrate({ session, handle }: Domain, params: MigrationParams) {
  const { library } = session;
  const list = new BigUint64Array(1);
  const count = new Int32Array(1);
  const capacity = new Int32Array(1);
  for (const [name, value] of numberParams(params)) {
    library.now('virTypedParamsAddULLong', list, count, capacity, name, value);
  }
  for (const [name, value] of textParams(params)) {
    if (value === undefined) continue;
    library.now('virTypedParamsAddString', list, count, capacity, name, value);
  }
  const address = list[0] ?? 0n;
  const total = count[0] ?? 0;
  const pointer = address === 0n ? null : address;
  try {
    const { targetUri, flags } = params;
    await session.int('virDomainMigrateToURI3', handle, targetUri, pointer, total, flags);
  } finally {
    if (address !== 0n) library.now('virTypedParamsFree', address, total);
  }
}

/** VIR_MIGRATE_PARAM_*. After the switch to post-copy another one counts than before it. */
export function numberParams({
  bandwidthMibPerSecond: bandwidth,
  flags,
}: Pick<MigrationParams, 'bandwidthMibPerSecond' | 'flags'>): [string, number][] {
  if (bandwidth === undefined) return [];
  const all: [string, number][] = [['bandwidth', bandwidth]];
  if ((flags & MIGRATE.postCopy) !== 0) all.push(['bandwidth.postcopy', bandwidth]);
  return all;
}

/** VIR_MIGRATE_PARAM_*. One that may have several values is named several times. */
function textParams({ dataUri, tlsName, disks }: MigrationParams): [string, string | undefined][] {
  return [
    ['migrate_uri', dataUri],
    ['tls.destination', tlsName],
    ['destination_xml', disks?.liveXml],
    ['persistent_xml', disks?.storedXml],
    ['disks_uri', disks?.uri],
    ...(disks?.names ?? []).map((name): [string, string] => ['migrate_disks', name]),
  ];
}
