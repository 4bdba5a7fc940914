// Role: makes whole lines of what the consoles of one guest on all hosts receive. Pure.
// A migration cuts the guest's serial line wherever it stands: the head of a line then lies in the
// console of the source and its tail in that of the destination. Put together it is a heartbeat
// that was sent; left apart it would look like one that was lost.
import type { HostNumber } from './paths.ts';

export class ConsoleLines {
  readonly #isWhole: (line: string) => boolean;
  /** What came after the last line break, on each host. */
  readonly #rests = new Map<HostNumber, string>();

  constructor(isWhole: (line: string) => boolean) {
    this.#isWhole = isWhole;
  }

  /** Returns the lines that a new piece of text completes. */
  feed(host: HostNumber, text: string): string[] {
    const lines = ((this.#rests.get(host) ?? '') + text).split('\n');
    this.#rests.set(host, lines.pop() ?? '');
    return lines.map((line) => this.#mended(host, line));
  }

  #mended(host: HostNumber, line: string): string {
    if (line === '' || this.#isWhole(line)) return line;
    for (const [other, head] of this.#rests) {
      if (other === host || head === '' || !this.#isWhole(head + line)) continue;
      this.#rests.set(other, '');
      return head + line;
    }
    return line;
  }
}
