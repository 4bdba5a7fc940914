// Role: a restart whose VM is still defined on a dead host from which it was restarted before.
import { describe, expect, it } from 'vitest';

import { hostId, moveId } from '../../../src/domain/ids.ts';
import type { RestartGuard } from '../../../src/execute/restart-guard.ts';
import { aFailure, aPolicy, someHostFailure } from '../../support/fleet.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';

const [H1, H3] = [hostId('h1'), hostId('h3')];
const AGAIN = [move('1', 'h1', 'h2', { method: 'restart', tier: 'mandatory' })];

/** v1 was restarted from h3 on h1, and h1 has died, too. */
async function secondDeath(): Promise<Bench> {
  const bench = await makeBench(['h1'], { capabilities: { methods: ['restart'] } });
  const { hosts, vms } = bench.world;
  const dead = { connection: 'disconnected', failure: aFailure() } as const;
  bench.world = {
    ...bench.world,
    hosts: hosts.map((host) => (host.id === H1 || host.id === H3 ? { ...host, ...dead } : host)),
    vms: vms.map((vm) => ({ ...vm, permission: 'restart' })),
  };
  bench.hypervisor.truth('v1').runsOn = [];
  bench.hypervisor.blind.add(H1).add(H3);
  return bench;
}

/** @param power of h3, at one question after the other; undefined: off. */
function guard(power: readonly (string | undefined)[]): RestartGuard {
  const answers = [...power];
  return {
    isDead: (host) => host === H1 || host === H3,
    objection: async (host) => (host === H3 ? answers.shift() : undefined),
    note: async () => {},
    leftOn: () => [H3],
  };
}

async function detailOf(bench: Bench, restarts: RestartGuard): Promise<string | undefined> {
  await bench.clock.until(bench.executor({ restarts }).submit(planOf(AGAIN), yes(AGAIN)));
  return (await bench.ledger.move(moveId('m1')))?.result?.detail;
}

describe('a VM that is still defined on another dead host', () => {
  it.each([
    ['when it is looked for', ['its power is on']],
    ['right before its start', [undefined, 'its power is on']],
  ])('is not started elsewhere where that has its power back %s', async (_when, power) => {
    const bench = await secondDeath();
    expect(await detailOf(bench, guard(power))).toContain('not-fenced: its power is on');
    expect(bench.hypervisor.calls).not.toContain('startMove');
  });

  it('is, where that is off, too', async () => {
    const bench = await secondDeath();
    await detailOf(bench, guard([]));
    expect(bench.hypervisor.calls).toContain('startMove');
  });
});

it('is not begun where the policy has stopped restarts while the power was asked for', async () => {
  const bench = await secondDeath();
  const off = guard([]);
  const restarts: RestartGuard = {
    ...off,
    objection: async (host) => {
      bench.policies = aPolicy({ hostFailure: someHostFailure({ restart: 'never' }) });
      return off.objection(host);
    },
  };
  expect(await detailOf(bench, restarts)).toContain('hostFailure.restart is never by now');
  expect(bench.hypervisor.calls).not.toContain('startMove');
});
