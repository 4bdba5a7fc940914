/**
 * Polls one after the other. One that is asked for while another is under way asks nothing new of
 * the sources that have not answered yet ({@link SourcePoll}): whoever needs to know what is so
 * now has to wait for the next one.
 */
export class Polls {
  readonly #poll: () => Promise<void>;
  #newest: Promise<void> = Promise.resolve();

  /** `poll` does not reject, and ends within the sources' time-outs. */
  constructor(poll: () => Promise<void>) {
    this.#poll = poll;
  }

  now(): Promise<void> {
    this.#newest = this.#poll();
    return this.#newest;
  }

  /** Of nothing that was asked before this call. */
  async anew(): Promise<void> {
    await this.#newest;
    await this.now();
  }
}
