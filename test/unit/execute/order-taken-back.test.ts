// Role: what an order asked for that is taken back is not begun any more; what a person has handed
// in is, and so is what others ask for.
import { describe, expect, it } from 'vitest';

import { findingId, moveId, orderId } from '../../../src/domain/ids.ts';
import { isTakenBack, type Order, orderFindingId } from '../../../src/domain/order.ts';
import type { LadderStep } from '../../../src/domain/policy.ts';
import { type Bench, makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';
import { aPolicy, aVm, someLimits, someMigration } from '../../support/fleet.ts';
import { aMove, anOrder } from '../../support/ledger-records.ts';

const { reason } = aMove();
const ORDERED = { reason: { ...reason, finding: orderFindingId({ id: orderId('o1') }) } };
const OTHER = { reason: { ...reason, finding: findingId('rule:o1') } };

const STATES: readonly (readonly [Order['state'] | undefined, boolean])[] = [
  ['open', false],
  ['waiting', true],
  ['returning', true],
  ['closed', true],
  [undefined, true],
];

describe('a move that waits', () => {
  it.each(STATES)('of an order that is %s: skipped %s', async (state, isSkipped) => {
    const bench = await makeBench(['h1', 'h3']);
    if (state !== undefined) await bench.ledger.putOrder(anOrder('o1', { state }));
    const moves = [move('1', 'h1', 'h2', ORDERED), move('2', 'h3', 'h4', OTHER)];
    await bench.clock.until(bench.executor().submit(planOf(moves), yes(moves)));
    expect(bench.hypervisor.started).toEqual(isSkipped ? ['m2'] : ['m1', 'm2']);
    const result = (await bench.ledger.move(moveId('m1')))?.result;
    expect(result?.outcome).toBe(isSkipped ? 'skipped' : 'succeeded');
    const why = 'world-moved-on: the order that asked for it was taken back';
    expect(result?.detail).toBe(isSkipped ? why : '');
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('goes on where a person has handed it in', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2', ORDERED)];
    const plan = planOf(moves, 'apply-1');
    await bench.clock.until(bench.executor().submit(plan, yes(moves), 'ordered'));
    expect(bench.hypervisor.started).toEqual(['m1']);
  });

  it('is dropped, but not what was handed in, nor what others ask for', async () => {
    const bench = await makeBench(['h1', 'h1', 'h1', 'h1']);
    const concurrency = { total: 1, perHostIn: 9, perHostOut: 9, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    await bench.ledger.putOrder(anOrder('o1'));
    const executor = bench.executor();
    const planned = [
      move('1', 'h1', 'h2', ORDERED),
      move('2', 'h1', 'h2', ORDERED),
      move('3', 'h1', 'h2', OTHER),
    ];
    const handedIn = [move('4', 'h1', 'h2', ORDERED)];
    const done = Promise.all([
      executor.submit(planOf(planned), yes(planned)),
      executor.submit(planOf(handedIn, 'apply-1'), yes(handedIn), 'ordered'),
    ]);
    await bench.clock.pass(5);
    executor.dropOf(ORDERED.reason.finding);
    await bench.clock.until(done);
    expect(bench.hypervisor.started.toSorted()).toEqual(['m1', 'm3', 'm4']);
    expect(await bench.ledger.move(moveId('m2'))).toBeUndefined();
  });
});

describe('the cold move that would follow a live one', () => {
  async function neverConverging(): Promise<Bench> {
    const steps: readonly LadderStep[] = ['pre-copy', 'cold'];
    const ladder = { 'mission-critical': steps, business: steps, standard: steps };
    const bench = await makeBench(['h1'], { seconds: Number.POSITIVE_INFINITY });
    bench.world = { ...bench.world, vms: [aVm({ id: 'v1', permission: 'cold' })] };
    const migration = someMigration({ ladder: { ...ladder, 'best-effort': steps } });
    bench.policies = aPolicy({ migration });
    await bench.ledger.putOrder(anOrder('o1'));
    return bench;
  }

  const kinds = [
    ['planned', 'p1', []],
    ['ordered', 'apply-1', ['m1-cold']],
  ] as const;
  const moves = [move('1', 'h1', 'h2', ORDERED)];

  it.each(kinds)(
    'of one that is %s, after the order is taken back',
    async (lane, id, followers) => {
      const bench = await neverConverging();
      const done = bench.executor().submit(planOf(moves, id), yes(moves), lane);
      await bench.clock.pass(2);
      await bench.ledger.putOrder(anOrder('o1', { state: 'returning' }));
      await bench.clock.until(done);
      await bench.clock.pass(10);
      expect(bench.hypervisor.started).toEqual(['m1', ...followers]);
    },
  );

  it.each(kinds)('the same of one that is %s, after a restart', async (lane, id, followers) => {
    const bench = await neverConverging();
    const before = bench.executor();
    void before.submit(planOf(moves, id), yes(moves), lane);
    await bench.clock.pass(2);
    await bench.clock.until(before.stop());
    await bench.ledger.putOrder(anOrder('o1', { state: 'returning' }));
    await bench.clock.until(bench.executor().recover());
    for (let round = 0; round < 400; round += 1) await bench.clock.pass(10);
    expect(bench.hypervisor.started).toEqual(['m1', ...followers]);
  });
});

describe('the finding of an order', () => {
  it('is taken back where no open order has it', () => {
    const open = anOrder('o1');
    expect(isTakenBack(orderFindingId(open), [open])).toBe(false);
    expect(isTakenBack(orderFindingId(open), [anOrder('o2')])).toBe(true);
    expect(isTakenBack(orderFindingId(open), [{ ...open, state: 'returning' }])).toBe(true);
  });

  it('is not, where it is none of an order', () => {
    expect(isTakenBack(findingId('rule:p:hot:h1'), [])).toBe(false);
    expect(isTakenBack(findingId('return:o1:v1'), [])).toBe(false);
  });
});
