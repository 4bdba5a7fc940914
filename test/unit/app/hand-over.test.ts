// Role: when a controller gives its leases away so that its own VM can go.
import { expect, it } from 'vitest';

import { HandOver } from '../../../src/app/hand-over.ts';
import { clusterId } from '../../../src/domain/ids.ts';
import type { OwnVm } from '../../../src/domain/own-vm.ts';
import { aFinding, aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

/** Of the controller ada, whose VM has to leave h1. */
function room({ busy = new Set<string>() } = {}) {
  const clock = manualClock(0);
  const keeper = { isShared: true, isLast: false, isCalledBack: false, name: 'ada' };
  const asked: string[] = [];
  const handOver = new HandOver({
    keeper: Object.assign(keeper, {
      acting: () => ({
        names: new Set<string>(),
        known: new Set<string>(),
        hasStandby: () => true,
      }),
      mayAct: () => undefined,
      standAside: () => void asked.push('aside'),
      comeBack: () => void asked.push('back'),
    }),
    executor: { inFlight: () => [] },
    hooks: { isIdle: (cluster) => !busy.has(cluster) },
    policies: { policies: aPolicy({ mode: { default: 'automatic', clusters: {}, approve: [] } }) },
    clock,
    events: recordingEvents(),
  });
  const own = { roles: ['controller'], controller: 'ada' } as const;
  const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2', cluster: clusterId('c2') })];
  const look = (acting: OwnVm['acting'] = 'with-standby') =>
    handOver.look({
      snapshot: aSnapshot({
        hosts,
        vms: [{ ...aVm({ id: 'drover', host: 'h1' }), own: { ...own, acting } }],
      }),
      findings: [aFinding('evacuate', { host: 'h1' })],
      orders: [],
      result: undefined,
      verdicts: [],
      rejected: undefined,
    });
  return { look, keeper, asked, clock };
}

it('waits for hooks at work in any cluster: whoever runs one keeps its lease', () => {
  const busy = new Set(['c2']);
  const { look, asked } = room({ busy });
  expect([look(), asked]).toEqual([false, []]);
  busy.clear();
  expect([look(), asked]).toEqual([true, ['aside']]);
});

it('rests for an hour where nobody has moved its VM', async () => {
  const { look, asked, clock } = room();
  look();
  await clock.pass(899);
  expect([look(), asked]).toEqual([false, ['aside']]);
  await clock.pass(1);
  expect([look(), asked]).toEqual([false, ['aside', 'back']]);
  await clock.pass(3599);
  expect(look()).toBe(false);
  await clock.pass(1);
  expect(look()).toBe(true);
});

it('does not rest where it was called back, since all stood aside', () => {
  const { look, keeper, asked } = room();
  look();
  keeper.isCalledBack = true;
  expect([look('alone'), asked]).toEqual([false, ['aside', 'back']]);
  keeper.isCalledBack = false;
  expect([look(), asked]).toEqual([true, ['aside', 'back', 'aside']]);
});
