/**
 * What the policy says of the cost of moves beside the factor of each VM: what it costs to touch a
 * group at all, and how much more a move costs by where it comes from and where it goes. Selectors
 * are resolved already. The bytes of the objective's `moveCost` are, for one move,
 *
 *     (memory + disks that are copied + weights.perMoveBytes) × criticality × factor of the VM
 *         × factor of the path  +  the groups that no earlier move of the plan has touched
 */

import type { HostId, VmId } from './ids.ts';
import type { Bytes } from './units.ts';

/** The first move of a plan that moves any of `vms` costs so much more; those after it do not. */
export interface GroupPrice {
  /** Where it was written, for messages. */
  readonly origin: string;
  readonly vms: readonly VmId[];
  readonly bytes: Bytes;
}

interface PathCommon {
  readonly origin: string;
  /** > 0; 1: as any move. */
  readonly factor: number;
}

/**
 * Moves from one of the hosts to one of the others, or (`across`) between two different sites,
 * clusters, or fault domains of a kind. A host of which that is not known is apart from all.
 */
export type PathPrice =
  | (PathCommon & { readonly from: readonly HostId[]; readonly to: readonly HostId[] })
  | (PathCommon & { readonly across: string });

export interface MoveCosts {
  readonly groups: readonly GroupPrice[];
  /** The first one that a move matches decides; none: factor 1. */
  readonly paths: readonly PathPrice[];
}

/** What the price of one move is made of, where it is more than the VM's own. */
export interface MovePrice {
  /** All together, before weights.moveCost. */
  readonly bytes: number;
  /** Of disks that are copied, in it. */
  readonly diskBytes: number;
  /** Of the path, and who says so. */
  readonly factor: number;
  readonly path: string | undefined;
  /** Groups that this move is the first one to touch. */
  readonly groups: readonly Pick<GroupPrice, 'origin' | 'bytes'>[];
}
