// Role: cancels: of moves that wait, that are under way, that have arrived; and that what was
// cancelled does not come back at once.
import { describe, expect, it } from 'vitest';

import { TIERS } from '../../../src/domain/finding.ts';
import { hostId, moveId, planId, vmId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { Cancels } from '../../../src/execute/cancels.ts';
import { gate } from '../../../src/execute/gate.ts';
import { aPolicy, someLimits, TEST_NOW } from '../../support/fleet.ts';
import { makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';

/** One VM waits in the newest plan and in one that is applied, behind a move of another VM. */
async function inTwoPlans() {
  const bench = await makeBench(['h1', 'h1']);
  const concurrency = { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 };
  bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
  const executor = bench.executor();
  const newest = [move('2', 'h1', 'h2'), move('1', 'h1', 'h2')];
  const applied = [{ ...move('1', 'h1', 'h2'), id: moveId('applied') }];
  const planned = executor.submit(planOf(newest), yes(newest));
  const ordered = { ...planOf(applied), id: planId('apply-1') };
  const done = Promise.all([planned, executor.submit(ordered, yes(applied), 'ordered')]);
  return { bench, executor, done };
}

describe('cancel', () => {
  it('stops a move under way: the VM stays on its source', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2')];
    const executor = bench.executor();
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    expect(await executor.cancel(moveId('m1'), 'ada')).toBe('cancelling');
    expect(await executor.cancel(moveId('m1'), 'bob')).toBe('cancelling');
    await bench.clock.until(done);
    const result = (await bench.ledger.move(moveId('m1')))?.result;
    expect(result).toMatchObject({ outcome: 'cancelled' });
    expect(result?.detail).toContain('ada');
    expect(await wrongs(bench, moves)).toEqual([]);
    expect(await executor.cancel(moveId('m1'))).toBe('cancelled');
  });

  it('takes a waiting move out, with those that wait for it', async () => {
    const bench = await makeBench(['h1', 'h1', 'h1']);
    const concurrency = { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const moves = [
      move('1', 'h1', 'h2'),
      move('2', 'h1', 'h2'),
      move('3', 'h1', 'h2', { dependsOn: [moveId('m2')] }),
    ];
    const executor = bench.executor();
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    expect(await executor.cancel(moveId('m2'), 'ada')).toBe('cancelled');
    await bench.clock.until(done);
    expect((await bench.ledger.move(moveId('m2')))?.result?.outcome).toBe('cancelled');
    expect((await bench.ledger.move(moveId('m3')))?.result?.outcome).toBe('skipped');
    expect(bench.hypervisor.started).toEqual(['m1']);
  });

  it('holds against what waits for the same VM in another plan', async () => {
    const { bench, executor, done } = await inTwoPlans();
    while (!bench.hypervisor.started.includes('applied')) await bench.clock.pass(5);
    await executor.cancel(moveId('applied'), 'ada');
    await bench.clock.until(done);
    expect(bench.hypervisor.started).toEqual(['m2', 'applied']);
    expect(executor.waiting).toBe(0);
    const { outcome, detail } = (await bench.ledger.move(moveId('m1')))?.result ?? {};
    expect([outcome, detail]).toEqual(['cancelled', 'another move of the VM was cancelled']);
  });

  it('has the VM skipped that waits in the same plan for the one that is cancelled', async () => {
    const bench = await makeBench();
    const first = move('1', 'h1', 'h2');
    const second = { ...move('1', 'h2', 'h1'), id: moveId('m1-back'), dependsOn: [first.id] };
    const executor = bench.executor();
    const done = executor.submit(planOf([first, second]), yes([first, second]));
    await bench.clock.pass(5);
    await executor.cancel(first.id, 'ada');
    await bench.clock.until(done);
    const { outcome, detail } = (await bench.ledger.move(second.id))?.result ?? {};
    expect([outcome, detail]).toEqual(['skipped', 'it waited for m1, which was cancelled']);
  });

  it('puts each of the waiting moves of a VM on record, whichever was named first', async () => {
    const { bench, executor, done } = await inTwoPlans();
    await bench.clock.pass(5);
    const asked = ['m1', 'applied'].map((id) => executor.cancel(moveId(id), 'ada'));
    expect(await Promise.all(asked)).toEqual(['cancelled', 'cancelled']);
    await bench.clock.until(done);
    expect(bench.hypervisor.started).toEqual(['m2']);
    for (const id of ['m1', 'applied']) {
      expect((await bench.ledger.move(moveId(id)))?.result?.outcome).toBe('cancelled');
    }
  });

  it('holds against a plan that was being made meanwhile, and not against later ones', async () => {
    const bench = await makeBench(['h1', 'h1']);
    const concurrency = { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const executor = bench.executor();
    const first = [move('1', 'h1', 'h2'), move('2', 'h1', 'h2')];
    const done = executor.submit(planOf(first), yes(first));
    await bench.clock.pass(5);
    await Promise.all(executor.open.map(({ id }) => executor.cancel(id, 'ada')));
    await bench.clock.until(done);
    // The same moves, of a plan that was begun before the cancel.
    const again = first.map((one) => ({ ...one, id: moveId(`${one.id}-again`) }));
    await bench.clock.until(executor.submit(planOf(again, 'p2'), yes(again)));
    expect(bench.hypervisor.started).toEqual(['m1']);
    await bench.clock.pass(1);
    const later = first.map((one) => ({ ...one, id: moveId(`${one.id}-later`) }));
    const plan = { ...planOf(later, 'p3'), snapshotAt: bench.clock.now() };
    executor.corrected({ ...bench.world, takenAt: plan.snapshotAt }, executor.cancelCount);
    await bench.clock.until(executor.submit(plan, yes(later)));
    expect(bench.hypervisor.started).toEqual(['m1', 'm1-later', 'm2-later']);
  });

  it.each([-3600, -5, 0, 5, 3600])(
    'is of one order with looks at the fleet, the clock set by %d s',
    (jump) => {
      const cancels = new Cancels();
      const [vm, at] = [vmId('v1'), TEST_NOW];
      const known = cancels.count;
      cancels.looked({ takenAt: at }, known);
      cancels.remember(vm);
      // A look that had begun before the cancel, and one that begins after it.
      cancels.looked({ takenAt: epochSeconds(at + 1 + jump) }, known);
      cancels.looked({ takenAt: epochSeconds(at + 2 + jump) }, cancels.count);
      const isAfter = (takenAt: number) =>
        cancels.isAfter({ snapshotAt: epochSeconds(takenAt) }, vm);
      expect(isAfter(at)).toBe(true);
      expect(isAfter(at + 1 + jump)).toBe(true);
      expect(isAfter(at + 2 + jump)).toBe(false);
      expect(isAfter(at + 99)).toBe(true);
    },
  );

  it('is told that it comes too late when the VM has arrived', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2')];
    const executor = bench.executor();
    let answer = '';
    const commit = bench.hypervisor.commit.bind(bench.hypervisor);
    bench.hypervisor.commit = async (order, ...rest) => {
      answer = await executor.cancel(moveId('m1'), 'ada');
      return commit(order, ...rest);
    };
    await bench.clock.until(executor.submit(planOf(moves), yes(moves)));
    expect(answer).toBe('too-late');
    expect((await bench.ledger.move(moveId('m1')))?.result?.outcome).toBe('succeeded');
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('during the take-up after a crash is on record before anything else is known', async () => {
    const bench = await makeBench(['h1'], { seconds: 300 });
    const moves = [move('1', 'h1', 'h2')];
    const first = bench.executor();
    const done = first.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    await bench.clock.until(Promise.all([first.stop(), done]));
    // Nobody answers: the second life knows of the move from the ledger only.
    bench.hypervisor.fault = () => 'hangs';
    const second = bench.executor();
    void second.recover();
    expect(second.open).toEqual([]);
    await bench.clock.pass(0);
    expect(await second.cancel(moveId('m1'), 'ada')).toBe('cancelling');
    expect(await second.cancel(moveId('m1'), 'bob')).toBe('cancelling');
    const notes = (await bench.ledger.move(moveId('m1')))?.stages.map(({ detail }) => detail);
    expect(notes?.filter((note) => note === 'cancelled by ada')).toHaveLength(1);
    await bench.clock.until(second.stop());
    bench.hypervisor.fault = () => undefined;
    const third = bench.executor();
    await bench.clock.until(third.recover());
    await bench.clock.pass(60);
    expect((await bench.ledger.move(moveId('m1')))?.result?.outcome).toBe('cancelled');
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('comes too late after the switch to post-copy', async () => {
    const bench = await makeBench(['h1'], { seconds: 60 });
    const moves = [move('1', 'h1', 'h2')];
    const executor = bench.executor();
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    const order = { vm: vmId('v1'), from: hostId('h1'), to: hostId('h2'), allowPostCopy: true };
    await bench.hypervisor.steer({ ...order } as never, { kind: 'post-copy' });
    await executor.cancel(moveId('m1'), 'ada');
    await bench.clock.until(done);
    expect((await bench.ledger.move(moveId('m1')))?.result?.outcome).toBe('succeeded');
    const [line] = await bench.ledger.history({ vm: vmId('v1'), limit: 1 });
    expect(line?.text).toMatch(/moved from h1 to h2: .*\(cancelled by ada: too late\)$/);
    expect(await wrongs(bench, moves)).toEqual([]);
  });
});

describe('a VM whose move was cancelled', () => {
  /** By tier: what the gate says when the cancel was so many seconds ago. */
  async function after(ago: number): Promise<readonly string[]> {
    const { world: snapshot, policies } = await makeBench();
    // The controller that closed it has a clock that is an hour behind.
    const lastAt = epochSeconds(TEST_NOW - ago - 3_600);
    const troubles = new Map([[vmId('v1'), { count: 1, lastAt, cancelledSecondsAgo: ago }]]);
    const counters = { movesLastHour: 0, movesLastDay: new Map(), troubles };
    return TIERS.map((tier) => {
      const plan = planOf([move('1', 'h1', 'h2', { tier })]);
      const request = { plan, snapshot, findings: [], policies, now: TEST_NOW, paused: false };
      const [verdict] = gate({ ...request, counters, approvals: [] });
      return verdict?.refusals.map(({ code }) => code).join() ?? 'none';
    });
  }

  it('rests for the cool-down, from mandatory moves for five minutes at most', async () => {
    expect(await after(299)).toEqual(['cool-down', 'cool-down', 'cool-down']);
    expect(await after(300)).toEqual(['', 'cool-down', 'cool-down']);
    expect(await after(3_600)).toEqual(['', '', '']);
  });
});
