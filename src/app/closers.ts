/** Closes what was opened, newest first; one that fails does not keep the others open. */

export type Closer = () => void | Promise<void>;

export class Closers {
  readonly #closers: Closer[] = [];

  add(closer: Closer | undefined): void {
    if (closer !== undefined) this.#closers.push(closer);
  }

  /** Rejects with all errors together, after everything was tried. */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      try {
        await closer();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 0) return;
    const reasons = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    throw new AggregateError(errors, `not everything could be closed: ${reasons.join('; ')}`);
  }
}
