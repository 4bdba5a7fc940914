/**
 * The physics of live migration, as formulas. Iterative pre-copy after Clark et al., "Live
 * migration of virtual machines" (NSDI 2005): the first round sends all memory, each later one what
 * was dirtied during the one before, until the rest can be sent in the stop that is allowed.
 * Whether that ever comes depends on the dirty rate against the bandwidth: not converging is a
 * result of the model, not a flag.
 */

import { ratio, seconds, type Ratio, type Seconds } from '../domain/units.ts';

/** Connecting, capabilities, starting the empty guest on the target. */
export const SETUP_SECONDS = seconds(0.6);
/**
 * Stopping, device state, resuming and announcing the guest, beside sending its last pages. Clark
 * et al. measured 60 ms for an idle guest; QEMU's own overhead is of the same size.
 */
export const SWITCHOVER_SECONDS = seconds(0.06);
/** Sending device state for the switch to post-copy, with the guest stopped. */
export const POST_COPY_SWITCH_SECONDS = seconds(0.1);
/** Without a byte for so long the connection counts as broken (libvirt's keepalive: about 8 s). */
export const STALL_SECONDS = seconds(8);
/** CPU that one running migration takes on each of its hosts, in threads. */
export const MIGRATION_CPU = 0.7;
/** Reading and writing local disks, bytes per second, where the link would carry more. */
export const DISK_BANDWIDTH = 400e6;

/**
 * Bytes of distinct pages that are dirty after `duration`, if `before` were at its begin: writes
 * fall evenly on a working set (Clark et al.'s writable working set), so that new pages become
 * rarer as it fills: d' = rate * (1 - d / workingSet).
 */
export function dirtyAfter(
  before: number,
  rate: number,
  workingSet: number,
  duration: number,
): number {
  if (workingSet <= 0 || rate <= 0) return before;
  const share = 1 - Math.exp((-rate * duration) / workingSet);
  return before + Math.max(0, workingSet - before) * share;
}

/** True when what is left can be sent within the stop that is allowed (QEMU: expected downtime). */
export function mayStop(leftBytes: number, rate: number, downtimeLimit: Seconds): boolean {
  return leftBytes === 0 || (rate > 0 && leftBytes / rate <= downtimeLimit);
}

/**
 * QEMU's auto-converge (qapi/migration.json): the guest's vCPUs are slowed down by
 * `cpu-throttle-initial` = 20 %, then by `cpu-throttle-increment` = 10 % more, up to
 * `max-cpu-throttle` = 99 %, each time when twice in a row more than `throttle-trigger-threshold`
 * = 50 % of what was sent in a round was dirtied again.
 */
export const AUTO_CONVERGE = { initial: 0.2, increment: 0.1, max: 0.99, trigger: 0.5, rounds: 2 };

export interface Throttle {
  readonly share: Ratio;
  /** Rounds in a row with too much dirtied. */
  readonly strikes: number;
}

export const NO_THROTTLE: Throttle = { share: ratio(0), strikes: 0 };

/** The throttle for the next round, after one in which `sent` were sent and `dirtied` dirtied. */
export function nextThrottle(now: Throttle, sent: number, dirtied: number): Throttle {
  if (dirtied <= AUTO_CONVERGE.trigger * sent) return { share: now.share, strikes: 0 };
  const strikes = now.strikes + 1;
  if (strikes < AUTO_CONVERGE.rounds) return { share: now.share, strikes };
  const raised = now.share === 0 ? AUTO_CONVERGE.initial : now.share + AUTO_CONVERGE.increment;
  return { share: ratio(Math.min(AUTO_CONVERGE.max, raised)), strikes: 0 };
}
