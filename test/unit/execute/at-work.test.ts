// Role: whose work on a host its silence may come from, and that its power is left on then.
import { describe, expect, it } from 'vitest';

import { hostId } from '../../../src/domain/ids.ts';
import type { HookProgress, Order } from '../../../src/domain/order.ts';
import type { InFlightMove } from '../../../src/domain/snapshot.ts';
import { whoIsAtWork } from '../../../src/execute/at-work.ts';
import { aHost, aSnapshot, aVm, TEST_NOW, type VmOptions } from '../../support/fleet.ts';
import { anOrder } from '../../support/ledger-records.ts';
import { aMove } from '../../support/plans.ts';

function atWork(
  order: Partial<Order>,
  vm: VmOptions = { host: 'h2' },
  ...inFlight: InFlightMove[]
) {
  const world = aSnapshot({ vms: [aVm(vm)], inFlight });
  return whoIsAtWork(aHost({ id: 'h1' }), [anOrder('o1', order)], world);
}

function hook(state: HookProgress['state']): Partial<Order> {
  return { hook: { name: 'bios', state, attempts: 1, since: TEST_NOW, output: '' } };
}

const moving = (from: string, to: string): InFlightMove => {
  const { id: move, vm, method } = aMove({ vm: 'v1', from, to });
  return { move, vm, from: hostId(from), to: hostId(to), method, startedAt: TEST_NOW };
};

describe('at work on a host is', () => {
  it('the person for whom it was emptied', () => {
    expect(atWork({})).toBe('ada');
    expect(atWork({ kind: 'evacuate' })).toBe('ada');
    expect(atWork({}, { host: 'h1', powerState: 'off' })).toBe('ada');
  });

  it('nobody yet, while VMs may run there', () => {
    expect(atWork({}, { host: 'h1' })).toBeUndefined();
    expect(atWork({}, { host: 'h1', powerState: 'crashed' })).toBeUndefined();
    expect(atWork({}, { host: 'h2' }, moving('h2', 'h1'))).toBeUndefined();
    expect(atWork({}, { host: 'h2' }, moving('h1', 'h2'))).toBeUndefined();
    expect(atWork({}, { host: 'h2' }, moving('h2', 'h3'))).toBe('ada');
  });

  it('a hook that runs, whatever else is there', () => {
    expect(atWork(hook('running'), { host: 'h1' })).toBe('the hook bios');
    expect(atWork(hook('waiting'), { host: 'h1' })).toBeUndefined();
    expect(atWork(hook('done'))).toBe('ada');
  });

  it('nobody where an alert wants it empty, the order is not open, or is of another host', () => {
    expect(atWork({ by: { kind: 'alert', name: 'DiskFailing' } })).toBeUndefined();
    expect(atWork({ state: 'returning' })).toBeUndefined();
    expect(atWork({ state: 'waiting' })).toBeUndefined();
    expect(atWork({ host: hostId('h2') })).toBeUndefined();
  });
});
