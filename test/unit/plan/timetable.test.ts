// Role: the timetable and the search for the best order: hand-made cases, and that nothing is ever
// used beyond what it has, on random problems.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seededRng } from '../../../src/domain/rng.ts';
import { type Choice, bestOrder } from '../../../src/plan/best-order.ts';
import { type Transfer, scheduleTransfers } from '../../../src/plan/schedule.ts';
import { type Problem, type Task, inListOrder } from '../../../src/plan/timetable.ts';

function aTask(task: Partial<Task> = {}): Task {
  return { rank: 0, uses: [], takes: [], gives: [], dependsOn: [], ...task };
}

function aProblem(tasks: readonly Task[], seconds: readonly number[]): Problem {
  return {
    tasks,
    resources: new Float64Array([1, 1, 2]),
    rooms: new Float64Array([1]),
    busy: [],
    lesserWait: true,
    seconds: (task) => seconds[task] ?? 1,
  };
}

const on = (of: number) => ({ of, amount: 1 });

describe('a timetable', () => {
  it('starts what fits, in list order', () => {
    const tasks = [aTask({ uses: [on(0)] }), aTask({ uses: [on(0)] }), aTask({ uses: [on(1)] })];
    expect([...inListOrder(aProblem(tasks, [3, 4, 5]), [1, 0, 2]).start]).toEqual([4, 0, 0]);
  });

  it('waits for what a task depends on, and leaves out what waits in a circle', () => {
    const tasks = [
      aTask({ dependsOn: [1] }),
      aTask(),
      aTask({ dependsOn: [3] }),
      aTask({ dependsOn: [2] }),
    ];
    const found = inListOrder(aProblem(tasks, [1, 2, 1, 1]), [0, 1, 2, 3]);
    expect([...found.start]).toEqual([2, 0, Number.NaN, Number.NaN]);
    expect(found.unplaced).toBe(2);
  });

  it('takes room at the start and gives it at the end', () => {
    const tasks = [
      aTask({ takes: [{ of: 0, amount: 2 }] }),
      aTask({ gives: [{ of: 0, amount: 1 }] }),
    ];
    expect([...inListOrder(aProblem(tasks, [1, 7]), [0, 1]).start]).toEqual([7, 0]);
  });

  it('begins with what is busy', () => {
    const problem = aProblem([aTask({ uses: [on(0)] })], [1]);
    const busy = [{ uses: [on(0)], end: 9 }];
    expect([...inListOrder({ ...problem, busy }, [0]).start]).toEqual([9]);
  });

  it('tries again what it did not come to while all places were taken', () => {
    // The last waits for what the first gives back when the two between take all places.
    const tasks = [
      aTask({ uses: [on(2), on(0)] }),
      aTask({ uses: [on(2)], dependsOn: [0] }),
      aTask({ uses: [on(2)], dependsOn: [0] }),
      aTask({ uses: [on(2), on(0)] }),
    ];
    const problem = { ...aProblem(tasks, [1, 5, 5, 1]), common: 2 };
    expect([...inListOrder(problem, [0, 1, 2, 3]).start]).toEqual([0, 1, 1, 6]);
  });

  it('lets nothing lesser delay what matters more, and fills the gaps', () => {
    // 0 holds the first for 4 s. 1 matters more than 2 and 3 and needs both; 3 is done in time.
    const tasks = [
      aTask({ uses: [on(0)] }),
      aTask({ uses: [on(0), on(1)] }),
      aTask({ rank: 1, uses: [on(1)] }),
      aTask({ rank: 1, uses: [on(1)] }),
    ];
    const problem = aProblem(tasks, [4, 2, 5, 3]);
    expect([...inListOrder(problem, [0, 1, 2, 3]).start]).toEqual([0, 4, 6, 0]);
    const eager = { ...problem, lesserWait: false };
    expect([...inListOrder(eager, [0, 1, 2, 3]).start]).toEqual([0, 5, 0, 7]);
  });
});

function aTransfer(path: readonly number[], megabytes: number, more: Partial<Transfer> = {}) {
  const seconds = (bandwidth: number): number => (megabytes * 1e6) / bandwidth;
  return { rank: 0, path, takes: [], gives: [], dependsOn: [], seconds, ...more };
}

const SETTINGS = { rooms: new Float64Array(0), seed: 1 };

describe('transfers over links', () => {
  it('go one after the other over one link, side by side over two', () => {
    const links = Float64Array.of(1e8, 1e8, 1e8, 1e8);
    const transfers = [aTransfer([0, 1], 1000), aTransfer([0, 3], 1000), aTransfer([2, 3], 1000)];
    const { timings, linkBoundSeconds } = scheduleTransfers(transfers, { ...SETTINGS, links });
    expect(linkBoundSeconds).toBe(20);
    expect(timings.map((one) => one?.seconds)).toEqual([10, 10, 10]);
    const starts = timings.map((one) => one?.startSeconds);
    expect(starts[0] === starts[1]).toBe(false);
    expect(starts[1] === starts[2]).toBe(false);
  });

  it('share a fast link between slow ends', () => {
    // Two slow senders into one fast receiver.
    const links = Float64Array.of(5e7, 5e7, 1e8);
    const transfers = [aTransfer([0, 2], 1000), aTransfer([1, 2], 1000)];
    const { timings } = scheduleTransfers(transfers, { ...SETTINGS, links });
    const both = { startSeconds: 0, seconds: 20, bandwidth: 5e7 };
    expect(timings).toEqual([both, both]);
  });

  it('are held up by a switch that all go over', () => {
    const links = Float64Array.of(1e8, 1e8, 1e8, 1e8, 1e8);
    const transfers = [aTransfer([0, 4, 1], 1000), aTransfer([2, 4, 3], 1000)];
    const { timings } = scheduleTransfers(transfers, { ...SETTINGS, links });
    const starts = timings.map((one) => one?.startSeconds ?? NaN);
    expect(starts.toSorted((a, b) => a - b)).toEqual([0, 10]);
  });

  it('bring what matters most to safety first, although all take longer so', () => {
    const links = Float64Array.of(1e8, 1e8, 1e8);
    const transfers = [
      aTransfer([0], 3000, { rank: 1 }),
      aTransfer([0, 1], 1000, { rank: 0 }),
      aTransfer([1], 5000, { rank: 1 }),
    ];
    const { timings } = scheduleTransfers(transfers, { ...SETTINGS, links });
    expect(timings.map((one) => one?.startSeconds)).toEqual([10, 0, 10]);
  });

  it('look for an order in which what matters most is safe sooner still', () => {
    // The most loaded link is that of 2 and 3; what matters is done at 10 only if it goes first.
    const links = Float64Array.of(1e8, 1e8);
    const transfers = [
      aTransfer([0], 1000, { rank: 1 }),
      aTransfer([0], 1000, { rank: 0 }),
      aTransfer([1], 4000, { rank: 1 }),
      aTransfer([0, 1], 4000, { rank: 1 }),
    ];
    const { timings } = scheduleTransfers(transfers, { ...SETTINGS, links });
    const ends = timings.map((one) => (one?.startSeconds ?? NaN) + (one?.seconds ?? NaN));
    expect(ends[1]).toBe(10);
    expect(Math.max(...ends)).toBe(80);
  });

  it('find the way through a room that is tight', () => {
    // Two that change places; each host has room for one guest more. And a third needs a gap.
    const links = Float64Array.of(1e8, 1e8, 1e8, 1e8);
    const rooms = Float64Array.of(1, 0);
    const one = (of: number) => [{ of, amount: 1 }];
    const transfers = [
      aTransfer([0, 3], 1000, { takes: one(1), gives: one(0) }),
      aTransfer([2, 1], 1000, { takes: one(0), gives: one(1) }),
    ];
    const { timings } = scheduleTransfers(transfers, { ...SETTINGS, links, rooms });
    expect(timings.map((timing) => timing?.startSeconds)).toEqual([10, 0]);
  });

  it('say what can never start', () => {
    const links = Float64Array.of(1e8);
    const transfers = [aTransfer([0], 1000, { takes: [{ of: 0, amount: 2 }] }), aTransfer([0], 1)];
    const rooms = Float64Array.of(1);
    const { timings } = scheduleTransfers(transfers, { ...SETTINGS, links, rooms });
    expect(timings[0]).toBeUndefined();
    expect(timings[1]).toBeDefined();
  });

  it('of none is none', () => {
    const found = scheduleTransfers([], { ...SETTINGS, links: Float64Array.of(1) });
    expect(found).toEqual({ timings: [], linkBoundSeconds: 0 });
  });

  const TRANSFER = fc.record({
    from: fc.integer({ min: 0, max: 3 }),
    to: fc.integer({ min: 0, max: 3 }),
    size: fc.integer({ min: 1, max: 4000 }),
    rank: fc.integer({ min: 0, max: 2 }),
  });

  it('never use more of a link than it has, and end after its bound', () => {
    fc.assert(
      fc.property(fc.array(TRANSFER, { minLength: 1, maxLength: 12 }), (wanted) => {
        const links = Float64Array.of(5e7, 5e7, 1e8, 1e8, 5e7, 5e7, 1e8, 1e8, 1.5e8);
        const transfers = wanted.map(({ from, to, size, rank }) =>
          aTransfer([from, 8, 4 + to], size, { rank }),
        );
        const settings = { ...SETTINGS, links };
        const { timings, linkBoundSeconds } = scheduleTransfers(transfers, settings);
        expect(scheduleTransfers(transfers, settings).timings).toEqual(timings);
        let end = 0;
        for (const timing of timings) {
          const at = timing?.startSeconds ?? Number.NaN;
          end = Math.max(end, at + (timing?.seconds ?? Number.NaN));
          for (const [link, capacity] of links.entries()) {
            const used = timings.reduce((sum, other, index) => {
              const { startSeconds = 0, seconds = 0, bandwidth = 0 } = other ?? {};
              const isOn = transfers[index]?.path.includes(link) ?? false;
              const isGoing = startSeconds <= at && at < startSeconds + seconds;
              return isOn && isGoing ? sum + bandwidth : sum;
            }, 0);
            expect(used).toBeLessThanOrEqual(capacity * 1.000001);
          }
        }
        expect(end).toBeGreaterThanOrEqual(linkBoundSeconds * 0.999999);
      }),
      { numRuns: 15 },
    );
  });
});

describe('the first list, before any search', () => {
  /** Many senders, few receivers that are all about as loaded: each task holds one of both. */
  function openShop(seed: number): Choice {
    const rng = seededRng(seed);
    const ways = Array.from({ length: 80 }, (_none, task) => {
      const sender = Math.floor(rng.next() * 30);
      const seconds = 16 + Math.floor(rng.next() * 3) * 8;
      const uses = [sender, 30 + (task % 20)].map((of) => ({ of, amount: 1 }));
      return [{ uses, seconds }];
    });
    const tasks = ways.map(() => ({ rank: 0, uses: [], takes: [], gives: [], dependsOn: [] }));
    const free = { resources: new Float64Array(50).fill(1), rooms: new Float64Array(0), busy: [] };
    return { problem: { tasks, ...free, lesserWait: true }, ways };
  }

  it('is done at the bound where what was late at first is made more urgent', () => {
    for (let seed = 1; seed <= 15; seed += 1) {
      const { timetable, load } = bestOrder(openShop(seed), 0, 1);
      const end = timetable.start.reduce((most, start, task) => {
        return Math.max(most, start + (timetable.seconds[task] ?? 0));
      }, 0);
      expect(end / Math.max(...load), `shop ${seed}`).toBeCloseTo(1, 6);
    }
  });
});
