// Role: a process that dies at one of its calls. What it is bound to works until then; at the
// fatal call, which still takes effect, and at every call after that nothing is ever answered: the
// code behind it stands still for good, as after kill -9.

export interface Mortal {
  /** The same object, as the dying process sees it. */
  bind<Port extends object>(port: Port): Port;
  isOver(): boolean;
  /** The calls so far, by name. */
  readonly calls: readonly string[];
  /** Dies now, whatever it was doing. */
  end(): void;
}

/**
 * `fatal`: the number of the call, over everything that is bound, from 0; `counts`: which calls are
 * numbered, default: all.
 */
export function mortal(fatal: number, counts: (call: string) => boolean = () => true): Mortal {
  const calls: string[] = [];
  let isOver = false;
  const never = new Promise<never>(() => undefined);

  async function live(name: string, call: () => unknown): Promise<unknown> {
    if (isOver) return never;
    const isFatal = counts(name) && calls.length === fatal;
    if (counts(name)) calls.push(name);
    if (isFatal) isOver = true;
    const value: unknown = await call();
    return isOver ? never : value;
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
    isOver: () => isOver,
    calls,
    end: () => {
      isOver = true;
    },
  };
}
