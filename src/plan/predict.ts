/**
 * How long a move takes, how long the guest stands still, how much goes over the link.
 *
 * Live: pre-copy after Clark et al., "Live migration of virtual machines" (NSDI 2005). With memory
 * M, bandwidth b and dirty rate d < b, each round sends what the one before left dirty, so rounds
 * shrink by d/b and n rounds take
 *
 *     T(n) = M/b · (1 - (d/b)^n) / (1 - d/b),     leaving M · (d/b)^n for the stop-and-copy.
 *
 * The switchover comes when that rest passes within the downtime limit, or after the last round
 * (30, as in Xen: 29 rounds and the stop).
 */

import type { Host } from '../domain/host.ts';
import type { MoveMethod } from '../domain/plan.ts';
import type { MigrationSettings } from '../domain/policy.ts';
import type { Vm } from '../domain/vm.ts';

export interface Forecast {
  readonly seconds: number;
  readonly downtimeSeconds: number;
  readonly bytes: number;
}

const MAX_ROUNDS = 30;

/** What a switchover costs beside the rest of the memory (60 ms in the paper's best case). */
const SWITCHOVER_SECONDS = 0.06;

/** Set-up of a migration and the clean-up after it; seconds on every hypervisor measured. */
const SETUP_SECONDS = 1;

/** Stopping and starting a guest's system; an assumption until finished moves say better. */
const SHUTDOWN_SECONDS = 30;
const BOOT_SECONDS = 30;

/** Dirty rate over bandwidth where the rate is unknown: it doubles the duration. */
const UNKNOWN_DIRTY_SHARE = 0.5;

/**
 * A guest that dirties faster than the link carries is throttled (auto-converge) until it no
 * longer does; this is where that is taken to end.
 */
const THROTTLED_DIRTY_SHARE = 0.8;

/** What one direction of the slower end carries, under the policy's cap; bytes per second. */
export function linkBandwidth(from: Host, to: Host, settings: MigrationSettings): number {
  const cap = settings.bandwidth ?? Number.POSITIVE_INFINITY;
  return Math.min(from.migrationBandwidth, to.migrationBandwidth, cap);
}

/** `bandwidth`: this move's share of the link, in bytes per second, > 0. */
export function forecast(
  vm: Vm,
  method: MoveMethod,
  bandwidth: number,
  settings: MigrationSettings,
): Forecast {
  switch (method) {
    case 'pre-copy':
    case 'post-copy':
      return preCopy(vm.memoryBytes, dirtyShare(vm, bandwidth), bandwidth, settings);
    case 'storage': {
      const live = preCopy(vm.memoryBytes, dirtyShare(vm, bandwidth), bandwidth, settings);
      const disks = vm.disks.reduce((sum, disk) => sum + (disk.shared ? 0 : disk.bytes), 0);
      return { ...live, seconds: live.seconds + disks / bandwidth, bytes: live.bytes + disks };
    }
    case 'cold':
    case 'restart': {
      const stopped = vm.powerState === 'off' ? 0 : SHUTDOWN_SECONDS + BOOT_SECONDS;
      return { seconds: SETUP_SECONDS + stopped, downtimeSeconds: stopped, bytes: 0 };
    }
  }
}

function dirtyShare(vm: Vm, bandwidth: number): number {
  const rate = vm.metrics['memory.dirty']?.mean;
  if (rate?.kind !== 'known') return UNKNOWN_DIRTY_SHARE;
  return Math.min(rate.value / bandwidth, THROTTLED_DIRTY_SHARE);
}

function preCopy(
  memory: number,
  share: number,
  bandwidth: number,
  settings: MigrationSettings,
): Forecast {
  const enough = settings.downtimeLimitSeconds * bandwidth;
  let rest = memory;
  let sent = 0;
  for (let round = 0; round < MAX_ROUNDS && (round === 0 || rest > enough); round += 1) {
    sent += rest;
    rest *= share;
  }
  const downtimeSeconds = rest / bandwidth + SWITCHOVER_SECONDS;
  const seconds = SETUP_SECONDS + sent / bandwidth + downtimeSeconds;
  return { seconds, downtimeSeconds, bytes: sent + rest };
}
