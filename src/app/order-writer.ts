/**
 * Writes orders into the ledger, each with its line of the history, and tells of them. What
 * becomes of an order that is there is a function of how it stands, applied in one step.
 */

import type { HistoryEntry } from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';

export interface OrderWriterParts {
  readonly ledger: Pick<Ledger, 'putOrders' | 'changeOrder'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly events: EventSink;
}

/** A new order, and who gave it, for the history. */
export interface OrderLine {
  readonly order: Order;
  readonly text: string;
}

export class OrderWriter {
  readonly #parts: OrderWriterParts;

  constructor(parts: OrderWriterParts) {
    this.#parts = parts;
  }

  /** New ones, all or none, in one write: fifty do not wait for each other. */
  async put(all: readonly OrderLine[]): Promise<void> {
    if (all.length === 0) return;
    const { ledger, events } = this.#parts;
    await ledger.putOrders(
      all.map(({ order, text }) => ({ order, line: this.#line(order, text) })),
    );
    for (const { order } of all) events.emit('order', { order, what: 'given' });
  }

  /**
   * One that is there; undefined: it is not any more what could be changed so.
   *
   * @param line who did it, for the history; nothing where it follows by itself. Several: in turn.
   */
  async change(
    { id }: Pick<Order, 'id'>,
    change: (now: Order) => Order | undefined,
    line?: string | readonly string[] | ((changed: Order) => string),
  ): Promise<Order | undefined> {
    const order = await this.#parts.ledger.changeOrder(id, (now) => {
      const changed = change(now);
      if (changed === undefined) return undefined;
      const told = typeof line === 'function' ? line(changed) : (line ?? []);
      const texts = typeof told === 'string' ? [told] : told;
      return { order: changed, lines: texts.map((text) => this.#line(changed, text)) };
    });
    if (order !== undefined) this.#parts.events.emit('order', { order, what: 'changed' });
    return order;
  }

  /**
   * A new one in the place of one that is there, both or neither. Undefined: that is not any more
   * what it could take the place of.
   */
  async replace(
    { id }: Pick<Order, 'id'>,
    change: (now: Order) => { readonly order: Order; readonly successor: OrderLine } | undefined,
  ): Promise<Order | undefined> {
    let put: Order | undefined;
    const order = await this.#parts.ledger.changeOrder(id, (now) => {
      const changed = change(now);
      put = changed?.successor.order;
      if (changed === undefined) return undefined;
      const { order: next, text } = changed.successor;
      return { order: changed.order, successor: { order: next, line: this.#line(next, text) } };
    });
    if (order === undefined || put === undefined) return undefined;
    this.#parts.events.emit('order', { order, what: 'changed' });
    this.#parts.events.emit('order', { order: put, what: 'given' });
    return put;
  }

  #line({ host }: Order, text: string): HistoryEntry {
    const about = { vm: undefined, host, from: undefined, move: undefined };
    return { at: this.#parts.clock.now(), kind: 'order', ...about, text };
  }
}

/** For orders where another controller may be first: undefined, where it was. */
export function unlessConflict(error: unknown): undefined {
  if (error instanceof LedgerError && error.code === 'conflict') return undefined;
  throw error;
}
