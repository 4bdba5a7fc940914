// Role: one life of the process. What it is bound to works until it dies; from then on nothing is
// ever answered and no sleeper wakes: the code behind it stands still for good, as after kill -9.
// What it had sent to a hypervisor by then is on its way and arrives. It may also stand still for a
// while only, as after SIGSTOP: what it has asked for happens, answers and time reach it late.
import { seconds } from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';

/** Where it dies: `before` that call is made, or `after`, when its answer does not arrive. */
export type When = 'before' | 'after';

export class Fate {
  readonly #clock: Clock;
  readonly #onCall: () => void;
  #isOver = false;
  #fatal: { left: number; readonly when: When } | undefined;
  #frost: { left: number; readonly forSeconds: number } | undefined;
  #thaw: (() => void) | undefined;
  #frozen: Promise<void> | undefined;

  /** @param onCall hears of every call of a port, before it is made. */
  constructor(clock: Clock, onCall: () => void) {
    this.#clock = clock;
    this.#onCall = onCall;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isFrozen(): boolean {
    return this.#frozen !== undefined;
  }

  /** Dies at the `calls`-th call from now on, from 0. */
  arm(calls: number, when: When): void {
    this.#fatal ??= { left: calls, when };
  }

  /** Stands still from the answer of the `calls`-th call from now on, from 0, for so long. */
  freeze(calls: number, forSeconds: number): void {
    this.#frost ??= { left: calls, forSeconds };
  }

  /** Lives on, whatever was in store for it. */
  spare(): void {
    this.#fatal = undefined;
    this.thaw();
  }

  /** Goes on, and freezes no more. */
  thaw(): void {
    this.#frost = undefined;
    this.#frozen = undefined;
    this.#thaw?.();
  }

  end(): void {
    this.#isOver = true;
  }

  /** The same port, as the process sees it. */
  bind<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...parts: unknown[]) => this.#live(() => member.apply(target, parts) as unknown);
      },
    });
  }

  clock(): Clock {
    const clock = this.#clock;
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (duration, signal) => this.#live(() => clock.sleep(duration, signal)) as Promise<void>,
    };
  }

  async #live(call: () => unknown): Promise<unknown> {
    if (this.#isOver || this.#isFatal('before')) return never();
    this.#onCall();
    const isLast = this.#isFatal('after');
    if (this.#isChilling()) this.#stand();
    try {
      const value = await call();
      await this.#awake(isLast);
      return value;
    } catch (error) {
      await this.#awake(isLast);
      throw error;
    }
  }

  /** For good where it was the last call of this life. */
  async #awake(isLast: boolean): Promise<void> {
    while (this.#frozen !== undefined) await this.#frozen;
    if (isLast || this.#isOver) await never();
  }

  #isFatal(when: When): boolean {
    const fatal = this.#fatal;
    if (fatal?.when !== when) return false;
    fatal.left -= 1;
    if (fatal.left >= 0) return false;
    this.#isOver = true;
    return true;
  }

  #isChilling(): boolean {
    if (this.#frost === undefined || this.#frozen !== undefined) return false;
    this.#frost.left -= 1;
    return this.#frost.left < 0;
  }

  #stand(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#frozen = promise;
    this.#thaw = resolve;
    void this.#clock.sleep(seconds(this.#frost?.forSeconds ?? 0)).then(() => this.thaw());
  }
}

/** One for each who waits: of one for all every life would stay in memory that ever waited. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}
