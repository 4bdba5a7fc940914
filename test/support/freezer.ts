// Role: a process that stands still from one of its calls on, as after SIGSTOP, and goes on when
// it is woken. What it had asked for by then takes effect; the answers, and time, reach it late.
export interface Freezer {
  /** The same object, as the process sees it: every method answers by a promise. */
  bind<Port extends object>(port: Port): Port;
  /** Goes on, and freezes no more. */
  wake(): void;
  /** The call at which it froze; undefined: it did not. */
  readonly frozenIn: string | undefined;
  /** The calls so far, by name. */
  readonly calls: readonly string[];
}

/** @param at the number of the call, over everything that is bound, from 0. */
export function freezer(at = Number.POSITIVE_INFINITY): Freezer {
  const calls: string[] = [];
  let isFrozen = false;
  let isWoken = false;
  let frozenIn: string | undefined;
  let wake: () => void = () => undefined;
  const woken = new Promise<void>((resolve) => {
    wake = () => {
      isFrozen = false;
      isWoken = true;
      resolve();
    };
  });

  async function live(name: string, call: () => unknown): Promise<unknown> {
    if (calls.length === at && !isWoken) {
      isFrozen = true;
      frozenIn = name;
    }
    calls.push(name);
    try {
      return await call();
    } finally {
      while (isFrozen) await woken;
    }
  }

  return {
    bind(port) {
      return new Proxy(port, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== 'function') return member;
          return (...parts: unknown[]) =>
            live(String(name), () => member.apply(target, parts) as unknown);
        },
      });
    },
    wake: () => wake(),
    get frozenIn() {
      return frozenIn;
    },
    calls,
  };
}
