/**
 * The implausible-metric guard. Single samples out of range are thrown away as they come in
 * (collect/judge-sample.ts). What is looked at here is what no single sample shows: that all hosts
 * of a source change at the same moment, or that hosts and their guests do not fit together, as
 * after a change of units. A fleet seldom does that; a broken exporter, a wrong query or a clock
 * does. Then nothing is moved for load until the figures are old enough to be believed. Pure.
 */

import type { Host } from '../domain/host.ts';
import type { SourceId } from '../domain/ids.ts';
import type { Measured } from '../domain/measured.ts';
import { inOneGo, type Slices } from '../domain/slices.ts';
import { guestsOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';

/** Fewer hosts than this may well change together. */
const SMALLEST_FLEET = 4;
/** So many of those that are measured have to show it. */
const SHARE = 0.75;
/** Of a host's threads, by which its newest reading differs from the mean of its window. */
const JUMP = 0.4;
/** Guests that use so many times what their host does, or a host that does so little for them. */
const APART = 20;
/** Below this use (threads) nothing can be told from a ratio. */
const SMALLEST_USE = 0.5;

/** Hosts between two looks at the time. */
const SLICE = 50;

type Implausible = ReadonlyMap<SourceId, string>;

/** Gate, notes and status ask about the same snapshot. */
const known = new WeakMap<Snapshot, Implausible>();

/** The sources whose figures are not to be acted on, with the reason for people. */
export function implausibleSources(snapshot: Snapshot): Implausible {
  return inOneGo(implausibleInSlices(snapshot));
}

export function* implausibleInSlices(snapshot: Snapshot): Slices<Implausible> {
  const before = known.get(snapshot);
  if (before !== undefined) return before;
  const found = new Map<SourceId, string>();
  for (const [source, hosts] of Map.groupBy(snapshot.hosts, (host) => host.source)) {
    const reason = jumps(hosts) ?? (yield* disagreements(hosts, snapshot));
    if (reason !== undefined) found.set(source, reason);
  }
  known.set(snapshot, found);
  return found;
}

function jumps(hosts: readonly Host[]): string | undefined {
  const shifts = hosts.flatMap(({ cpu, metrics }): number[] => {
    const last = valueOf(metrics['cpu.used']?.last);
    const mean = valueOf(metrics['cpu.used']?.mean);
    return last === undefined || mean === undefined ? [] : [(last - mean) / cpu.threads];
  });
  for (const [direction, sign] of [
    ['up', 1],
    ['down', -1],
  ] as const) {
    const jumped = shifts.filter((shift) => sign * shift > JUMP).length;
    if (isMost(jumped, shifts.length)) {
      return `the CPU use of ${jumped} of ${shifts.length} hosts went ${direction} at once`;
    }
  }
  return undefined;
}

function* disagreements(
  hosts: readonly Host[],
  snapshot: Pick<Snapshot, 'vms'>,
): Slices<string | undefined> {
  let measured = 0;
  let apart = 0;
  for (const [index, { id, metrics }] of hosts.entries()) {
    if (index % SLICE === 0) yield;
    const own = valueOf(metrics['cpu.used']?.mean);
    const theirs = guestsOf(snapshot, id).map((vm) => valueOf(vm.metrics['cpu.used']?.mean));
    if (own === undefined || theirs.length === 0 || theirs.includes(undefined)) continue;
    const sum = theirs.reduce<number>((total, value) => total + (value ?? 0), 0);
    if (Math.max(own, sum) < SMALLEST_USE) continue;
    measured += 1;
    if (sum > APART * own) apart += 1;
  }
  if (!isMost(apart, measured)) return undefined;
  return `on ${apart} of ${measured} hosts the guests use over ${APART} times what the host does`;
}

function isMost(count: number, of: number): boolean {
  return of >= SMALLEST_FLEET && count >= SHARE * of;
}

function valueOf(measured: Measured | undefined): number | undefined {
  return measured?.kind === 'known' ? measured.value : undefined;
}
