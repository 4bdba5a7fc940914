// Role: lets two threads search one problem, this one and a worker's, which meet in shared memory.
// With a number of steps both wait for each other, so that the answer depends on the seed alone.
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';

import { ROUNDS } from '../../src/plan/reassign/anneal.ts';
import { Meeting, type MeetingPlace, meetingPlace } from '../../src/plan/reassign/meeting.ts';
import type { Answer, Budget, Problem } from '../../src/plan/reassign/problem.ts';
import { reassign } from '../../src/plan/reassign/reassign.ts';

/** Both in milliseconds, `from` as performance.timeOrigin counts. */
export interface Span {
  readonly from: number;
  readonly ms: number;
}

/** What the other thread gets. */
export interface FellowJob {
  readonly problem: Problem;
  readonly place: MeetingPlace;
  readonly seed: number;
  readonly steps: number;
  readonly time: Span | undefined;
}

/** Seeds of the second thread are that far off. */
const SEED_STEP = 0x9e3779b9;
/** How much earlier the second thread ends, so that its answer is there when the first one ends. */
const EARLIER = 0.985;

export class Team {
  readonly #fellow: Worker;

  /** Its thread starts at once, so that it is ready when the problem has been read. */
  constructor() {
    this.#fellow = new Worker(new URL('./roadef-fellow.ts', import.meta.url));
    this.#fellow.unref();
  }

  /** `time` undefined: so many steps in each thread, whatever that takes. */
  search(problem: Problem, seed: number, steps: number, time: Span | undefined): Answer {
    const place = meetingPlace(problem.items, 2, ROUNDS);
    const meeting = new Meeting(place, 0, time === undefined);
    const theirs = time && { from: time.from, ms: time.ms * EARLIER };
    const job: FellowJob = { problem, place, seed: seed + SEED_STEP, steps, time: theirs };
    this.#fellow.postMessage(job);
    return reassign(problem, { ...budgetOf(seed, steps, time), meeting });
  }
}

/** The time counts from its own start, not from the search's: reading has taken of it. */
export function budgetOf(seed: number, steps: number, time: Span | undefined): Budget {
  if (time === undefined) return { seed, steps };
  const spent = (): number => (performance.timeOrigin + performance.now() - time.from) / time.ms;
  return { seed, steps, spent, shouldStop: () => spent() >= 1 };
}
