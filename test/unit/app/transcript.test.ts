// Role: what a transcript says of a plan whose pairs are too many to be listed.
import { expect, it } from 'vitest';

import { planAndCheck } from '../../../src/app/plan-job.ts';
import { Transcript } from '../../../src/app/scenario/transcript.ts';
import { seconds } from '../../../src/domain/units.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { virtualClock } from '../../support/virtual-time.ts';
import { request } from '../plan/support.ts';

it('says how many pairs there are beside those that it lists', () => {
  const others = Array.from({ length: 101 }, (_none, i) => aHost({ id: `o${i}`, memoryGib: 8 }));
  const hosts = [aHost({ id: 'h1', memoryGib: 10_000 }), ...others];
  const vms = Array.from({ length: 50 }, (_none, i) => aVm({ id: `v${i}`, memoryGib: 64 }));
  const asked = request({ hosts, vms }, [aFinding('evacuate', { host: 'h1' })]);
  const { result } = planAndCheck(asked);
  const [bus, transcript] = [new EventBus(), new Transcript(virtualClock())];
  transcript.follow(bus);
  bus.emit('planned', { result, vmNames: {}, seconds: seconds(0) });
  const told = transcript.lines.filter((line) => line.includes('more'));
  expect(told.map((line) => line.trim())).toEqual(['and 98 more: memory']);
});
