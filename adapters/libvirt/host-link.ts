/**
 * All connections to one host. Work of different kinds goes over connections of its own, so that a
 * long inventory does not delay an abort, and a migration, whose call lasts as long as the
 * migration, delays nothing. Connections are opened when needed and again after the daemon was
 * restarted.
 */

import { Connection, type CallLimits, type OpenOptions } from './connection.ts';
import { ERROR } from './native/constants.ts';
import { CallTimeout, LibvirtError } from './native/errors.ts';
import { loadLibvirt, type LibvirtLibrary } from './native/library.ts';
import {
  processShares,
  Seats,
  type Leave,
  type SeatWish,
  type Share,
  type ThreadShares,
} from './native/seats.ts';
import type { Session } from './native/session.ts';

export type Lane = 'control' | 'inventory' | 'statistics';

const SHARE_OF: Readonly<Record<Lane, Share>> = {
  control: 'control',
  inventory: 'survey',
  statistics: 'survey',
};

/** Calls that may hang at once on one host before it is left alone until one comes back. */
const HANGING_MAX = 4;

/** What all hosts have in common; tests bring their own. */
export interface LinkParts {
  readonly load: () => Promise<LibvirtLibrary>;
  readonly shares: ThreadShares;
}

export class HostLink {
  readonly uri: string;
  readonly #limits: CallLimits;
  readonly #parts: LinkParts;
  /** One attempt to connect at a time: a silent host takes one thread, not one for each lane. */
  readonly #attempts = new Seats(1);
  readonly #lanes = new Map<Lane, Promise<Connection>>();
  readonly #all = new Set<Connection>();
  /** Seats of long calls. */
  readonly #seats = new Map<Connection, Leave>();
  #hanging = 0;
  /** Attempts to connect that got no answer in time, so far. */
  #silences = 0;
  /** The last attempt to connect succeeded. */
  #isProven = false;
  #closed = false;

  constructor(uri: string, limits: CallLimits, parts?: LinkParts) {
    this.uri = uri;
    this.#limits = limits;
    this.#parts = parts ?? { load: loadLibvirt, shares: processShares() };
  }

  /** Runs `task` on the connection for its kind of work. */
  async use<T>(
    lane: Lane,
    what: string,
    task: (session: Session) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const connection = await this.#lane(lane, signal);
    try {
      return await connection.use(what, task, signal === undefined ? {} : { signal });
    } catch (error) {
      if (error instanceof CallTimeout) this.#countHanging(error.settled);
      throw error;
    }
  }

  /** Closes one connection as soon as its call is over. */
  drop(connection: Connection): void {
    this.#all.delete(connection);
    const leave = this.#seats.get(connection);
    this.#seats.delete(connection);
    void connection.close().finally(leave);
  }

  /** A connection for one long call; the caller drops it. */
  async open(signal?: AbortSignal): Promise<Connection> {
    const leave = this.#seatForLong();
    try {
      const connection = await this.#connect(signal);
      this.#seats.set(connection, leave);
      return connection;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Closes all of it; waits for the connections that are not stuck in a call. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#lanes.clear();
    const closing = [...this.#all].map((connection) => connection.close());
    await Promise.race([Promise.all(closing), pause(1)]);
  }

  async #lane(lane: Lane, signal?: AbortSignal): Promise<Connection> {
    const existing = this.#lanes.get(lane);
    if (existing !== undefined) {
      // Whoever opened it was told why it could not be; here another attempt follows.
      const connection = await existing.catch(() => undefined);
      if (connection !== undefined && (await connection.isUsable())) return connection;
      if (connection !== undefined) this.drop(connection);
      // Somebody else may have opened a new one in the meantime.
      const current = this.#lanes.get(lane);
      if (current !== undefined && current !== existing) return current;
    }
    const share = this.#parts.shares[SHARE_OF[lane]];
    const opening = this.#connect(signal, (wish) =>
      share.take({ ...wish, spare: this.#spareOf(share) }),
    );
    this.#lanes.set(lane, opening);
    try {
      return await opening;
    } catch (error) {
      if (this.#lanes.get(lane) === opening) this.#lanes.delete(lane);
      throw error;
    }
  }

  async #connect(signal?: AbortSignal, takeSeat?: TakeSeat): Promise<Connection> {
    const { connect } = this.#parts.shares;
    const wish = { what: 'connecting', seconds: this.#limits.callSeconds, signal };
    const silences = this.#silences;
    const leaveAttempt = await this.#attempts.take(wish);
    let leave: Leave | undefined;
    try {
      if (this.#silences > silences) throw new CallTimeout('connecting: no answer to another call');
      leave = await connect.take({ ...wish, spare: this.#spareOf(connect) });
      this.#check(signal);
      const connection = await this.#opened({ signal, takeSeat });
      leave();
      return connection;
    } catch (error) {
      if (error instanceof CallTimeout) void error.settled.finally(() => leave?.());
      else leave?.();
      throw error;
    } finally {
      leaveAttempt();
    }
  }

  async #opened(options: OpenOptions): Promise<Connection> {
    const library = await this.#parts.load();
    try {
      const connection = await Connection.open(library, this.uri, this.#limits, options);
      this.#all.add(connection);
      this.#isProven = true;
      return connection;
    } catch (error) {
      this.#isProven = false;
      if (error instanceof CallTimeout) {
        if (options.signal?.aborted !== true) this.#silences += 1;
        this.#countHanging(error.settled);
      }
      throw error;
    }
  }

  #check(signal: AbortSignal | undefined): void {
    if (this.#closed) throw new LibvirtError(0, 'the adapter was closed', true);
    if (signal?.aborted === true) throw new CallTimeout('cancelled');
    if (this.#hanging >= HANGING_MAX) {
      throw new CallTimeout(`${this.#hanging} earlier calls still hang`);
    }
  }

  /** A host of which a call hangs has half of the seats, one that never answered most of them. */
  #spareOf({ capacity }: Seats): number {
    if (this.#hanging > 0) return Math.floor(capacity / 2);
    return this.#isProven ? 0 : Math.floor(capacity / 4);
  }

  /** At once, or not: nobody knows when a move ends. */
  #seatForLong(): Leave {
    const { long } = this.#parts.shares;
    const leave = long.tryTake();
    if (leave !== undefined) return leave;
    const why = `${long.capacity} long calls are under way: UV_THREADPOOL_SIZE allows no more`;
    throw new LibvirtError(ERROR.resourceBusy, why, false);
  }

  #countHanging(end: Promise<unknown>): void {
    this.#hanging += 1;
    void end.finally(() => {
      this.#hanging -= 1;
    });
  }
}

type TakeSeat = (wish: SeatWish) => Promise<Leave>;

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000).unref();
  });
}
