// Role: work that can wait rests while something is done that cannot.
import { expect, it } from 'vitest';

import { Haste } from '../../../src/app/haste.ts';
import { manualClock } from '../../support/manual-clock.ts';

const breath = (): undefined => undefined;

async function isOver(rest: Promise<void> | undefined): Promise<boolean> {
  const soon = new Promise<false>((resolve) => setImmediate(() => resolve(false)));
  return Promise.race([(rest ?? Promise.resolve()).then(() => true), soon]);
}

it('breathes as ever where nothing is done that cannot wait', async () => {
  const haste = new Haste(manualClock());
  expect(haste.resting(breath)?.()).toBeUndefined();
  expect(haste.resting(undefined)).toBeUndefined();
  await haste.during(() => Promise.resolve());
  expect(haste.resting(breath)?.()).toBeUndefined();
});

it('rests until the rounds have ended, also one that fails, and not for later ones', async () => {
  const haste = new Haste(manualClock());
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const rounds = [haste.during(() => first.promise), haste.during(() => second.promise)];
  const rest = haste.resting(breath)?.();
  expect(await isOver(rest)).toBe(false);
  const later = Promise.withResolvers<void>();
  const last = haste.during(() => later.promise);
  first.resolve('done');
  expect(await rounds[0]).toBe('done');
  expect(await isOver(rest)).toBe(false);
  second.reject(new Error('no disk'));
  await expect(rounds[1]).rejects.toThrow('no disk');
  expect(await isOver(rest)).toBe(true);
  expect(await isOver(haste.resting(breath)?.())).toBe(false);
  later.resolve();
  await last;
  expect(haste.resting(breath)?.()).toBeUndefined();
});

it('rests for a second at most, however long a round takes, and then works', async () => {
  const clock = manualClock();
  const haste = new Haste(clock);
  const never = Promise.withResolvers<void>();
  const round = haste.during(() => never.promise);
  const rest = haste.resting(breath)?.();
  await clock.pass(0.9);
  expect(await isOver(rest)).toBe(false);
  await clock.pass(0.1);
  expect(await isOver(rest)).toBe(true);
  expect(haste.resting(breath)?.()).toBeUndefined();
  await clock.pass(0.3);
  expect(await isOver(haste.resting(breath)?.())).toBe(false);
  never.resolve();
  await round;
});

it('rests for a second at most, however many orders follow each other', async () => {
  const clock = manualClock();
  const haste = new Haste(clock);
  let rests = 0;
  for (let order = 0; order < 20; order += 1) {
    const one = Promise.withResolvers<void>();
    const round = haste.during(() => one.promise);
    const rest = haste.resting(breath)?.();
    if (rest !== undefined) rests += 1;
    await clock.pass(0.1);
    one.resolve();
    await Promise.all([round, rest]);
  }
  expect(rests).toBeLessThanOrEqual(18);
});
