// Role: a move whose source has died when it is brought to its end, by its target alone.
import { expect, it } from 'vitest';

import { type HostId, hostId, moveId } from '../../../src/domain/ids.ts';
import { makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { deadHosts } from '../../support/restart-guard.ts';

const [H1, H2] = ['h1', 'h2'].map(hostId) as [HostId, HostId];
const MOVES = [move('1', 'h1', 'h2')];

it('keeps the only definition of a VM that arrived unseen, and was shut down there', async () => {
  const bench = await makeBench(['h1']);
  const { hypervisor, clock, ledger } = bench;
  const first = bench.executor();
  void first.submit(planOf(MOVES), yes(MOVES));
  await clock.pass(5);
  await clock.until(first.stop());
  await clock.pass(60);
  const truth = hypervisor.truth('v1');
  // As libvirt leaves it: stored on the target, and no more on the source.
  truth.definedOn.add(H2).delete(H1);
  // Hours later its owner shuts it down, and the host that it has left loses its power.
  truth.runsOn = [];
  hypervisor.blind.add(H1);
  const { restarts } = deadHosts(new Set([H1]), new Map());
  void bench.executor({ restarts }).recover();
  await clock.pass(900);
  expect([...truth.definedOn]).toEqual([H2]);
  expect((await ledger.move(moveId('m1')))?.result).toMatchObject({
    outcome: 'failed',
    detail: expect.stringContaining('it may be defined there alone') as string,
    remains: true,
  });
});
