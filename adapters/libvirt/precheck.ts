/**
 * libvirt's own opinion on a move, asked of the target: can it give the guest its CPU and its
 * machine type, is the name free, are there pages left, does anything hold the guest?
 *
 * What is started anew (a cold move, a restart) is judged by its stored definition.
 *
 * libvirt alone is not enough: it accepts a guest with check='partial' and features of its own on a
 * host that lacks them (seen with 11.3). So the features are compared here, too, one by one.
 */

import { compareCpu, freePagesOf } from './calls/node.ts';
import { checkpointsOf, snapshotsOf, uuidByName, xmlOf, type Domain } from './calls/domain.ts';
import { isHeld, isOff, statusOf, type DomainStatus } from './domain-status.ts';
import { type GuestDefinition, UNDEFINED } from './definitions.ts';
import { planCopies } from './disks/disk-plan.ts';
import type { LibvirtHost } from './host.ts';
import { type HostSurvey, storageOf } from './host-survey.ts';
import type { Ends } from './moves/settle.ts';
import {
  bindingObjections,
  diskObjections,
  firmwareObjections,
  leavingObjections,
  memoryObjections,
  type Objection,
} from './start-objections.ts';
import type { StorageMap } from './storage-map.ts';
import type { Session } from './native/session.ts';
import { tpmStateOf } from './vm-survey.ts';
import { XML } from './native/constants.ts';
import { cpuXml } from './xml/cpu.ts';
import { readDomain, type DomainDocument } from './xml/domain.ts';
import type { MoveOrder } from '../../src/ports/hypervisor.ts';
import type { Refusal } from '../../src/domain/refusal.ts';

export async function precheckMove(
  order: MoveOrder,
  { from, to }: Ends,
  signal: AbortSignal,
): Promise<readonly Refusal[]> {
  const guest = await from.onDomain(order.vm, 'reading the guest', readGuest, { signal });
  if (guest === undefined) return refusals(order, [['world-moved-on', `not on ${from.id}`]]);
  const isCold = order.method === 'cold';
  const survey = await to.survey(signal);
  const document = isCold ? guest.stored : guest.document;
  return refusals(order, [
    ...guestObjections(guest),
    ...(await targetObjections(order, { document, survey, to }, signal)),
    ...(isCold
      ? coldObjections(guest, (await from.storage(signal)).storage, survey)
      : await cpuObjections(document, survey, { from, to }, signal)),
    ...(await tpmObjections(guest, from, signal)),
    ...(await copyObjections(order, { from, to }, signal)),
  ]);
}

/** The same for a guest whose host is dead: by its definition, and asking the target alone. */
export async function precheckRestart(
  order: MoveOrder,
  { from, to }: Ends,
  definition: GuestDefinition | undefined,
  signal: AbortSignal,
): Promise<readonly Refusal[]> {
  if (definition === undefined) return refusals(order, [['hypervisor', UNDEFINED]]);
  const document = readDomain(definition.xml);
  const survey = await to.survey(signal);
  // What is declared of its dead host is known; of its pools those that lie outside the hosts were
  // the target's as well, and what lies on the target itself says nothing of it.
  const { pools } = await to.storage(signal);
  const outside = pools.filter(({ origin }) => origin !== undefined);
  const storage = storageOf(from.identity, outside);
  return refusals(order, [
    ...(await targetObjections(order, { document, survey, to }, signal)),
    ...bindingObjections(document, storage, survey),
    ...diskObjections(document, storage, survey),
    ...firmwareObjections(document, survey),
  ]);
}

function refusals({ vm, to }: MoveOrder, objections: readonly Objection[]): readonly Refusal[] {
  return objections.map(([code, detail]) => ({ code, vm, host: to, detail }));
}

/**
 * Why the target cannot give the running guest its CPU; undefined: it can. Asked again when a live
 * move starts, because libvirt would let some of those guests go and lose them later.
 */
export async function cpuRefusal(
  order: MoveOrder,
  { from, to }: Ends,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const options = signal === undefined ? {} : { signal };
  const guest = await from.onDomain(order.vm, 'reading the guest', readGuest, options);
  if (guest === undefined) return `not on ${from.id}`;
  const survey = await to.survey(signal);
  const objections = await cpuObjections(guest.document, survey, { from, to }, signal);
  return objections.at(0)?.join(': ');
}

interface Guest {
  /** As it runs. */
  readonly document: DomainDocument;
  /** As it is started the next time. */
  readonly stored: DomainDocument;
  readonly status: DomainStatus;
  readonly snapshots: number;
  readonly checkpoints: number;
}

async function readGuest(domain: Domain): Promise<Guest> {
  const status = await statusOf(domain);
  const document = readDomain(await xmlOf(domain, XML.live));
  const stored = readDomain(await xmlOf(domain, XML.inactive));
  const [snapshots, checkpoints] = [await snapshotsOf(domain), await checkpointsOf(domain)];
  return { document, stored, status, snapshots, checkpoints };
}

function guestObjections({ document, status, snapshots }: Guest): Objection[] {
  const out: Objection[] = [];
  if (isOff(status)) out.push(['power-state', 'off']);
  if (isHeld(status)) out.push(['locked', `job ${status.job.operation ?? ''}`]);
  if (document.devices.disk.some((disk) => disk.mirror !== undefined)) {
    out.push(['locked', 'a disk is being copied']);
  }
  if (snapshots > 0) {
    out.push(['hypervisor', `libvirt moves no guest with snapshots (${snapshots})`]);
  }
  return out;
}

/** Where nothing has to be copied there is none: what a live move needs, libvirt checks itself. */
async function copyObjections(
  order: MoveOrder,
  ends: Ends,
  signal: AbortSignal,
): Promise<Objection[]> {
  const { objections } = await planCopies(order, ends, signal);
  return objections.map(({ code, detail }): Objection => [code, detail]);
}

/** Only few guests are worth a look at what their own host is. */
async function tpmObjections(
  { stored }: Guest,
  from: LibvirtHost,
  signal: AbortSignal,
): Promise<Objection[]> {
  if (tpmStateOf(stored) === undefined) return [];
  return leavingObjections(stored, await from.survey(signal));
}

interface Fit {
  readonly document: DomainDocument;
  readonly survey: HostSurvey;
  readonly to: LibvirtHost;
}

async function targetObjections(
  order: MoveOrder,
  { document, survey, to }: Fit,
  signal: AbortSignal,
): Promise<Objection[]> {
  const there = await to.sight(order.vm, signal);
  const out: Objection[] = [];
  if (there !== undefined && there.state !== 'defined') {
    out.push(['hypervisor', `it is ${there.state} on ${to.id}`]);
  }
  const byName = await to.link.use(
    'control',
    'looking the name up',
    (session) => uuidByName(session, document.name),
    signal,
  );
  if (byName !== undefined && byName !== order.vm) {
    out.push(['hypervisor', `${to.id} has another guest named ${document.name} (${byName})`]);
  }
  const { machineType } = document;
  if (machineType !== undefined && !survey.capabilities.machineTypes.includes(machineType)) {
    out.push(['machine-type', machineType]);
  }
  out.push(...(await pageObjections(document, survey, to, signal)));
  return out;
}

/** What is stored counts, and of the firmware also what runs: a template says not where that is. */
function coldObjections(
  { document, stored, checkpoints }: Guest,
  storage: StorageMap,
  survey: HostSurvey,
): Objection[] {
  const firmware = [document, stored].map((one) => firmwareObjections(one, survey));
  const lost = `it would lose its checkpoints (${checkpoints}): virsh checkpoint-delete`;
  return [
    ...(checkpoints > 0 ? [['hypervisor', lost] as const] : []),
    ...memoryObjections(stored, document),
    ...bindingObjections(stored, storage, survey),
    ...(firmware.find((one) => one.length > 0) ?? []),
  ];
}

async function cpuObjections(
  document: DomainDocument,
  survey: HostSurvey,
  { from, to }: Ends,
  signal?: AbortSignal,
): Promise<Objection[]> {
  const { cpu } = document;
  // Passthrough is a matter of identical hosts, which domain/compatibility judges.
  if (cpu?.model === undefined) return [];
  const expand = (session: Session): Promise<readonly string[] | undefined> =>
    from.visibleFeatures(session, document, survey);
  const seen = await from.link.use('control', 'expanding the CPU', expand, signal);
  const offered = survey.facts.cpu.features;
  if (seen === undefined || offered === undefined) {
    return [['cpu-unknown', 'the features could not be read']];
  }
  const missing = seen.filter((feature) => !offered.includes(feature));
  if (missing.length > 0) return [['cpu-features', `missing ${missing.join(', ')}`]];
  const on = { ...survey.platform, type: document.type, machine: document.machineType ?? null };
  const opinion = await to.link.use(
    'control',
    'comparing the CPU',
    (session) => compareCpu(session, on, cpuXml(cpu)),
    signal,
  );
  return opinion === undefined ? [] : [['cpu-features', opinion]];
}

async function pageObjections(
  document: DomainDocument,
  survey: HostSurvey,
  to: LibvirtHost,
  signal: AbortSignal,
): Promise<Objection[]> {
  const pageBytes = document.hugePages?.[0];
  if (pageBytes === undefined) return [];
  const cells = Math.max(1, survey.capabilities.numaCells);
  const free = await to.link.use(
    'control',
    'counting free pages',
    (session) => freePagesOf(session, pageBytes / 1024, cells),
    signal,
  );
  const needed = Math.ceil(document.memoryBytes / pageBytes);
  return free >= needed ? [] : [['huge-pages', `needs ${needed}, ${free} free`]];
}
