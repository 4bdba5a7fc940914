// Role: what the daemon tells of its housekeeping.
import { expect, it } from 'vitest';

import { Daemon, type DaemonParts } from '../../../src/app/daemon.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

function aDaemon(auditFault: object | undefined) {
  const events = recordingEvents();
  const parts = {
    clock: manualClock(),
    events,
    executor: { recover: () => Promise.resolve() },
    ledger: {
      prune: () => Promise.resolve({ removed: 0, auditFault }),
      auditHead: () => Promise.resolve({ seq: 9, hash: 'abc' }),
    },
  };
  // All that housekeeping touches.
  return { events, daemon: new Daemon(parts as unknown as DaemonParts) };
}

it('warns of a broken audit trail that is to be shortened, and notes its end', async () => {
  const { daemon, events } = aDaemon({ seq: 3, what: 'missing', text: 'entry 3 is missing' });
  await daemon.keepHouse();
  expect(events.of('warning')).toMatchObject([
    { key: 'audit trail', text: expect.stringContaining('broken, and nothing is taken away') },
  ]);
  expect(events.of('audit')).toHaveLength(1);
});

it('warns of nothing where the trail is whole', async () => {
  const { daemon, events } = aDaemon(undefined);
  await daemon.keepHouse();
  expect(events.of('warning')).toEqual([]);
});
