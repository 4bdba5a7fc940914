// Role: the alerts that fire are known to every controller, and after a restart, for as long as
// their sender means them.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FiringAlerts } from '../../../src/app/firing-alerts.ts';
import { hostId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { AlertInput } from '../../../src/ports/api.ts';
import { type Ledger, LedgerError } from '../../../src/ports/ledger.ts';
import { TEST_NOW } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

const H1 = hostId('h1');
const HOUR = 3600;
const DOWN: AlertInput = {
  fingerprint: 'f1',
  name: 'HostDown',
  status: 'firing',
  labels: { host: 'h1' },
  annotations: {},
  startsAt: '2026-11-21T20:00:00Z',
  endsAt: '0001-01-01T00:00:00Z',
};

let clock: ManualClock;
let ledger: Ledger;

beforeEach(async () => {
  clock = manualClock(TEST_NOW);
  ledger = await openSqliteLedger({ file: ':memory:', clock });
});

afterEach(() => ledger.close());

/** Of a controller that has just been started on the ledger. */
function started(): FiringAlerts {
  const expireAfterSeconds = seconds(9 * HOUR);
  return new FiringAlerts({ ledger, clock, events: recordingEvents(), expireAfterSeconds });
}

async function namesOf(alerts: FiringAlerts): Promise<readonly string[]> {
  return ((await alerts.byHost()).get(H1) ?? []).map(({ name }) => name);
}

describe('alerts that fire', () => {
  it('are known to every controller, whichever was told, and so is their end', async () => {
    const [told, other] = [started(), started()];
    await told.keep(DOWN, H1);
    expect(await namesOf(other)).toEqual(['HostDown']);
    await clock.pass(8 * HOUR);
    await other.keep(DOWN, H1);
    await clock.pass(8 * HOUR);
    expect(await namesOf(told)).toEqual(['HostDown']);
    await other.resolve(DOWN.fingerprint);
    expect(await namesOf(told)).toEqual([]);
  });

  it('outlive a restart, and are believed no longer because of it', async () => {
    await started().keep(DOWN, H1);
    // Another process: its monotonic clock begins anew.
    clock = manualClock(TEST_NOW + 5 * HOUR);
    const next = started();
    expect(await namesOf(next)).toEqual(['HostDown']);
    await clock.pass(4 * HOUR);
    expect(await namesOf(next)).toEqual([]);
    expect(await namesOf(started())).toEqual([]);
  });

  it('end also while the ledger cannot be written', async () => {
    await started().keep(DOWN, H1);
    await clock.pass(9 * HOUR);
    ledger.dropAlert = () => Promise.reject(new LedgerError('full', 'no room'));
    const alerts = started();
    expect([await namesOf(alerts), await namesOf(alerts)]).toEqual([[], []]);
  });

  it('are not kept where the ledger cannot be written: their sender repeats them', async () => {
    ledger.putAlert = () => Promise.reject(new LedgerError('full', 'no room'));
    const alerts = started();
    await expect(alerts.keep(DOWN, H1)).rejects.toThrow('no room');
    expect(await namesOf(alerts)).toEqual([]);
  });
});
