// Role: VMs that are switched off, and those that are off in the middle of a cold move.
import { expect, it } from 'vitest';

import { plan } from '../../../src/plan/plan.ts';
import { aFinding, aVm, anAffinity } from '../../support/fleet.ts';
import { flight } from '../../support/plans.ts';
import { HOSTS, movesOf, request } from './support.ts';

it('leaves guests that are off where they are, and says so', () => {
  const off = { powerState: 'off', permission: 'cold' } as const;
  const vms = [aVm({ id: 'runs' }), aVm({ id: 'b', ...off }), aVm({ id: 'a', ...off })];
  const result = plan(request({ hosts: HOSTS, vms }, [aFinding('evacuate', { host: 'h1' })]));
  expect(result.plan.moves.map(({ vm }) => vm)).toEqual(['runs']);
  expect(result.report.unresolved).toEqual([]);
  expect(result.report.notes).toContain('switched off, and stay on h1: a, b');
});

it('holds nobody where one that is off was to be with it', () => {
  const vms = [aVm({ id: 'runs' }), aVm({ id: 'off', powerState: 'off' })];
  const placement = [anAffinity('pair', ['runs', 'off'])];
  const findings = [aFinding('evacuate', { host: 'h1' })];
  const result = plan(request({ hosts: HOSTS, vms, placement }, findings));
  expect(result.plan.moves.map(({ vm }) => vm)).toEqual(['runs']);
});

it('counts a VM in the middle of a cold move where it is going, though it is off', () => {
  const cold = flight('b', 'h1', 'h2', { method: 'cold' });
  const vms = [
    aVm({ id: 'a', host: 'h1' }),
    aVm({ id: 'b', host: 'h1', powerState: 'off' }),
    aVm({ id: 'c', host: 'h2', cpuUsed: 2 }),
  ];
  const placement = [anAffinity('pair', ['a', 'b'])];
  const findings = [aFinding('evacuate', { host: 'h1' })];
  const asked = request({ hosts: HOSTS, vms, placement, inFlight: [cold] }, findings);
  expect(movesOf(asked)).toEqual(['a: h1 > h2']);
  expect(plan(asked).report.notes).toEqual([]);
});

it('spreads those that run', () => {
  const vms = [
    aVm({ id: 'a', host: 'h1' }),
    aVm({ id: 'b', host: 'h1' }),
    aVm({ id: 'c', host: 'h2', powerState: 'off' }),
  ];
  const wide = { kind: 'spread', over: 'host', minimum: 2 } as const;
  const placement = [{ ...anAffinity('wide', ['a', 'b', 'c']), ...wide }];
  const broken = aFinding('repair', { tier: 'corrective' });
  expect(movesOf(request({ hosts: HOSTS, vms, placement }, [broken]))).toHaveLength(1);
});
