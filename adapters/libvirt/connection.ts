/**
 * One connection to one libvirt daemon. Uses of it queue up: one at a time, each raced against a
 * time-out, because a call into the C library can neither be interrupted nor given a deadline.
 *
 * A use that ran out of time makes the connection unusable for good: its call may still be carried
 * out, and its thread is back only when libvirt gives up (keepalive) or answers. Then it is closed.
 * Its task makes no further call then, though nobody can keep it from going on.
 */

import { CallTimeout, connectError, LibvirtError } from './native/errors.ts';
import type { LibvirtLibrary } from './native/library.ts';
import type { Leave, SeatWish } from './native/seats.ts';
import { Session } from './native/session.ts';
import type { Pointer } from './native/signatures.ts';
import { isAllowed } from '../../src/ports/permission.ts';

export interface CallLimits {
  /** Longest wait for one use of a connection, or for opening one. */
  readonly callSeconds: number;
  /** Seconds between libvirt's keepalive messages, and how many may stay unanswered. */
  readonly keepAlive: { readonly intervalSeconds: number; readonly count: number };
}

export interface UseOptions {
  /** Ends the wait, and the task makes no further call. */
  readonly signal?: AbortSignal;
  /** Longest wait; default: as the limits say. */
  readonly seconds?: number;
  /** Of a call that does not wait for this use: the task may go on as long as that is allowed. */
  readonly permit?: AbortSignal;
}

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where a use gets the seat that it needs; without it, whoever opened the connection has one. */
  readonly takeSeat?: ((wish: SeatWish) => Promise<Leave>) | undefined;
}

export class Connection {
  readonly #session: Session;
  readonly #limits: CallLimits;
  readonly #takeSeat: OpenOptions['takeSeat'];
  /** Settles when all uses so far have come back from libvirt. */
  #idle: Promise<unknown> = Promise.resolve();
  #queue: Promise<unknown> = Promise.resolve();
  #unusable: string | undefined;
  #closing: Promise<void> | undefined;

  private constructor(session: Session, limits: CallLimits, { takeSeat }: OpenOptions) {
    this.#session = session;
    this.#limits = limits;
    this.#takeSeat = takeSeat;
  }

  static async open(
    library: LibvirtLibrary,
    uri: string,
    limits: CallLimits,
    options: OpenOptions = {},
  ): Promise<Connection> {
    library.acquire();
    const reported = library.reportCount();
    const opening = library.call('virConnectOpen', uri);
    let pointer: Pointer | null;
    try {
      pointer = await inTime('connecting', opening, limits.callSeconds, options.signal);
    } catch (error) {
      void opening.then((pointerTooLate) => closeLate(library, pointerTooLate));
      throw error;
    }
    if (pointer === null) {
      library.release();
      throw connectError(uri, library.reportsSince(reported));
    }
    const connection = new Connection(new Session(library, pointer), limits, options);
    const { intervalSeconds, count } = limits.keepAlive;
    // A driver that talks to no daemon has no keepalive: then it needs none.
    const setUp = (session: Session): Promise<unknown> =>
      session.library.call('virConnectSetKeepAlive', pointer, intervalSeconds, count);
    try {
      // On the seat of whoever opens it.
      await connection.#run('setting up keepalive', setUp, {});
    } catch (error) {
      void connection.close();
      throw error;
    }
    return connection;
  }

  /**
   * Whether it can be used. Asks libvirt, which has noticed a daemon that went away, at no cost:
   * nothing is sent.
   */
  async isUsable(): Promise<boolean> {
    if (this.#unusable !== undefined) return false;
    const { library, connection } = this.#session;
    return (await library.call('virConnectIsAlive', connection)) === 1;
  }

  /**
   * Runs `task` when its turn comes. Rejects with LibvirtError, or with CallTimeout when it takes
   * longer than the limits allow or `signal` is aborted.
   */
  async use<T>(
    what: string,
    task: (session: Session) => Promise<T>,
    options: UseOptions = {},
  ): Promise<T> {
    const before = this.#queue;
    const turn = Promise.withResolvers<undefined>();
    this.#queue = turn.promise;
    await before;
    try {
      const { signal } = options;
      this.#check(what, signal);
      // A seat that does not come free says nothing of this connection.
      const leave = await this.#takeSeat?.({ what, seconds: this.#limits.callSeconds, signal });
      return await this.#run(what, task, options).finally(() => this.#leaveWhenIdle(leave));
    } finally {
      turn.resolve(undefined);
    }
  }

  #check(what: string, signal: AbortSignal | undefined): void {
    if (this.#unusable !== undefined) throw new LibvirtError(0, this.#unusable, true);
    if (signal?.aborted === true) throw new CallTimeout(`${what}: cancelled`);
  }

  async #run<T>(
    what: string,
    task: (session: Session) => Promise<T>,
    options: UseOptions,
  ): Promise<T> {
    const { signal, permit = signal } = options;
    let isGivenUp = false;
    try {
      this.#check(what, signal);
      const running = task(this.#session.during(() => !isGivenUp && isAllowed(permit)));
      // Only its end counts for closing; how it ended, the caller is told below.
      this.#idle = running.catch(() => undefined);
      const limit = options.seconds ?? this.#limits.callSeconds;
      return await inTime(what, running, limit, signal);
    } catch (error) {
      isGivenUp = true;
      if (error instanceof CallTimeout) this.#giveUp(error.message);
      throw error;
    }
  }

  /** Its thread is back only when libvirt has returned, from the closing that may follow, too. */
  #leaveWhenIdle(leave: Leave | undefined): void {
    if (leave === undefined) return;
    void this.#idle.then(() => this.#closing).finally(leave);
  }

  /** Closes it when the use in progress is over. Idempotent. */
  close(): Promise<void> {
    this.#unusable ??= 'the connection was closed';
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #giveUp(reason: string): void {
    this.#unusable ??= reason;
    void this.close();
  }

  async #close(): Promise<void> {
    await this.#idle;
    const { library, connection } = this.#session;
    await library.call('virConnectClose', connection);
    library.release();
  }
}

async function closeLate(library: LibvirtLibrary, pointer: Pointer | null): Promise<void> {
  if (pointer !== null) await library.call('virConnectClose', pointer);
  library.release();
}

async function inTime<T>(
  what: string,
  running: Promise<T>,
  limitSeconds: number,
  signal?: AbortSignal,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  // In time, its failure is the caller's answer. Later nobody asks any more: only its end counts.
  const settled = running.catch(() => undefined);
  const giveUp = (why: string): void => late.reject(new CallTimeout(`${what}: ${why}`, settled));
  const onAbort = (): void => giveUp('cancelled');
  const onTime = (): void => giveUp(`no answer within ${limitSeconds} s`);
  const isBounded = Number.isFinite(limitSeconds);
  const timer = isBounded ? setTimeout(onTime, limitSeconds * 1000) : undefined;
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([running, late.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
