// Role: one life of the process. What it is bound to works until it dies; from then on nothing is
// ever answered and no sleeper wakes: the code behind it stands still for good, as after kill -9.
// What it had sent to a hypervisor by then is on its way and arrives.
import type { Clock } from '../../src/ports/clock.ts';

export class Fate {
  #isOver = false;
  #fatal: { left: number; readonly when: 'before' | 'after' } | undefined;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Dies at the `calls`-th call from now on, from 0; `before`: that one is not made any more. */
  arm(calls: number, when: 'before' | 'after'): void {
    this.#fatal ??= { left: calls, when };
  }

  end(): void {
    this.#isOver = true;
  }

  /** The same port, as the dying process sees it. */
  bind<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...parts: unknown[]) => this.#live(() => member.apply(target, parts) as unknown);
      },
    });
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (duration, signal) => this.#live(() => clock.sleep(duration, signal)) as Promise<void>,
    };
  }

  async #live(call: () => unknown): Promise<unknown> {
    if (this.#isOver || this.#isFatal('before')) return NEVER;
    const isLast = this.#isFatal('after');
    try {
      const value = await call();
      return isLast || this.#isOver ? await NEVER : value;
    } catch (error) {
      if (isLast || this.#isOver) await NEVER;
      throw error;
    }
  }

  #isFatal(when: 'before' | 'after'): boolean {
    const fatal = this.#fatal;
    if (fatal?.when !== when) return false;
    fatal.left -= 1;
    if (fatal.left >= 0) return false;
    this.#isOver = true;
    return true;
  }
}

const NEVER = new Promise<never>(() => undefined);
