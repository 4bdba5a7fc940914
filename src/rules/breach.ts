/** A hard placement rule that the world breaks at this moment. */

import type { Evidence, Finding } from '../domain/finding.ts';
import type { PlacementRule } from '../domain/placement.ts';

export interface Breach {
  readonly rule: PlacementRule;
  readonly subject: Finding['subject'];
  /** Who breaks it, for people: "web-1 on h1"; sorted. */
  readonly names: readonly string[];
  readonly evidence: readonly Evidence[];
}

/** Enough to see what is wrong; a rule over a thousand VMs must not fill every decision record. */
export const MAX_EVIDENCE = 16;
