// Role: moves that are open and that nobody may follow yet (their leases are not together, or just
// ran out): they take their places in the caps, and are in flight for everybody who plans.
import { describe, expect, it } from 'vitest';

import { aPolicy, someLimits } from '../../support/fleet.ts';
import { makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import type { ExecutorParts } from '../../../src/execute/executor-parts.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';

const first = [move('1', 'h1', 'h2')];
const second = [move('2', 'h1', 'h2')];

/** A move is open, of a process that is gone; how many may go at once: one. */
async function leftOpen() {
  const bench = await makeBench(['h1', 'h1'], { seconds: 300 });
  const concurrency = { total: 9, perHostIn: 1, perHostOut: 9, perLink: 9 };
  bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
  const before = bench.executor();
  void before.submit(planOf(first), yes(first));
  await bench.clock.pass(5);
  await bench.clock.until(before.stop());
  return bench;
}

function isSecond(): () => boolean {
  let count = 0;
  return () => (count += 1) > 1;
}

describe('an open move that may not be followed', () => {
  it.each([
    ['where a part of its leases is here', true, ['m1']],
    ['and not where it is all another controller’s', false, ['m1', 'm2']],
  ])('takes its place %s', async (_name, isHere, started) => {
    const bench = await leftOpen();
    const heir = bench.executor({ takeUp: () => false, takesPlace: () => isHere });
    await bench.clock.until(heir.recover());
    expect(heir.inFlight().map((flight) => flight.move)).toEqual(isHere ? ['m1'] : []);
    expect(heir.hasUnfollowed).toBe(isHere);
    void heir.submit(planOf(second), yes(second));
    await bench.clock.pass(30);
    expect(bench.hypervisor.started).toEqual(started);
  });

  it.each([
    ['also where two look at once', () => false],
    ['also where the second of two that look at once takes it up', isSecond()],
  ])('is in flight once, %s', async (_name, takeUp) => {
    const bench = await leftOpen();
    const heir = bench.executor({ takeUp, takesPlace: () => true });
    await bench.clock.until(Promise.all([heir.recover(), heir.recover()]));
    expect(heir.inFlight().map((flight) => flight.move)).toEqual(['m1']);
  });

  it('gives its place back when somebody has followed it to its end', async () => {
    const bench = await leftOpen();
    let mayFollow = false;
    const heir = bench.executor({ takeUp: () => mayFollow });
    await bench.clock.until(heir.recover());
    const done = heir.submit(planOf(second), yes(second));
    await bench.clock.pass(30);
    mayFollow = true;
    await bench.clock.until(heir.recover());
    expect(heir.hasUnfollowed).toBe(false);
    expect(heir.inFlight()).toHaveLength(1);
    await bench.clock.until(done);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
  });

  it('is one whose lease has run out under it, until that is looked at', async () => {
    const bench = await makeBench(['h1', 'h1'], { seconds: 300 });
    const concurrency = { total: 9, perHostIn: 1, perHostOut: 9, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    let isLost = false;
    const ledger: ExecutorParts['ledger'] = new Proxy(bench.ledger, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return async (...parts: unknown[]) => {
          const isLate = isLost && (name === 'addStages' || name === 'closeMove');
          if (isLate) throw new LedgerError('lost-lease', 'as the test wants it');
          return (await member.apply(target, parts)) as unknown;
        };
      },
    });
    const executor = bench.executor({ ledger });
    void executor.submit(planOf(first), yes(first));
    await bench.clock.pass(5);
    isLost = true;
    await bench.clock.pass(400);
    expect(executor.inFlight().map((flight) => flight.move)).toEqual(['m1']);
    void executor.submit(planOf(second), yes(second));
    await bench.clock.pass(30);
    expect(bench.hypervisor.started).toEqual(['m1']);
    isLost = false;
    await bench.clock.until(executor.recover());
    await bench.clock.pass(30);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
  });
});
