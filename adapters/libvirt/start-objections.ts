/**
 * What a host lacks for a guest that is started there anew, by a cold move or a restart. It starts
 * with its stored definition, which nobody has planned with: that of a running guest may have been
 * edited since, and what the planner knows is what it runs with. Pure.
 */

import type { HostSurvey } from './host-survey.ts';
import type { StorageMap } from './storage-map.ts';
import { isTpmStateShared, needsOf, tpmStateOf } from './vm-survey.ts';
import type { DomainDocument } from './xml/domain.ts';
import { isReached } from '../../src/domain/disks.ts';
import type { RefusalCode } from '../../src/domain/refusal.ts';
import { MIB } from '../../src/domain/units.ts';

export type Objection = readonly [code: RefusalCode, detail: string];

/** `storage` is that of the host which the guest comes from: there its disks and media lie. */
export function bindingObjections(
  document: DomainDocument,
  storage: StorageMap,
  { facts }: HostSurvey,
): Objection[] {
  const { networks, devices, media = [], confidential } = needsOf(document, storage);
  const out: Objection[] = [];
  for (const network of networks) {
    if (!facts.networks.includes(network)) out.push(['network', network]);
  }
  for (const { kind, id } of devices) {
    const isThere = facts.devices.some((one) => one.kind === kind && one.id === id);
    if (!isThere) out.push(['device', `${kind} ${id}`]);
  }
  for (const { kind, name, ...place } of media) {
    if (!isReached(place, facts)) out.push(['media', `${kind} ${name} on ${place.storage}`]);
  }
  if (confidential !== 'none') out.push(['confidential', confidential]);
  return out;
}

/** A restart copies nothing. */
export function diskObjections(
  document: DomainDocument,
  storage: StorageMap,
  { facts }: HostSurvey,
): Objection[] {
  const { disks } = needsOf(document, storage);
  return disks
    .filter((disk) => !isReached(disk, facts))
    .map((disk): Objection => ['storage', disk.storage]);
}

/** libvirt copies neither file when a guest is off; live they are part of the stream. */
export function firmwareObjections(
  document: DomainDocument,
  { storage, keepsTpmState, facts }: HostSurvey,
): Objection[] {
  const isReached = (path: string | undefined): boolean =>
    path !== undefined && storage.placeOfPath(path).shared;
  const out: Objection[] = [];
  const { nvram } = document.firmware;
  if (nvram !== undefined && !isReached(nvram.path)) {
    out.push(['firmware', `${nvram.path ?? 'its NVRAM'} is not on shared storage`]);
  }
  const tpm = tpmStateOf(document);
  if (tpm !== undefined && !isReached(tpm)) {
    out.push(['firmware', 'the state of the emulated TPM is not on shared storage']);
  } else if (tpm !== undefined && !keepsTpmState) {
    out.push(tpmLost(facts.id));
  }
  return out;
}

/** Of any move: at its end the definition goes that the guest has on its source. */
export function leavingObjections(
  document: DomainDocument,
  { storage, keepsTpmState, facts }: HostSurvey,
): Objection[] {
  return isTpmStateShared(document, storage) && !keepsTpmState ? [tpmLost(facts.id)] : [];
}

function tpmLost(host: string): Objection {
  const late = `libvirt before 8.9 on ${host} would remove it with an old definition`;
  return ['firmware', `the state of the emulated TPM would be lost: ${late}`];
}

/** The room that was counted for it on its target is for what it runs with. */
export function memoryObjections(stored: DomainDocument, running: DomainDocument): Objection[] {
  if (stored.memoryBytes <= running.memoryBytes) return [];
  const [starts, runs] = [stored, running].map(({ memoryBytes }) => Math.ceil(memoryBytes / MIB));
  return [['memory', `it would start with ${starts} MiB, and runs with ${runs} MiB`]];
}
