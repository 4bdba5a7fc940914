// Role: kinds of work cannot take each other's threads, nor all of them.
import { describe, expect, it } from 'vitest';

import { Seats, sharesOf, threadsOf } from '../../../../adapters/libvirt/native/seats.ts';

const WISH = { what: 'looking', seconds: 60 };

/** Everything that needs no more than a turn. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('seats', () => {
  it('are taken in the order of coming, and given back once each', async () => {
    const seats = new Seats(1);
    const leave = await seats.take(WISH);
    const came: number[] = [];
    for (const one of [1, 2]) void seats.take(WISH).then(() => came.push(one));
    await settled();
    expect(came).toEqual([]);
    leave();
    leave();
    await settled();
    expect(came).toEqual([1]);
    expect(seats.free).toBe(0);
  });

  it('stay free for others where that was asked for', async () => {
    const seats = new Seats(3);
    const leave = seats.tryTake();
    expect(seats.tryTake(2)).toBeUndefined();
    const doubted = seats.take({ ...WISH, spare: 2 });
    // Whoever is not doubted does not wait behind it.
    await seats.take(WISH).then((leaveAgain) => leaveAgain());
    leave?.();
    await doubted;
    expect(seats.free).toBe(2);
  });

  it('are waited for no longer than was said, or than is wanted', async () => {
    const seats = new Seats(1);
    const leave = seats.tryTake();
    await expect(seats.take({ ...WISH, seconds: 0.01 })).rejects.toThrow('looking: too many');
    const abort = new AbortController();
    const waiting = seats.take({ ...WISH, signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toThrow('looking: cancelled');
    await expect(seats.take({ ...WISH, signal: abort.signal })).rejects.toThrow('cancelled');
    leave?.();
    // Nobody who has gone was given it.
    expect(seats.free).toBe(1);
  });
});

describe('the shares', () => {
  it.each([8, 16, 64, 256, 1024])('leave some of %i threads to the rest', (threads) => {
    const { connect, survey, control, long } = sharesOf(threads);
    const taken = [connect, survey, control, long].map(({ capacity }) => capacity);
    expect(Math.min(...taken)).toBeGreaterThan(0);
    expect(threads - taken.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(4);
  });

  it('go by the threads that libuv makes', () => {
    const sizes = [undefined, '64', '9999', '0', 'many'];
    const read = sizes.map((size) => threadsOf(size ? { UV_THREADPOOL_SIZE: size } : {}));
    expect(read).toEqual([4, 64, 1024, 1, 1]);
  });
});
