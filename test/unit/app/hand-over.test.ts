// Role: when a controller gives its leases away so that its own VM can go.
import { expect, it } from 'vitest';

import { HandOver } from '../../../src/app/hand-over.ts';
import { clusterId } from '../../../src/domain/ids.ts';
import { aFinding, aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

it('waits for hooks at work in any cluster: whoever runs one keeps its lease', () => {
  const busy = new Set([clusterId('c2')]);
  let isAside = false;
  const handOver = new HandOver({
    keeper: {
      isShared: true,
      isLast: false,
      name: 'ada',
      acting: () => ({ names: new Set(), known: new Set(), hasStandby: () => true }),
      mayAct: () => undefined,
      standAside: () => {
        isAside = true;
      },
      comeBack: () => undefined,
    },
    executor: { inFlight: () => [] },
    hooks: { isIdle: (cluster) => !busy.has(cluster) },
    policies: { policies: aPolicy({ mode: { default: 'automatic', clusters: {}, approve: [] } }) },
    clock: manualClock(0),
    events: recordingEvents(),
  });
  const own = { roles: ['controller'], controller: 'ada', acting: 'with-standby' } as const;
  const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2', cluster: clusterId('c2') })];
  const state = {
    snapshot: aSnapshot({ hosts, vms: [{ ...aVm({ id: 'drover', host: 'h1' }), own }] }),
    findings: [aFinding('evacuate', { host: 'h1' })],
    orders: [],
    result: undefined,
    verdicts: [],
    rejected: undefined,
  };
  expect([handOver.look(state), isAside]).toEqual([false, false]);
  busy.clear();
  expect([handOver.look(state), isAside]).toEqual([true, true]);
});
