/**
 * Puts the inventories of all hosts together. A domain that several hosts know is one guest: it is
 * listed where it runs, and the other copy is a problem to look at, because a stored definition is
 * one reboot away from being a second guest on the same disks.
 */

import { isRunning, type FoundGuest, type HostInventory, type LibvirtHost } from './host.ts';
import type { HostIdentity } from './host-survey.ts';
import { type LastSeen, lastSeenOf, LONG_SECONDS } from './last-seen.ts';
import { messageOf } from './native/errors.ts';
import type { HostFacts, Inventory, Sighting, VmFacts } from '../../src/ports/hypervisor.ts';
import { withHeld } from '../../src/domain/held-memory.ts';
import { compareText } from '../../src/domain/ids.ts';
import { largestRooms, type Storage } from '../../src/domain/storage.ts';
import { withUnlisted } from '../../src/domain/unlisted.ts';

/** What one host contributes: its answer, or the last one and why there is no new one. */
export type HostAnswer =
  | { readonly kind: 'answered'; readonly host: HostIdentity; readonly inventory: HostInventory }
  | {
      readonly kind: 'silent';
      readonly host: HostIdentity;
      readonly last: LastSeen | undefined;
      /** Of `last`; absent: not known. */
      readonly ageSeconds?: number | undefined;
      /** So long no Drover had looked when this one began; absent: not known to be long. */
      readonly unwatchedSeconds?: number | undefined;
      readonly error: string;
    };

/** Asks the host. Rejects only where what it said last cannot be read either. */
export async function answerOf(host: LibvirtHost, signal: AbortSignal): Promise<HostAnswer> {
  const { identity } = host;
  try {
    return { kind: 'answered', host: identity, inventory: await host.inventory(signal) };
  } catch (error) {
    const last = await host.last();
    const ageSeconds = host.lastAgeSeconds();
    const unwatchedSeconds = await host.lookedInVain();
    const about = { last, ageSeconds, unwatchedSeconds };
    return { kind: 'silent', host: identity, ...about, error: messageOf(error) };
  }
}

type SilentAnswer = Extract<HostAnswer, { kind: 'silent' }>;

export function mergeInventories(answers: readonly HostAnswer[]): Inventory {
  const ordered = answers.toSorted((a, b) => compareText(a.host.id, b.host.id));
  const newestFirst = ordered.toSorted((a, b) => ageOf(a) - ageOf(b));
  const found = Map.groupBy(newestFirst.flatMap(guestsOf), ({ vm }) => vm.id);
  const vms = [...found.values()].map(guestOf);
  const seconds = Map.groupBy(
    [...found.values()].flatMap(secondsOf),
    ({ sighting }) => sighting.host,
  );
  const rests = Map.groupBy([...found.values()].flatMap(restsOf), ({ sighting }) => sighting.host);
  const hosts = ordered.flatMap(factsOf).map((host) => {
    const names = seconds.get(host.id)?.map(({ vm }) => vm.name);
    const held = (rests.get(host.id) ?? []).map(({ vm }) => vm.memoryBytes + vm.overheadBytes);
    return withHeld(
      withUnlisted(host, names),
      held.reduce((sum, one) => sum + one, 0),
    );
  });
  const places = ordered
    .flatMap((one) => seenOf(one)?.reach ?? [])
    .map((place) => [place.storage, place.shared] as const);
  const ofDisks = vms.flatMap((vm) => vm.disks.map((disk) => [disk.storage, disk.shared] as const));
  const storages = new Map<string, boolean>([...places, ...ofDisks]);
  const rooms = ordered.flatMap((one) =>
    one.kind === 'answered' ? one.inventory.survey.storage.rooms : [],
  );
  const networks = [...hosts, ...vms].flatMap((one) => one.networks);
  return {
    hosts,
    vms: vms.toSorted((a, b) => compareText(a.id, b.id)),
    storages: hosts.length === 0 ? [] : storageList(hosts, vms, { storages, rooms }),
    networks: [...new Set(networks)].sort(compareText),
    problems: [...ordered.flatMap(problemsOf), ...[...found.values()].flatMap(copyProblems)],
  };
}

function seenOf(answer: HostAnswer): LastSeen | undefined {
  return answer.kind === 'answered' ? lastSeenOf(answer.inventory) : answer.last;
}

function factsOf(answer: HostAnswer): HostFacts[] {
  const facts = seenOf(answer)?.facts;
  if (facts === undefined) return [];
  return [answer.kind === 'answered' ? facts : { ...facts, connection: 'disconnected' }];
}

/** Of a silent host: what it had, in a state that nobody can vouch for. */
function guestsOf(answer: HostAnswer): FoundGuest[] {
  const guests = seenOf(answer)?.guests ?? [];
  if (answer.kind === 'answered') return [...guests];
  const unwatched = whyUnwatched(answer);
  return guests.map(({ vm, sighting }) => ({
    vm: { ...vm, powerState: isDown(vm) ? vm.powerState : 'unknown', unwatched },
    sighting: { ...sighting, state: sighting.state === 'defined' ? 'defined' : 'unknown' },
  }));
}

/** A guest that was down then does not come up by itself on a host that nobody reaches. */
function isDown({ powerState }: VmFacts): boolean {
  return powerState === 'off' || powerState === 'crashed';
}

function problemsOf(answer: HostAnswer): readonly string[] {
  if (answer.kind === 'answered') return answer.inventory.problems;
  return [`${answer.host.id}: ${answer.error}`, ...ageProblems(answer)];
}

/** In whole days: each new text is announced. */
function ageProblems({ host, last, ageSeconds = 0 }: SilentAnswer): readonly string[] {
  if (last === undefined || ageSeconds < LONG_SECONDS) return [];
  return [`${host.id}: what is known of it and of its guests is ${daysText(ageSeconds)} old`];
}

/**
 * Its guests may have been moved or shut down for good meanwhile, and a second copy of one started:
 * that is a person's to look at. Where Drover looked all along, nothing was done through it.
 */
function whyUnwatched({ ageSeconds = 0, unwatchedSeconds = 0 }: SilentAnswer): string | undefined {
  if (unwatchedSeconds < LONG_SECONDS) return undefined;
  const age = `what is known of it is ${daysText(ageSeconds)} old`;
  return `Drover did not look for ${daysText(unwatchedSeconds)}, and ${age}`;
}

function daysText(duration: number): string {
  const days = Math.floor(duration / 86_400);
  return days === 1 ? '1 day' : `${days} days`;
}

/** Of two silent hosts the one that said it last is believed. */
function ageOf(answer: HostAnswer): number {
  return answer.kind === 'answered' ? 0 : (answer.ageSeconds ?? Number.MAX_SAFE_INTEGER);
}

/** Which of several copies is the guest: the earlier in this list. */
const RANKS: readonly Sighting['state'][] = [
  'running',
  'post-copy',
  'post-copy-paused',
  'paused',
  'unknown',
  'incoming',
  'defined',
];

function foremost(copies: readonly FoundGuest[]): FoundGuest {
  const rank = (copy: FoundGuest): number => RANKS.indexOf(copy.sighting.state);
  return copies.reduce((best, copy) => (rank(copy) < rank(best) ? copy : best));
}

/** One that runs twice stays where it is: moved, it would take the word of one of the two. */
function guestOf(copies: readonly FoundGuest[]): VmFacts {
  const { vm } = foremost(copies);
  return secondsOf(copies).length === 0 ? vm : { ...vm, locked: true };
}

/** Those that run beside the one that is listed. */
function secondsOf(copies: readonly FoundGuest[]): readonly FoundGuest[] {
  const first = foremost(copies);
  return copies.filter((copy) => copy !== first && isRunning(copy) && isRunning(first));
}

function copyProblems(copies: readonly FoundGuest[]): string[] {
  if (copies.length < 2) return [];
  const { vm } = foremost(copies);
  const running = copies.filter(isRunning).map(({ sighting }) => sighting.host);
  if (running.length > 1) return [`${vm.name} (${vm.id}) RUNS on ${running.join(' and ')}`];
  return copies
    .filter(({ sighting }) => sighting.state === 'defined' && sighting.host !== vm.host)
    .map(({ sighting }) => {
      const copy = `defined on ${sighting.host}, too: undefine it there`;
      return `${vm.name} (${vm.id}) is on ${vm.host}, but ${copy}`;
    });
}

function storageList(
  hosts: readonly HostFacts[],
  vms: readonly VmFacts[],
  told: { readonly storages: ReadonlyMap<string, boolean>; readonly rooms: readonly Storage[] },
): Inventory['storages'] {
  const ids = [
    ...hosts.flatMap((host) => host.storages),
    ...vms.flatMap((vm) => vm.disks.map((disk) => disk.storage)),
  ];
  const rooms = new Map(largestRooms(told.rooms).map((room) => [room.id, room]));
  return [...new Set(ids)].sort(compareText).map((id) => {
    return { ...rooms.get(id), id, shared: told.storages.get(id) ?? false };
  });
}

/** What broken post-copies have left of a guest that is listed on another host. */
function restsOf(copies: readonly FoundGuest[]): readonly FoundGuest[] {
  const first = foremost(copies);
  return copies.filter((copy) => copy !== first && copy.sighting.state === 'post-copy-paused');
}
