// Role: virtual time for tests: one turn of node's event loop lets every settled promise go on.
import { epochSeconds } from '../../src/domain/units.ts';
import { VirtualClock } from '../../src/simulate/virtual-clock.ts';

/** Monday, 2026-01-05, 08:00 UTC: a working day begins. */
export const MONDAY_MORNING = epochSeconds(1_767_600_000);

export function virtualClock(startAt = MONDAY_MORNING): VirtualClock {
  return new VirtualClock({ startAt, settle });
}

function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
