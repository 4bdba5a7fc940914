// Role: who is the only one of an among rule that runs may go from set to set, as it is planned.
import { expect, it } from 'vitest';

import { aVm } from '../../support/fleet.ts';
import { anAmong } from '../../support/rule-kinds.ts';
import { aMove, flight } from '../../support/plans.ts';
import { codes, fleet } from './planted.ts';

it.each([
  ['off', [aVm({ id: 'v1' }), aVm({ id: 'v2', powerState: 'off' })]],
  ['gone', [aVm({ id: 'v1' })]],
])('lets one of an among rule go to another set while the other is %s', (_other, vms) => {
  const placement = [anAmong('r', ['v1', 'v1', 'v2'], [['h1'], ['h2']])];
  expect(codes(fleet({ vms, placement }))).toEqual([]);
  expect(codes(fleet({ vms, placement }), [aMove({ to: 'h3' })])).toEqual(['among']);
  const cold = flight('v2', 'h1', 'h3', { method: 'cold' });
  const both = [aVm({ id: 'v1' }), aVm({ id: 'v2', powerState: 'off' })];
  expect(codes(fleet({ vms: both, placement, inFlight: [cold] }))).toEqual(['among']);
});
