// Role: a share of the sweep in the ordinary test run: every so manieth call of one busy script,
// with an offset that each run draws anew. All of them: npm run simulate:freezes.
import { describe, expect, it } from 'vitest';

import { testSeed } from '../tools/test-seed.ts';
import { BUGS } from './bugs.ts';
import { drawScript } from './draw.ts';
import { BUSY_SEED, chosenCalls, struck, sweptScript } from './freeze-sweep.ts';
import { type Run, simulate, type SimulateOptions } from './simulate.ts';
import { type BlowName, BLOWS } from './strike.ts';
import { tellAgain } from './tell-wanted.ts';

/** Between two calls at which it is frozen: some 14 of them in a run. */
const EVERY = 150;
/** The same for what else may befall it: two or three of each. */
const SELDOM = 1000;
const OTHERS = ['nap', 'cut', 'jump-ahead', 'jump-back'] as const satisfies readonly BlowName[];
const BUSY = sweptScript(BUSY_SEED);

interface Swept {
  readonly runs: readonly Run[];
  readonly wrongs: readonly string[];
}

async function sweep(
  calls: readonly number[],
  options: SimulateOptions & { readonly blow: BlowName },
): Promise<Swept> {
  const runs: Run[] = [];
  const wrongs: string[] = [];
  for (const call of calls) {
    const { blow } = options;
    const run = await struck(BUSY, call, options);
    const again = tellAgain({ seed: BUSY_SEED, own: true, strike: { call, blow } });
    runs.push(run);
    wrongs.push(...run.wrongs.map(({ invariant, text }) => `${invariant}: ${text}; ${again}`));
  }
  return { runs, wrongs };
}

describe('a controller that is struck at one of its calls', () => {
  it('does no harm when it stood still past its lease', { timeout: 600_000 }, async () => {
    const quiet = await simulate(BUSY);
    expect(quiet.wrongs).toEqual([]);
    expect(quiet.takeOvers).toBe(0);
    const chosen = chosenCalls(quiet.calls, EVERY, 1 + (testSeed() % EVERY));
    expect(chosen.length).toBeGreaterThan(10);
    const { runs, wrongs } = await sweep(chosen, { blow: 'freeze' });
    expect(wrongs).toEqual([]);
    // Else nobody was there in its place, and it could not have done any harm.
    const takenOver = runs.filter(({ takeOvers }) => takeOvers > 0);
    expect(takenOver.length).toBeGreaterThan(chosen.length * 0.8);
  });

  it.each(OTHERS)('does no harm after a %s', { timeout: 600_000 }, async (blow) => {
    const { calls } = await simulate(BUSY);
    const chosen = chosenCalls(calls, SELDOM, 1 + (testSeed() % SELDOM));
    const { wrongs } = await sweep(chosen, { blow });
    expect(wrongs).toEqual([]);
  });

  it('is found out where it goes on under a lease that is lost', async () => {
    const bug = BUGS.find(({ name }) => name === 'goes on under a lease that is lost');
    if (bug === undefined) throw new Error('no such bug');
    const { calls, wrongs: unstruck } = await simulate(BUSY, { bug });
    // Nobody sees it where nobody takes the lease away.
    expect(unstruck).toEqual([]);
    const chosen = chosenCalls(calls, 350, 301);
    const { runs } = await sweep(chosen, { bug, blow: 'freeze', untilWrong: true });
    const invariants = runs.flatMap(({ wrongs }) => wrongs.map(({ invariant }) => invariant));
    expect(invariants).toContain('lease');
  });

  it('is struck at that very call, all before it being as it was', async () => {
    const call = 500;
    const quiet = await simulate(BUSY, { trace: true });
    const { lines } = await struck(BUSY, call, { blow: 'freeze', trace: true });
    const at = lines.findIndex((line) => line.includes(' strike '));
    expect(at).toBeGreaterThan(0);
    expect(lines.slice(0, at)).toEqual(quiet.lines.slice(0, at));
    const first = await struck(BUSY, 1, { blow: 'nap', trace: true });
    const called = first.lines.findIndex((line) => /^\S+ c1 (?!daemon)/.test(line));
    const struckAt = first.lines.findIndex((line) => line.includes(' strike '));
    expect([struckAt > 0, struckAt < called]).toEqual([true, true]);
    const never = struck(BUSY, quiet.calls + 1000, { blow: 'jump-ahead' });
    await expect(never).rejects.toThrow('none was number');
  });

  it('is watched until it was woken again, however late it was struck', async () => {
    const quiet = await simulate(BUSY);
    const late = await struck(BUSY, quiet.calls, { blow: 'freeze' });
    expect(late.wrongs).toEqual([]);
    expect(late.takeOvers).toBe(1);
    const { forSeconds } = BLOWS.freeze;
    expect(late.virtualSeconds).toBeGreaterThan(quiet.virtualSeconds + forSeconds);
  });
});

describe('what is swept', () => {
  it('is every call once, over all offsets', () => {
    const chosen = [1, 2, 3, 4].flatMap((first) => chosenCalls(10, 4, first));
    expect(chosen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(chosenCalls(3, 1, 5)).toEqual([]);
  });

  it('is what its seed draws, without what else would keep its controllers from work', () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const drawn = drawScript(seed);
      const swept = sweptScript(seed);
      const left = drawn.steps.filter(
        ({ kind }) => kind !== 'crash' && kind !== 'freeze' && kind !== 'ledger-cut',
      );
      expect(swept).toEqual({ ...drawn, steps: left, controllers: Math.max(2, drawn.controllers) });
    }
  });
});
