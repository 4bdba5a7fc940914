// Role: work that can wait rests while something is done that cannot.
import { expect, it } from 'vitest';

import { Haste } from '../../../src/app/haste.ts';

const breath = (): undefined => undefined;

async function isOver(rest: Promise<void> | undefined): Promise<boolean> {
  const soon = new Promise<false>((resolve) => setImmediate(() => resolve(false)));
  return Promise.race([(rest ?? Promise.resolve()).then(() => true), soon]);
}

it('breathes as ever where nothing is done that cannot wait', async () => {
  const haste = new Haste();
  expect(haste.resting(breath)?.()).toBeUndefined();
  expect(haste.resting(undefined)).toBeUndefined();
  await haste.during(() => Promise.resolve());
  expect(haste.resting(breath)?.()).toBeUndefined();
});

it('rests until the rounds have ended, also one that fails, and not for later ones', async () => {
  const haste = new Haste();
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
