/**
 * The two connections that a cold move copies disks over, one long call each. They are opened
 * before anything happens to the guest: where they cannot be had it would be shut down for nothing.
 */

import type { Connection } from '../connection.ts';
import type { HostLink } from '../host-link.ts';
import { ERROR } from '../native/constants.ts';
import { isLibvirtError, LibvirtError, messageOf } from '../native/errors.ts';

/** The least threads with which two calls can be long (seats.ts). */
export const COPYING_THREADS = 12;

interface Linked {
  readonly link: Pick<HostLink, 'open' | 'drop'>;
}

export class CopyLines {
  readonly #from: Line;
  readonly #to: Line;

  private constructor(from: Line, to: Line) {
    this.#from = from;
    this.#to = to;
  }

  /** Rejects with LibvirtError, also where there are too few threads; nothing is open then. */
  static async open(from: Linked, to: Linked, signal?: AbortSignal): Promise<CopyLines> {
    const source = await Line.open(from, signal);
    try {
      return new CopyLines(source, await Line.open(to, signal));
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** They may have waited for minutes: what broke since is opened anew. */
  async usable(): Promise<{ readonly source: Connection; readonly target: Connection }> {
    return { source: await this.#from.usable(), target: await this.#to.usable() };
  }

  /** As soon as their calls are over. Idempotent. */
  close(): void {
    this.#from.close();
    this.#to.close();
  }
}

class Line {
  readonly #host: Linked;
  #connection: Connection | undefined;

  private constructor(host: Linked, connection: Connection) {
    this.#host = host;
    this.#connection = connection;
  }

  static async open(host: Linked, signal?: AbortSignal): Promise<Line> {
    return new Line(host, await connect(host, signal));
  }

  async usable(): Promise<Connection> {
    const before = this.#connection;
    if (before !== undefined && (await before.isUsable())) return before;
    this.close();
    this.#connection = await connect(this.#host);
    return this.#connection;
  }

  close(): void {
    if (this.#connection !== undefined) this.#host.link.drop(this.#connection);
    this.#connection = undefined;
  }
}

async function connect({ link }: Linked, signal?: AbortSignal): Promise<Connection> {
  try {
    return await link.open(signal);
  } catch (error) {
    if (!isLibvirtError(error, ERROR.resourceBusy)) throw error;
    const what = 'a cold copy of disks takes two long calls';
    const advice = `try again later, or start Drover with ${COPYING_THREADS} threads or more`;
    const text = `${what}, and ${messageOf(error)}: ${advice} (the launcher gives 256)`;
    throw new LibvirtError(ERROR.resourceBusy, text, false);
  }
}
