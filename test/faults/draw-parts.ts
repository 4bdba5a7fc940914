// Role: how choices are drawn from a stream of random numbers.
import type { Rng } from '../../src/domain/rng.ts';
import type { Step } from './script.ts';

/** Up to `most` times, each at some moment before `until`. */
// oxlint-disable-next-line max-params -- how often, until when, and what
export function times(
  rng: Rng,
  most: number,
  until: number,
  step: (at: number) => Step | readonly Step[],
): Step[] {
  const count = Math.floor((most + 1) * rng.next());
  const moments = Array.from({ length: count });
  return moments.flatMap(() => step(Math.floor(until * rng.next() * 1000) / 1000));
}

export function pick<Item>(rng: Rng, items: readonly Item[]): Item {
  const item = items[Math.floor(rng.next() * items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}
