/**
 * Who may hold libuv's worker threads. A call into libvirt keeps its thread until libvirt returns,
 * which for a host that accepts a connection and then says nothing may be never; and the file
 * system and DNS need the same threads. So each kind of work has seats of its own, process-wide,
 * and all seats together are fewer than the threads: hosts that hang take their own, no more.
 *
 * Within one kind some seats are kept for those that have given no cause to doubt them (`spare`).
 */

import { CallTimeout } from './errors.ts';

/** Gives the seat back; more than once is once. */
export type Leave = () => void;

export interface SeatWish {
  /** For the message, when none comes free. */
  readonly what: string;
  /** Longest wait. */
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
  /** How many seats have to stay free for others. */
  readonly spare?: number;
}

interface Waiting {
  readonly spare: number;
  readonly seat: (leave: Leave) => void;
}

export class Seats {
  readonly capacity: number;
  #free: number;
  /** In the order of their coming. */
  readonly #waiting = new Set<Waiting>();

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#free = capacity;
  }

  get free(): number {
    return this.#free;
  }

  /** At once; undefined: none is free. */
  tryTake(spare = 0): Leave | undefined {
    return this.#free > spare ? this.#seated() : undefined;
  }

  /** Rejects with CallTimeout where none comes free in time. */
  async take({ what, seconds, signal, spare = 0 }: SeatWish): Promise<Leave> {
    if (signal?.aborted === true) throw new CallTimeout(`${what}: cancelled`);
    const atOnce = this.tryTake(spare);
    if (atOnce !== undefined) return atOnce;
    const turn = Promise.withResolvers<Leave>();
    const waiting = { spare, seat: turn.resolve };
    const giveUp = (why: string): void => {
      if (this.#waiting.delete(waiting)) turn.reject(new CallTimeout(`${what}: ${why}`));
    };
    const onAbort = (): void => giveUp('cancelled');
    const timer = setTimeout(
      () => giveUp('too many other calls into libvirt hang, or are under way'),
      seconds * 1000,
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiting.add(waiting);
    try {
      return await turn.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #seated(): Leave {
    this.#free -= 1;
    let isSeated = true;
    return () => {
      if (!isSeated) return;
      isSeated = false;
      this.#free += 1;
      this.#seatNext();
    };
  }

  #seatNext(): void {
    for (const waiting of this.#waiting) {
      if (this.#free <= waiting.spare) continue;
      this.#waiting.delete(waiting);
      waiting.seat(this.#seated());
    }
  }
}

/** What is done over a connection that is there: looking around, and everything about moves. */
export type Share = 'survey' | 'control';

export interface ThreadShares extends Readonly<Record<Share, Seats>> {
  /** Opening connections: nothing bounds that but the system's time-outs, if those do. */
  readonly connect: Seats;
  /** Connections for one call that lasts as long as a move. */
  readonly long: Seats;
}

/** Of the threads, what nobody here may take: libvirt's event loop, files, DNS, cryptography. */
const RESERVED = { share: 1 / 16, least: 4 };
/** Of the rest. Connects have the most, because each host of a rack that died may hold one. */
const SHARES = { connect: 5 / 15, survey: 3 / 15, control: 3 / 15, long: 4 / 15 };

/** Each kind of work gets one seat at least: fewer than eight threads can all be taken. */
export function sharesOf(threads: number): ThreadShares {
  const rest = threads - Math.max(RESERVED.least, Math.floor(threads * RESERVED.share));
  const seats = (share: number): Seats => new Seats(Math.max(1, Math.floor(rest * share)));
  return {
    connect: seats(SHARES.connect),
    survey: seats(SHARES.survey),
    control: seats(SHARES.control),
    long: seats(SHARES.long),
  };
}

/** As libuv reads it: 4 where nothing is said, 1,024 at most. */
export function threadsOf(env: NodeJS.ProcessEnv): number {
  const said = Number.parseInt(env['UV_THREADPOOL_SIZE'] ?? '4', 10);
  return Math.min(1024, Math.max(1, Number.isNaN(said) ? 1 : said));
}

let shares: ThreadShares | undefined;

/** The one set of this process: all sources have the same threads. */
export function processShares(): ThreadShares {
  shares ??= sharesOf(threadsOf(process.env));
  return shares;
}
