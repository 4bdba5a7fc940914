// Role: what people have decided is read once for all that ask in the same moment, and holds for a
// second, unless something is decided meanwhile; what is spent is never read before it is asked.
import { expect, it } from 'vitest';

import { StandingReader } from '../../../src/execute/standing.ts';
import { planId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import { TEST_NOW } from '../../support/fleet.ts';

function aLedger() {
  const ledger = {
    isPaused: false,
    reads: 0,
    spentReads: 0,
    fails: false,
    paused: async () => {
      ledger.reads += 1;
      const answer = { paused: ledger.isPaused, by: '' };
      await new Promise(setImmediate);
      if (ledger.fails) throw new Error('no');
      return answer;
    },
    orders: async () => [],
    movesSince: async () => {
      ledger.spentReads += 1;
      return [];
    },
    moveCounts: async () => new Map(),
  };
  return ledger;
}

/** `at.now` is the time of its clock. */
function readerOf(ledger: ReturnType<typeof aLedger>) {
  const at = { now: 0 };
  return { at, standing: new StandingReader(ledger, { monotonic: () => seconds(at.now) }) };
}

const [P1, P2] = [planId('p1'), planId('p2')];

it('reads once for all that ask in the same moment', async () => {
  const ledger = aLedger();
  const { standing } = readerOf(ledger);
  const answers = await Promise.all(Array.from({ length: 100 }, () => standing.read()));
  expect(ledger.reads).toBe(1);
  expect(answers.every((one) => one === answers[0])).toBe(true);
});

it('tells for a second what it has read, unless something is decided meanwhile', async () => {
  const ledger = aLedger();
  const { at, standing } = readerOf(ledger);
  await standing.read();
  at.now = 1;
  ledger.isPaused = true;
  expect((await standing.read()).paused).toBe(false);
  standing.forget();
  expect((await standing.read()).paused).toBe(true);
  ledger.isPaused = false;
  at.now = 2.1;
  expect(await standing.read()).toMatchObject({ paused: false, readAt: 2.1 });
  expect(ledger.reads).toBe(3);
});

it('does not keep what was being read when something was decided', async () => {
  const ledger = aLedger();
  const { standing } = readerOf(ledger);
  const before = standing.read();
  await Promise.resolve();
  await Promise.resolve();
  ledger.isPaused = true;
  standing.forget();
  await before;
  expect((await standing.read()).paused).toBe(true);
});

it('reads what the budgets need only where somebody asks, once for all of a plan', async () => {
  const ledger = aLedger();
  const { standing } = readerOf(ledger);
  await standing.read();
  expect(ledger.spentReads).toBe(0);
  const ask = () => Promise.all([P1, P1, P2].map((plan) => standing.spent(plan, TEST_NOW)));
  await ask();
  expect(ledger.spentReads).toBe(2);
  // What was opened since has to be in it.
  await ask();
  expect(ledger.spentReads).toBe(4);
});

it('tells nobody what others are reading since before they asked', async () => {
  const ledger = aLedger();
  const { standing } = readerOf(ledger);
  const before = standing.read();
  await Promise.resolve();
  await Promise.resolve();
  expect(ledger.reads).toBe(1);
  // While that is being read.
  ledger.isPaused = true;
  const after = standing.read();
  expect([(await before).paused, (await after).paused]).toEqual([false, true]);
});

it('fails for those who asked, and is asked anew by the next', async () => {
  const ledger = aLedger();
  const { standing } = readerOf(ledger);
  ledger.fails = true;
  await expect(standing.read()).rejects.toThrow('no');
  ledger.fails = false;
  expect((await standing.read()).paused).toBe(false);
});
