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
        // Of one that closes several at once each is told by itself.
        errors.push(...(error instanceof AggregateError ? error.errors : [error]));
      }
    }
    if (errors.length === 0) return;
    const reasons = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    throw new AggregateError(errors, `not everything could be closed: ${reasons.join('; ')}`);
  }
}
