/**
 * The kill switch as people are shown it. It lies in the ledger, where every controller may turn
 * it: it is read again with each beat and told when it has changed, also right after a start. What
 * is about to be begun asks the ledger itself.
 */

import type { EpochSeconds } from '../domain/units.ts';
import type { EventSink } from '../ports/events.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';

export interface SwitchPosition {
  readonly paused: boolean;
  /** Who turned it last; empty: nobody has. */
  readonly by: string;
}

interface KillSwitchParts {
  readonly ledger: Pick<Ledger, 'paused' | 'setPaused'>;
  readonly events: EventSink;
}

export class KillSwitch {
  readonly #ledger: Pick<Ledger, 'paused' | 'setPaused'>;
  readonly #events: EventSink;
  #position: SwitchPosition = { paused: false, by: '' };
  /** Looks and turns are numbered; what an older one than the newest taken has seen is past. */
  #begun = 0;
  #taken = 0;

  constructor({ ledger, events }: KillSwitchParts) {
    this.#ledger = ledger;
    this.#events = events;
  }

  /** As last seen in the ledger. */
  get position(): SwitchPosition {
    return this.#position;
  }

  /** Rejects with LedgerError where it could not be written down: then it was not turned. */
  async turn(position: SwitchPosition, at: EpochSeconds): Promise<void> {
    await this.#ledger.setPaused(position.paused, position.by, at);
    // Looks that were begun until now may have seen how it was before.
    this.#begun += 1;
    this.#take(this.#begun, position);
  }

  /** Where the ledger does not answer, what was seen last stands; LedgerWatch tells of that. */
  async look(): Promise<void> {
    this.#begun += 1;
    const number = this.#begun;
    try {
      this.#take(number, await this.#ledger.paused());
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
    }
  }

  #take(number: number, position: SwitchPosition): void {
    if (number < this.#taken) return;
    this.#taken = number;
    const before = this.#position;
    this.#position = position;
    const isOther = position.paused && position.by !== before.by;
    if (position.paused !== before.paused || isOther) this.#events.emit('paused', position);
  }
}
