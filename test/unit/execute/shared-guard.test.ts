// Role: many restarts ask for the power of one host: it is asked once at a time, and nobody gets an
// answer to a question that was asked before his own.
import { describe, expect, it } from 'vitest';

import { type HostId, hostId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import type { RestartGuard } from '../../../src/execute/restart-guard.ts';
import { sharedGuard } from '../../../src/execute/shared-guard.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aFailure, TEST_NOW } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

const [H1, H2] = [hostId('h1'), hostId('h2')];

/** A device that takes 5 s for an answer, and tells the moment at which it was asked. */
function slowDevice(clock: ManualClock) {
  const underWay = new Map<HostId, number>();
  const most = new Map<HostId, number>();
  let asked = 0;
  let isBroken = false;
  const guard: RestartGuard = {
    isDead: () => true,
    objection: async (host) => {
      asked += 1;
      const at = clock.monotonic();
      const fails = isBroken;
      const now = (underWay.get(host) ?? 0) + 1;
      underWay.set(host, now);
      most.set(host, Math.max(now, most.get(host) ?? 0));
      await clock.sleep(seconds(5));
      underWay.set(host, (underWay.get(host) ?? 0) - 1);
      if (fails) throw new Error('a bug');
      return String(at);
    },
    note: async () => {},
    leftOn: () => [],
  };
  return {
    guard,
    most,
    asked: () => asked,
    breaks: (how: boolean) => {
      isBroken = how;
    },
  };
}

describe('a host whose power is asked for by many', () => {
  it('is asked once at a time, and never gives an older answer', async () => {
    const clock = manualClock(TEST_NOW);
    const { guard, most, asked } = slowDevice(clock);
    const shared = sharedGuard(guard);
    const askers = [0, 1, 1, 4, 5, 7, 12, 40].map(async (after) => {
      await clock.sleep(seconds(after));
      const cameAt = clock.monotonic();
      return Number(await shared.objection(H1)) - cameAt;
    });
    const other = shared.objection(H2);
    await clock.pass(120);
    const ages = await Promise.all(askers);
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...ages)).toBeLessThanOrEqual(5);
    expect(await other).toBeDefined();
    expect([...most]).toEqual([
      [H2, 1],
      [H1, 1],
    ]);
    expect(asked()).toBeLessThan(8);
  });

  it('is asked anew after a question that failed', async () => {
    const clock = manualClock(TEST_NOW);
    const { guard, breaks } = slowDevice(clock);
    const shared = sharedGuard(guard);
    breaks(true);
    const first = shared.objection(H1).catch(String);
    breaks(false);
    const second = shared.objection(H1);
    await clock.pass(30);
    expect(await first).toBe('Error: a bug');
    expect(await second).toBeDefined();
  });
});

async function deadWithMany(): Promise<Bench> {
  const bench = await makeBench(['h1', 'h1', 'h1'], { capabilities: { methods: ['restart'] } });
  const gone = { connection: 'disconnected', failure: aFailure() } as const;
  bench.world = {
    ...bench.world,
    hosts: bench.world.hosts.map((host) => (host.id === H1 ? { ...host, ...gone } : host)),
    vms: bench.world.vms.map((vm) => ({ ...vm, permission: 'restart' })),
  };
  for (const vm of ['v1', 'v2', 'v3']) bench.hypervisor.truth(vm).runsOn = [];
  bench.hypervisor.blind.add(H1);
  return bench;
}

describe('the restarts of all VMs of a dead host', () => {
  it('ask for its power once at a time', async () => {
    const bench = await deadWithMany();
    const { guard, most } = slowDevice(bench.clock);
    const moves = ['h2', 'h3', 'h4'].map((to, index) =>
      move(String(index + 1), 'h1', to, { method: 'restart', tier: 'mandatory' }),
    );
    const restarts: RestartGuard = { ...guard, isDead: (host) => host === H1 };
    await bench.clock.until(bench.executor({ restarts }).submit(planOf(moves), yes(moves)));
    expect(most.get(H1)).toBe(1);
  });
});
