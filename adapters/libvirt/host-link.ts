/**
 * All connections to one host. Work of different kinds goes over connections of its own, so that a
 * long inventory does not delay an abort, and a migration, whose call lasts as long as the
 * migration, delays nothing. Connections are opened when needed and again after the daemon was
 * restarted.
 */

import { Connection, type CallLimits } from './connection.ts';
import { CallTimeout, LibvirtError } from './native/errors.ts';
import { loadLibvirt } from './native/library.ts';
import type { Session } from './native/session.ts';

export type Lane = 'control' | 'inventory' | 'statistics';

/** Calls that may hang at once on one host before it is left alone until one comes back. */
const HANGING_MAX = 4;

export class HostLink {
  readonly uri: string;
  readonly #limits: CallLimits;
  readonly #lanes = new Map<Lane, Promise<Connection>>();
  readonly #all = new Set<Connection>();
  #hanging = 0;
  #closed = false;

  constructor(uri: string, limits: CallLimits) {
    this.uri = uri;
    this.#limits = limits;
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
    void connection.close();
  }

  /** A connection for one long call; the caller drops it. */
  async open(signal?: AbortSignal): Promise<Connection> {
    if (this.#closed) throw new LibvirtError(0, 'the adapter was closed', true);
    if (signal?.aborted === true) throw new CallTimeout('cancelled');
    if (this.#hanging >= HANGING_MAX) {
      throw new CallTimeout(`${this.#hanging} earlier calls still hang`);
    }
    const library = await loadLibvirt();
    try {
      const connection = await Connection.open(library, this.uri, this.#limits, signal);
      this.#all.add(connection);
      return connection;
    } catch (error) {
      if (error instanceof CallTimeout) this.#countHanging(error.settled);
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
    const opening = this.open(signal);
    this.#lanes.set(lane, opening);
    try {
      return await opening;
    } catch (error) {
      if (this.#lanes.get(lane) === opening) this.#lanes.delete(lane);
      throw error;
    }
  }

  #countHanging(end: Promise<unknown>): void {
    this.#hanging += 1;
    void end.finally(() => {
      this.#hanging -= 1;
    });
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000).unref();
  });
}
