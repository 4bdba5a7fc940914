/**
 * What finished moves have taught (learn.ts), as plain data: it goes along with the request to the
 * thread that plans. Lookups always answer: who was never seen gets what the fleet showed.
 */

import type { HostId, VmId } from '../domain/ids.ts';

export interface Learned {
  /** What a move takes beside its copy. */
  readonly setupSeconds: number;
  /** Real over nominal bandwidth of a move that has its link for itself. */
  readonly bandwidth: {
    readonly fleet: number;
    readonly from: ReadonlyMap<HostId, number>;
    readonly to: ReadonlyMap<HostId, number>;
    /** By {@link pairKey}. */
    readonly pairs: ReadonlyMap<string, number>;
  };
  /** How much of what guests are said to dirty was really sent again. */
  readonly resentShare: number;
  /** What a move's copy loses to each other one in its neighbourhood, as a share of its time. */
  readonly contention: number;
  readonly guests: ReadonlyMap<VmId, GuestEvidence>;
}

/** What a VM's own moves have shown. */
export interface GuestEvidence {
  /** Bytes per second that had to be sent again. */
  readonly dirtyRate: number;
  /** Sent at first, of its configured memory; 1: all of it. */
  readonly sentShare: number;
  /** In moves; one that was made long ago counts for less than one. */
  readonly weight: number;
}

export function pairKey(from: HostId, to: HostId): string {
  return JSON.stringify([from, to]);
}

/** Real over nominal bandwidth between two hosts; of hosts that never met, the slower's. */
export function realShare({ bandwidth }: Learned, from: HostId, to: HostId): number {
  const { fleet, pairs } = bandwidth;
  const ends = Math.min(bandwidth.from.get(from) ?? fleet, bandwidth.to.get(to) ?? fleet);
  return pairs.get(pairKey(from, to)) ?? ends;
}

/**
 * The present measurement counts as one more observation beside the VM's moves. Undefined: nobody
 * knows.
 */
export function learnedDirtyRate(
  learned: Learned,
  vm: VmId,
  measured: number | undefined,
): number | undefined {
  const own = learned.guests.get(vm);
  if (measured === undefined) return own?.dirtyRate;
  const said = measured * learned.resentShare;
  return own === undefined ? said : (own.dirtyRate * own.weight + said) / (own.weight + 1);
}

/** Of its memory, what a copy of this VM sends at first. One observation says: all of it. */
export function learnedSentShare({ guests }: Learned, vm: VmId): number {
  const own = guests.get(vm);
  return own === undefined ? 1 : (own.sentShare * own.weight + 1) / (own.weight + 1);
}
