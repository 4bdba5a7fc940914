// Role: keepers of leases on one clock and one ledger, to be asked round by round.
import { clusterId } from '../../src/domain/ids.ts';
import { LeaseKeeper } from '../../src/execute/lease-keeper.ts';
import {
  DEFAULT_LEASE_TIMING,
  type LeaseKeeperParts,
  NO_TOKENS,
} from '../../src/execute/lease-keeper-parts.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';
import { type RecordingEvents, recordingEvents } from './recording-events.ts';

export const CLUSTERS = ['c1', 'c2', 'c3', 'c4'].map(clusterId);
export const IDLE = (): boolean => true;

export interface LeaseRoom {
  readonly clock: ManualClock;
  readonly ledger: Ledger;
  readonly events: RecordingEvents;
  keeper(name: string, more?: Partial<LeaseKeeperParts>): LeaseKeeper;
}

export async function leaseRoom(): Promise<LeaseRoom> {
  const clock = manualClock();
  const ledger = await openSqliteLedger({ file: ':memory:', clock });
  const events = recordingEvents();
  return {
    clock,
    ledger,
    events,
    keeper(name, more = {}) {
      const keeper = new LeaseKeeper({
        leases: ledger,
        elapsed: () => clock.monotonic(),
        steady: () => clock.monotonic(),
        events,
        me: { id: name, name },
        wants: () => true,
        sole: false,
        timing: DEFAULT_LEASE_TIMING,
        tokens: NO_TOKENS,
        ...more,
      });
      keeper.see(CLUSTERS);
      return keeper;
    },
  };
}

/** Where it may act. */
export function held(keeper: LeaseKeeper): readonly string[] {
  return CLUSTERS.filter((cluster) => keeper.mayAct(cluster) !== undefined);
}

/** A round of each is ten seconds. */
export async function beats(
  keepers: readonly LeaseKeeper[],
  { clock }: LeaseRoom,
  rounds: number,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const keeper of keepers) await keeper.beat(IDLE);
    await clock.pass(10);
  }
}
