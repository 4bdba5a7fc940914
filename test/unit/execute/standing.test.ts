// Role: what people have decided is read once for all that ask in the same moment, and never
// before they ask.
import { expect, it } from 'vitest';

import { standingIn } from '../../../src/execute/standing.ts';
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

it('reads once for all that ask in the same moment', async () => {
  const ledger = aLedger();
  const standing = standingIn(ledger);
  const answers = await Promise.all(Array.from({ length: 100 }, () => standing()));
  expect(ledger.reads).toBe(1);
  expect(answers.every((one) => one === answers[0])).toBe(true);
});

it('reads what the budgets need only where somebody asks, and once for them', async () => {
  const ledger = aLedger();
  const standing = standingIn(ledger);
  const answers = await Promise.all([standing(), standing()]);
  expect(ledger.spentReads).toBe(0);
  await Promise.all(answers.map(({ spent }) => spent(TEST_NOW)));
  expect(ledger.spentReads).toBe(1);
});

it('tells nobody what was read before they asked', async () => {
  const ledger = aLedger();
  const standing = standingIn(ledger);
  const before = standing();
  await Promise.resolve();
  await Promise.resolve();
  expect(ledger.reads).toBe(1);
  // While that is being read.
  ledger.isPaused = true;
  const after = standing();
  expect([(await before).paused, (await after).paused]).toEqual([false, true]);
});

it('fails for those who asked, and is asked anew by the next', async () => {
  const ledger = aLedger();
  const standing = standingIn(ledger);
  ledger.fails = true;
  await expect(standing()).rejects.toThrow('no');
  ledger.fails = false;
  expect((await standing()).paused).toBe(false);
});
