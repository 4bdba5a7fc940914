/**
 * Whether the ledger can be written. Full, read-only or out of reach, it lets Drover see and serve
 * and nothing else: what cannot be written down first is not done. On a full disk some writes still
 * find room; so it is taken to work again when a whole tick has read and written all it wanted, and
 * then everything goes on by itself.
 */

import type { EventSink } from '../ports/events.ts';
import { type Ledger, LedgerError, type LedgerErrorCode } from '../ports/ledger.ts';
import type { LedgerView } from '../ports/api.ts';

/** What says that the store is in trouble; the others are about one record, or the end. */
const TROUBLES: readonly LedgerErrorCode[] = [
  'full',
  'read-only',
  'io',
  'corrupt',
  'in-use',
  'unsafe',
  'newer-schema',
  'unreachable',
];

export class LedgerWatch {
  readonly #events: EventSink;
  #trouble: LedgerError | undefined;
  #failures = 0;

  constructor(events: EventSink) {
    this.#events = events;
  }

  /** Undefined: nothing is known against it. */
  get trouble(): LedgerError | undefined {
    return this.#trouble;
  }

  get view(): LedgerView {
    return { writable: this.#trouble === undefined, detail: this.#trouble?.message ?? '' };
  }

  /** How often a call has failed so far, for {@link settle}. */
  get failures(): number {
    return this.#failures;
  }

  /** A whole tick went well since there were so many failures. True: that ends the trouble. */
  settle(failures: number): boolean {
    if (this.#trouble === undefined || this.#failures !== failures) return false;
    this.#note(undefined);
    return true;
  }

  /** The same ledger; how its calls end is noted here. */
  over(ledger: Ledger): Ledger {
    return new Proxy(ledger, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...parts: unknown[]): unknown => {
          const answer: unknown = member.apply(target, parts);
          return answer instanceof Promise ? this.#follow(answer) : answer;
        };
      },
    });
  }

  async #follow(call: Promise<unknown>): Promise<unknown> {
    try {
      return await call;
    } catch (error) {
      if (error instanceof LedgerError && TROUBLES.includes(error.code)) {
        this.#failures += 1;
        this.#note(error);
      }
      throw error;
    }
  }

  #note(trouble: LedgerError | undefined): void {
    const isNews = trouble?.code !== this.#trouble?.code;
    this.#trouble = trouble;
    if (!isNews) return;
    const code = trouble?.code ?? 'writable';
    const text = trouble?.message ?? 'the ledger can be written again';
    this.#events.emit('ledger', { code, text });
  }
}

/** Why Drover is not ready; empty: the ledger is not to blame. */
export function ledgerReasons({ trouble }: Pick<LedgerWatch, 'trouble'>): readonly string[] {
  return trouble === undefined ? [] : [`nothing is begun: ${trouble.message}`];
}
