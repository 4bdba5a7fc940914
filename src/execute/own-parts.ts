/** What all moves of one executor have in common. */

import type { ExecutorParts } from './executor-parts.ts';
import { sharedGuard } from './shared-guard.ts';
import { Standstills } from './standstills.ts';

export function ownParts(parts: ExecutorParts): ExecutorParts {
  const { restarts } = parts;
  const guarded = restarts && sharedGuard(restarts);
  return { standstills: new Standstills(), ...parts, restarts: guarded };
}
