// Role: who waits for moves to be under way waits for all of them, and not for ever.
import { expect, it } from 'vitest';

import { seconds } from '../../../src/domain/units.ts';
import { seenWithin } from '../../../src/execute/running.ts';
import { virtualClock } from '../../support/virtual-time.ts';

it('waits until all were seen, and leaves no sleeper behind', async () => {
  const clock = virtualClock();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isOver = false;
  const moves = [{ seen: first.promise }, { seen: second.promise }];
  const over = seenWithin(clock, seconds(1), moves).then(() => {
    isOver = true;
  });
  first.resolve();
  await clock.advance(seconds(0.5));
  expect(isOver).toBe(false);
  second.resolve();
  await over;
  expect(clock.nextWake()).toBeUndefined();
});

it('waits no longer than it may', async () => {
  const clock = virtualClock();
  const over = seenWithin(clock, seconds(1), [{ seen: new Promise<void>(() => undefined) }]);
  await clock.advance(seconds(1));
  await over;
  expect(clock.monotonic()).toBe(1);
});

it('waits for nothing where nothing was begun', async () => {
  await seenWithin(virtualClock(), seconds(1), []);
  expect.assertions(0);
});
