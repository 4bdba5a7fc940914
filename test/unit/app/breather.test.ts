// Role: long computations share what they take of one turn of the event loop.
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';

import { makeBreather } from '../../../src/app/breather.ts';

/** Works in slices of 3 ms until it is told to stop. */
async function work(pause: () => Promise<void> | undefined, slice: () => boolean): Promise<void> {
  while (slice()) await pause();
}

it('goes on without a break as long as a turn has time left, and after one anew', async () => {
  let now = 0;
  const pause = makeBreather(() => now);
  now = 7;
  expect(pause()).toBeUndefined();
  now = 8;
  const turnOver = pause();
  expect(turnOver).toBeInstanceOf(Promise);
  await turnOver;
  expect(pause()).toBeUndefined();
});

it('gives two that work at once no more time in a turn than one, and each its slices', async () => {
  let now = 0;
  const pause = makeBreather(() => now);
  const done = { first: 0, second: 0 };
  const slice = (who: keyof typeof done) => (): boolean => {
    now += 3;
    done[who] += 1;
    return done.first + done.second < 60;
  };
  const both = Promise.all([work(pause, slice('first')), work(pause, slice('second'))]);
  const turns: number[] = [];
  let isOver = false;
  const over = both.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const began = now;
    await turn();
    turns.push(now - began);
  }
  await over;
  // Up to the limit, and one slice of each beyond it; 24 where each had a turn of its own.
  expect(Math.max(...turns)).toBeLessThanOrEqual(15);
  expect(done.second).toBeGreaterThanOrEqual(10);
});
