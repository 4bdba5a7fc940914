// Role: a controller that got leases while the move of its VM waited keeps its VM where it is.
import { expect, it } from 'vitest';

import { vmId } from '../../../src/domain/ids.ts';
import { makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aVm } from '../../support/fleet.ts';

it('sees that the controller in the VM has taken a lease since the plan was made', async () => {
  const bench = await makeBench();
  const own = { roles: ['controller'], controller: 'c3' } as const;
  bench.world = { ...bench.world, vms: [{ ...aVm({ id: 'v1' }), own }] };
  const names = new Set(['c1']);
  const acting = async () => ({ names, known: new Set(['c1', 'c3']), hasStandby: () => true });
  const ends = async (id: string) => {
    const moves = [move(id, 'h1', 'h2', { vm: vmId('v1') })];
    await bench.clock.until(bench.executor({ acting }).submit(planOf(moves), yes(moves)));
    return bench.events.of('move-ended').at(-1)?.result;
  };
  names.add('c3');
  expect((await ends('1'))?.detail).toMatch(/own-leases: .* c3, whose leases go to a standby/);
  names.delete('c3');
  expect((await ends('2'))?.outcome).toBe('succeeded');
});
