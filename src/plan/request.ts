/** What the planner is asked: everything it knows comes in here, and nothing else does. */

import type { Finding } from '../domain/finding.ts';
import type { Limits, MigrationSettings, Weights } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Learned } from './learned.ts';

export interface PlanRequest {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
  readonly limits: Limits;
  readonly migration: MigrationSettings;
  readonly weights: Weights;
  /** From finished moves; undefined: nothing was learned yet. */
  readonly learned?: Learned | undefined;
  /** Of the search's random choices: the same seed and step budget give the same plan. */
  readonly seed: number;
  /** Search steps that may be used; undefined: derived from the size of the problem. */
  readonly steps?: number | undefined;
  /** Moves made for levelling, at most; undefined: as many as pay. */
  readonly mostMoves?: number | undefined;
  /**
   * A first answer, as soon as it can be had: of the VMs that have to leave their hosts those of
   * the highest criticality, and of them who finds a place at once; the others are for the next
   * plan. Default: as many as can.
   */
  readonly isFirst?: boolean | undefined;
  /** Asked between steps; true ends the search with the best plan so far. */
  readonly shouldStop?: (() => boolean) | undefined;
}
