// Role: orders to hypervisors that the daemon has not given: only asked about, or given by hand.
import type { MoveOrder } from '../../src/ports/hypervisor.ts';

/** The parts of an order that say nothing about which move it is. */
export const ORDER = {
  downtimeLimitSeconds: 0 as MoveOrder['downtimeLimitSeconds'],
  bandwidth: undefined,
  autoConverge: false,
  allowPostCopy: false,
} as const;
