// Role: the rules of a script of the fault simulation that say nothing special.
import type { Rules } from '../faults/script.ts';

export function someRules(options: Partial<Rules> = {}): Rules {
  return {
    total: 8,
    perHostIn: 2,
    perHostOut: 2,
    cooldownSeconds: 300,
    apart: [],
    pinned: [],
    pinnedTo: [],
    restart: false,
    own: [],
    ownWithoutStandby: 'leave',
    ...options,
  };
}
