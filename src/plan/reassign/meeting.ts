/**
 * Where searches of the same problem, each in a thread of its own, meet at agreed points: each lays
 * down where it is and what that costs it, and the cheaper ones are taken up by the others
 * (synchronous parallel annealing: Azencott, "Simulated Annealing: Parallelization Techniques",
 * 1992). What is cheaper each judges by its own price of held room, so that two which differ in it
 * stay apart while that decides. Plain shared memory: who creates it hands the buffer to the other
 * threads.
 *
 * Where everybody waits for everybody, what comes of it does not depend on the threads' timing. A
 * search with a time budget does not wait: it looks at who has been there.
 */

import type { MeetingPoint, Whereabouts } from './problem.ts';

/** How long one who waits believes in the others, in milliseconds. */
const PATIENCE_MS = 600_000;

export interface MeetingPlace {
  readonly buffer: SharedArrayBuffer;
  readonly items: number;
  readonly searches: number;
  readonly rounds: number;
}

export function meetingPlace(items: number, searches: number, rounds: number): MeetingPlace {
  const notes = searches * rounds;
  const bytes = notes * (2 * Float64Array.BYTES_PER_ELEMENT + Int32Array.BYTES_PER_ELEMENT);
  const placements = notes * items * Int32Array.BYTES_PER_ELEMENT;
  return { buffer: new SharedArrayBuffer(bytes + placements), items, searches, rounds };
}

export class Meeting implements MeetingPoint {
  readonly self: number;
  readonly #place: MeetingPlace;
  readonly #waits: boolean;
  readonly #costs: Float64Array;
  readonly #held: Float64Array;
  /** 1: that search has been at that round, and what it laid down may be read. */
  readonly #been: Int32Array;
  readonly #placements: Int32Array;

  /** `self` from 0; `waits`: for all others, each time. */
  constructor(place: MeetingPlace, self: number, waits: boolean) {
    this.#place = place;
    this.self = self;
    this.#waits = waits;
    const notes = place.searches * place.rounds;
    const heldAt = notes * Float64Array.BYTES_PER_ELEMENT;
    const beenAt = 2 * heldAt;
    const placementsAt = beenAt + notes * Int32Array.BYTES_PER_ELEMENT;
    this.#costs = new Float64Array(place.buffer, 0, notes);
    this.#held = new Float64Array(place.buffer, heldAt, notes);
    this.#been = new Int32Array(place.buffer, beenAt, notes);
    this.#placements = new Int32Array(place.buffer, placementsAt, notes * place.items);
  }

  /** Rounds from 0, each once. Returns the cheapest placement of the others, if it is cheaper. */
  meet(round: number, here: Whereabouts, holdingPrice: number): Int32Array | undefined {
    const { searches, rounds, items } = this.#place;
    if (round >= rounds) return undefined;
    const own = this.#note(round, this.self);
    this.#placements.set(here.at, own * items);
    this.#costs[own] = here.cost;
    this.#held[own] = here.held;
    Atomics.store(this.#been, own, 1);
    Atomics.notify(this.#been, own);
    let [cheapest, least] = [-1, here.cost + holdingPrice * here.held];
    for (let search = 0; search < searches; search += 1) {
      const note = this.#note(round, search);
      if (search === this.self || !this.#hasBeen(note)) continue;
      const cost = this.#costs[note] ?? Number.POSITIVE_INFINITY;
      const offer = cost + holdingPrice * (this.#held[note] ?? 0);
      if (offer < least) [cheapest, least] = [note, offer];
    }
    if (cheapest < 0) return undefined;
    return this.#placements.slice(cheapest * items, (cheapest + 1) * items);
  }

  #note(round: number, search: number): number {
    return search * this.#place.rounds + round;
  }

  #hasBeen(note: number): boolean {
    if (this.#waits) Atomics.wait(this.#been, note, 0, PATIENCE_MS);
    return Atomics.load(this.#been, note) === 1;
  }
}
