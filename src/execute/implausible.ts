/**
 * The implausible-metric guard. Single samples out of range are thrown away as they come in
 * (collect/judge-sample.ts). What is looked at here is what no single sample shows: that all hosts
 * of a source change at the same moment, in CPU or in memory (of few hosts that is an ordinary
 * morning or evening, unless what they use is of another order of magnitude), or that hosts and
 * their guests do not fit together, as after a change of units: guests that use many times what
 * their host does, or a busy host of whose use next to nothing is its guests'. A fleet seldom does
 * that; a broken exporter, a wrong query or a clock does; and where it is so (hosts that do work of
 * their own) moves gain nothing. What an idle host does for itself counts for nothing. Then nothing
 * is moved for load until the figures are old enough to be believed. Pure.
 */

import type { Host } from '../domain/host.ts';
import type { SourceId } from '../domain/ids.ts';
import type { Measured } from '../domain/measured.ts';
import { inOneGo, type Slices } from '../domain/slices.ts';
import { guestsOf, indexInSlices } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { GIB } from '../domain/units.ts';

/** Fewer hosts than this may well begin to work together. */
const SMALLEST_FLEET = 4;
/** Of fewer than those all have to show it, and more than one. */
const SMALLEST_CROWD = 2;
/** So many of those that are measured have to show it. */
const SHARE = 0.75;
/** Of a host's threads or memory, by which its newest reading differs from its window's mean. */
const JUMP = 0.4;
/**
 * Between the newest reading of memory and its window's mean. The smallest change of units is one
 * of 1000, of which half is left when half of the window is new; a host of 1 TiB that is emptied
 * still uses several GiB.
 */
const MAGNITUDE = 250;
/** Guests that use so many times what their host does, or a host that does so little for them. */
const APART = 20;
/** Below this use (threads, bytes) nothing can be told from a ratio. */
const SMALLEST_USE = { 'cpu.used': 0.5, 'memory.used': GIB / 4 } as const;
/** Of its threads: a host that is busier than this is so for somebody. */
const BUSY = 0.25;

type Use = keyof typeof SMALLEST_USE;
const NAMES: Readonly<Record<Use, string>> = { 'cpu.used': 'CPU', 'memory.used': 'memory' };

/** Hosts between two looks at the time. */
const SLICE = 50;

type Implausible = ReadonlyMap<SourceId, string>;

/** What was found, and the hosts that it was found of. */
interface Known {
  readonly hosts: readonly Host[];
  readonly found: Implausible;
}

/**
 * By the list of guests. Gate, notes and status ask about the same fleet, and of a large one the
 * answer takes a twentieth of a second; that hosts are in other states by now changes nothing of
 * it.
 */
const known = new WeakMap<Snapshot['vms'], Known>();

/** The sources whose figures are not to be acted on, with the reason for people. */
export function implausibleSources(snapshot: Snapshot): Implausible {
  return inOneGo(implausibleInSlices(snapshot));
}

export function* implausibleInSlices(snapshot: Snapshot): Slices<Implausible> {
  const before = known.get(snapshot.vms);
  if (before !== undefined && isSameUse(before.hosts, snapshot.hosts)) return before.found;
  yield* indexInSlices(snapshot.vms);
  const found = new Map<SourceId, string>();
  for (const [source, hosts] of Map.groupBy(snapshot.hosts, (host) => host.source)) {
    const reason =
      jumps(hosts, 'cpu.used') ??
      jumps(hosts, 'memory.used') ??
      otherMagnitude(hosts) ??
      (yield* disagreements(hosts, snapshot, 'cpu.used')) ??
      (yield* disagreements(hosts, snapshot, 'memory.used'));
    if (reason !== undefined) found.set(source, reason);
  }
  known.set(snapshot.vms, { hosts: snapshot.hosts, found });
  return found;
}

/** The same hosts, with the same readings. */
function isSameUse(before: readonly Host[], now: readonly Host[]): boolean {
  if (before === now) return true;
  return (
    before.length === now.length && now.every((host, index) => isSameHost(before[index], host))
  );
}

function isSameHost(before: Host | undefined, now: Host): boolean {
  return (
    before?.id === now.id &&
    before.source === now.source &&
    before.metrics === now.metrics &&
    before.cpu === now.cpu &&
    before.memory === now.memory
  );
}

interface Change {
  readonly host: Host;
  readonly last: number;
  readonly mean: number;
}

function changesOf(hosts: readonly Host[], use: Use): readonly Change[] {
  return hosts.flatMap((host) => {
    const last = valueOf(host.metrics[use]?.last);
    const mean = valueOf(host.metrics[use]?.mean);
    return last === undefined || mean === undefined ? [] : [{ host, last, mean }];
  });
}

function jumps(hosts: readonly Host[], use: Use): string | undefined {
  const changes = changesOf(hosts, use);
  const shifts = changes.map(({ host, last, mean }) => (last - mean) / mostOf(host, use));
  for (const [direction, sign] of [
    ['up', 1],
    ['down', -1],
  ] as const) {
    const jumped = shifts.filter((shift) => sign * shift > JUMP).length;
    if (shifts.length >= SMALLEST_FLEET && isMost(jumped, shifts.length)) {
      const who = `${jumped} of ${shifts.length} hosts`;
      return `the ${NAMES[use]} use of ${who} went ${direction} at once`;
    }
  }
  return undefined;
}

function otherMagnitude(hosts: readonly Host[]): string | undefined {
  const changes = changesOf(hosts, 'memory.used');
  const changed = changes.filter(({ last, mean }) => {
    const [less, more] = last < mean ? [last, mean] : [mean, last];
    return more >= SMALLEST_USE['memory.used'] && more > MAGNITUDE * less;
  }).length;
  if (!isMost(changed, changes.length)) return undefined;
  const who = `${changed} of ${changes.length} hosts`;
  return `the memory use of ${who} changed over ${MAGNITUDE} times at once`;
}

function* disagreements(
  hosts: readonly Host[],
  snapshot: Pick<Snapshot, 'vms'>,
  use: Use,
): Slices<string | undefined> {
  const counts = { measured: 0, below: 0, above: 0 };
  for (const [index, host] of hosts.entries()) {
    if (index % SLICE === 0) yield;
    const own = valueOf(host.metrics[use]?.mean);
    const theirs = guestsOf(snapshot, host.id).map((vm) => valueOf(vm.metrics[use]?.mean));
    if (own === undefined || theirs.length === 0 || theirs.includes(undefined)) continue;
    const sum = theirs.reduce<number>((total, value) => total + (value ?? 0), 0);
    if (Math.max(own, sum) < SMALLEST_USE[use]) continue;
    counts.measured += 1;
    if (sum > APART * own) counts.below += 1;
    // Of memory a host may well hold most for itself: caches, storage daemons.
    const isBusy = use === 'cpu.used' && own > BUSY * host.cpu.threads;
    if (isBusy && own > APART * sum) counts.above += 1;
  }
  const { measured, below, above } = counts;
  const on = (count: number): string => `on ${count} of ${measured} hosts`;
  if (isMost(below, measured)) {
    return `${on(below)} the guests use over ${APART} times the ${NAMES[use]} that the host does`;
  }
  if (!isMost(above, measured)) return undefined;
  return `${on(above)} the host uses over ${APART} times the ${NAMES[use]} that its guests do`;
}

function isMost(count: number, of: number): boolean {
  if (of < SMALLEST_FLEET) return of >= SMALLEST_CROWD && count === of;
  return count >= SHARE * of;
}

function mostOf({ cpu, memory }: Host, use: Use): number {
  return use === 'cpu.used' ? cpu.threads : memory.totalBytes;
}

function valueOf(measured: Measured | undefined): number | undefined {
  return measured?.kind === 'known' ? measured.value : undefined;
}
