/**
 * How long a move takes, how long the guest stands still, how much goes over the link.
 *
 * Live: pre-copy. Memory M is sent over bandwidth b while the guest goes on writing; what it wrote
 * is sent again, until the rest passes within the downtime limit, or after the last round.
 *
 * - Of a guest only the dirty rate d is known: Clark et al., "Live migration of virtual machines"
 *   (NSDI 2005). Each round sends what the one before left dirty, so rounds shrink by d/b:
 *
 *       T(n) = M/b · (1 - (d/b)^n) / (1 - d/b),     leaving M · (d/b)^n for the stop-and-copy.
 *
 *   At most 30 rounds, as in Xen: 29 and the stop.
 *
 * - The hot set is known, S bytes written again every T seconds, and beside it a cold rate D:
 *   the model of Kherbache, Madelaine, Hermenier (mVM; UCC 2015, IEEE TCC). With t0 = M/b > T,
 *
 *       T = t0 + (S + (t0 - T)·D) / (b - D) + S/b · (S/T) / (b - S/T),
 *
 *   else t0 + (S/T)·t0 / (b - S/T). The hot set is soon dirty as a whole, however long the copy.
 *
 * - Neither is known: not zero, but enough to double the duration.
 *
 * Set-up and the bandwidth that a link really gives are learned from finished moves (learn.ts);
 * until there are any, the constants here hold.
 */

import { COLD_BOOT_SECONDS, COLD_SHUTDOWN_SECONDS } from '../domain/cold-move.ts';
import { bytesOf, copiedDisks } from '../domain/disks.ts';
import type { Host } from '../domain/host.ts';
import { sharedLinks } from '../domain/links.ts';
import type { MoveMethod } from '../domain/plan.ts';
import type { MigrationSettings } from '../domain/policy.ts';
import type { Vm } from '../domain/vm.ts';
import { type Learned, learnedDirtyRate, learnedSentShare, realShare } from './learned.ts';

export interface Forecast {
  readonly seconds: number;
  readonly downtimeSeconds: number;
  readonly bytes: number;
}

/** How a guest writes its memory, in bytes, seconds and bytes per second. */
export type Dirtying =
  | { readonly kind: 'rate'; readonly rate: number }
  | {
      readonly kind: 'hot-set';
      readonly hotBytes: number;
      /** In which the hot set is written once, > 0. */
      readonly hotSeconds: number;
      readonly coldRate: number;
    }
  | { readonly kind: 'unknown' };

export interface ForecastTerms {
  readonly migration: MigrationSettings;
  /** From finished moves; undefined: nothing yet. */
  readonly learned?: Learned | undefined;
  /** Where to: what it does not reach is copied; undefined: not known yet. */
  readonly to?: Pick<Host, 'storages'> | undefined;
}

/** One live copy of a memory over a link. */
export interface Copy {
  readonly memoryBytes: number;
  readonly dirtying: Dirtying;
  /** This move's share of the link, in bytes per second, > 0. */
  readonly bandwidth: number;
  /** What may be left for the switchover. */
  readonly downtimeLimitSeconds: number;
}

const MAX_ROUNDS = 30;

/** What a switchover costs beside the rest of the memory (60 ms in Clark's best case). */
const SWITCHOVER_SECONDS = 0.06;

/** Set-up of a migration and the clean-up after it; seconds on every hypervisor measured. */
export const SETUP_SECONDS = 1;

/** Dirty rate over bandwidth where the rate is unknown: it doubles the duration. */
const UNKNOWN_DIRTY_SHARE = 0.5;

/**
 * A guest that dirties faster than the link carries is throttled (auto-converge) until it no
 * longer does; this is where that is taken to end.
 */
const THROTTLED_DIRTY_SHARE = 0.8;

/** How many moves are on each link of the way, this one included: >= 1, in whole or as a mean. */
export interface Crowd {
  /** On the busier link of its two hosts. */
  readonly hosts: number;
  /** On one direction of an uplink, by its name. */
  uplink(name: string): number;
}

const ALONE: Crowd = { hosts: 1, uplink: () => 1 };

/**
 * What the slowest link on the way is said to carry of this move, in bytes per second: those on a
 * link share it equally. The policy's cap is for each of them, however many there are.
 */
export function linkBandwidth(
  from: Host,
  to: Host,
  settings: MigrationSettings,
  crowd: Crowd = ALONE,
): number {
  return Math.min(hostLinks(from, to, crowd), mostBeside(from, to, settings, crowd));
}

/**
 * What finished moves have shown it to carry; without any, what it is said to. A host's link may
 * be faster than it is said to be; an uplink, which all behind it share, is not taken to be, since
 * what a move alone has shown says nothing about it, nor is anything faster than the cap.
 */
export function realBandwidth(
  from: Host,
  to: Host,
  terms: ForecastTerms,
  crowd: Crowd = ALONE,
): number {
  const { learned, migration } = terms;
  const share = learned === undefined ? 1 : realShare(learned, from.id, to.id);
  const beside = mostBeside(from, to, migration, crowd) * Math.min(1, share);
  return Math.min(hostLinks(from, to, crowd) * share, beside);
}

/** Of the links of the two hosts. */
function hostLinks(from: Host, to: Host, crowd: Crowd): number {
  return Math.min(from.migrationBandwidth, to.migrationBandwidth) / crowd.hosts;
}

/** What uplinks and the policy's cap leave a move, however fast its two hosts are. */
function mostBeside(from: Host, to: Host, settings: MigrationSettings, crowd: Crowd): number {
  const uplinks = sharedLinks(from, to).map(({ name, bandwidth }) => {
    return bandwidth / crowd.uplink(name);
  });
  return Math.min(capOf(settings), ...uplinks);
}

function capOf({ bandwidth }: MigrationSettings): number {
  return bandwidth ?? Number.POSITIVE_INFINITY;
}

/** `bandwidth`: this move's share of the link, in bytes per second, > 0. */
export function forecast(
  vm: Vm,
  method: MoveMethod,
  bandwidth: number,
  terms: ForecastTerms,
): Forecast {
  const setup = terms.learned?.setupSeconds ?? SETUP_SECONDS;
  switch (method) {
    case 'pre-copy':
    case 'post-copy':
    case 'storage': {
      const { learned } = terms;
      const sentShare = learned === undefined ? 1 : learnedSentShare(learned, vm.id);
      const memoryBytes = vm.memoryBytes * sentShare;
      const { downtimeLimitSeconds } = terms.migration;
      const dirtying = dirtyingOf(vm, learned);
      const live = preCopy({ memoryBytes, dirtying, bandwidth, downtimeLimitSeconds });
      const disks = diskBytes(vm, method, terms);
      const seconds = setup + live.seconds + disks / bandwidth;
      return { ...live, seconds, bytes: live.bytes + disks };
    }
    case 'cold':
    case 'restart': {
      const stopped = COLD_SHUTDOWN_SECONDS + COLD_BOOT_SECONDS;
      // The guest is down while they are copied.
      const disks = diskBytes(vm, method, terms);
      const downtimeSeconds = stopped + disks / bandwidth;
      return { seconds: setup + downtimeSeconds, downtimeSeconds, bytes: disks };
    }
  }
}

/** Of the copy alone, from its first byte to the guest's start on the target; no set-up. */
export function preCopy(copy: Copy): Forecast {
  return copy.dirtying.kind === 'hot-set' ? hotSetCopy(copy, copy.dirtying) : roundsCopy(copy);
}

/** Without a target: of the disks that nobody but the source reaches. */
function diskBytes(vm: Vm, method: MoveMethod, { to = NO_STORAGE }: ForecastTerms): number {
  const disks = to === NO_STORAGE ? vm.disks.filter(({ shared }) => !shared) : vm.disks;
  return bytesOf(copiedDisks({ disks }, to, method));
}

const NO_STORAGE: Pick<Host, 'storages'> = { storages: [] };

/** What is measured of the guest at present. */
export function measuredDirtying(vm: Vm): Dirtying {
  const mean = vm.metrics['memory.dirty']?.mean;
  return mean?.kind === 'known' ? { kind: 'rate', rate: mean.value } : { kind: 'unknown' };
}

function dirtyingOf(vm: Vm, learned: Learned | undefined): Dirtying {
  const measured = measuredDirtying(vm);
  if (learned === undefined) return measured;
  const known = measured.kind === 'rate' ? measured.rate : undefined;
  const rate = learnedDirtyRate(learned, vm.id, known);
  return rate === undefined ? measured : { kind: 'rate', rate };
}

/** What a guest is said to dirty, less what was never sent again. */
export function resent(dirtying: Dirtying, share: number): Dirtying {
  switch (dirtying.kind) {
    case 'unknown':
      return dirtying;
    case 'rate':
      return { kind: 'rate', rate: dirtying.rate * share };
    case 'hot-set': {
      const { hotBytes, coldRate } = dirtying;
      return { ...dirtying, hotBytes: hotBytes * share, coldRate: coldRate * share };
    }
  }
}

function roundsCopy({ memoryBytes, dirtying, bandwidth, downtimeLimitSeconds }: Copy): Forecast {
  const share =
    dirtying.kind === 'rate'
      ? Math.min(dirtying.rate / bandwidth, THROTTLED_DIRTY_SHARE)
      : UNKNOWN_DIRTY_SHARE;
  const enough = downtimeLimitSeconds * bandwidth;
  let rest = memoryBytes;
  let sent = 0;
  for (let round = 0; round < MAX_ROUNDS && (round === 0 || rest > enough); round += 1) {
    sent += rest;
    rest *= share;
  }
  const downtimeSeconds = rest / bandwidth + SWITCHOVER_SECONDS;
  return { seconds: sent / bandwidth + downtimeSeconds, downtimeSeconds, bytes: sent + rest };
}

function hotSetCopy(copy: Copy, dirtying: Dirtying & { kind: 'hot-set' }): Forecast {
  const { memoryBytes, bandwidth, downtimeLimitSeconds } = copy;
  const most = bandwidth * THROTTLED_DIRTY_SHARE;
  const hotBytes = Math.min(dirtying.hotBytes, memoryBytes);
  const hotRate = Math.min(hotBytes / dirtying.hotSeconds, most);
  const coldRate = Math.min(dirtying.coldRate, most);
  const first = memoryBytes / bandwidth;
  const again = hotRate / (bandwidth - hotRate);
  const cold = first - dirtying.hotSeconds;
  const seconds =
    cold > 0
      ? first +
        (hotBytes + cold * coldRate) / (bandwidth - coldRate) +
        (hotBytes / bandwidth) * again
      : first + first * again;
  const rest = Math.min(hotBytes / bandwidth, downtimeLimitSeconds);
  return {
    seconds,
    downtimeSeconds: Math.min(seconds, rest + SWITCHOVER_SECONDS),
    bytes: seconds * bandwidth,
  };
}
