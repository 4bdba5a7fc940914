/**
 * Takes orders from people and alerting systems and keeps them in the ledger. An order only says
 * what is wanted; rules turn it into a finding, and the same gate as everywhere judges the moves.
 */

import type { EventSink } from '../ports/events.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { orderId, type HostId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { epochSeconds } from '../domain/units.ts';

export interface NewOrder {
  readonly kind: Order['kind'];
  readonly host: HostId;
  readonly by: Order['by'];
  readonly reason: string;
  readonly dedupeKey: string;
  readonly deadlineSeconds: number | null;
}

export interface GivenOrder {
  readonly order: Order;
  readonly what: 'given' | 'repeated' | 'changed';
}

export interface OrderDeskParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly newId: () => string;
}

export class OrderDesk {
  readonly #parts: OrderDeskParts;
  /** Orders are given one after the other, so that two of the same cannot both be "new". */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(parts: OrderDeskParts) {
    this.#parts = parts;
  }

  /**
   * Opens an order, or returns the one that is open already for this host and key. Maintenance of
   * a host that is only being evacuated raises that order; the reverse changes nothing.
   */
  give(wanted: NewOrder, world: Snapshot): Promise<GivenOrder> {
    return this.#inTurn(() => this.#give(wanted, world));
  }

  /** Returns the host to service; undefined when there is no order to end. */
  returnHost(host: HostId): Promise<Order | undefined> {
    return this.#inTurn(async () => {
      const open = await this.#openOrder(host);
      if (open === undefined) return undefined;
      return this.#put({ ...open, state: 'returning' }, 'changed');
    });
  }

  /** Closes the orders whose VMs are home again, or will not come (`isHome` says so). */
  closeReturned(isHome: (order: Order) => boolean): Promise<void> {
    return this.#inTurn(async () => {
      for (const order of await this.#parts.ledger.orders(false)) {
        if (order.state === 'returning' && isHome(order))
          await this.#put({ ...order, state: 'closed' }, 'changed');
      }
    });
  }

  async #give(wanted: NewOrder, world: Snapshot): Promise<GivenOrder> {
    const open = await this.#openOrder(wanted.host);
    if (open !== undefined) {
      const raised = open.kind === 'evacuate' && wanted.kind === 'maintenance';
      if (!raised) {
        this.#parts.events.emit('order', { order: open, what: 'repeated' });
        return { order: open, what: 'repeated' };
      }
      const order = await this.#put({ ...open, kind: 'maintenance' }, 'changed');
      return { order, what: 'changed' };
    }
    await this.#endReturn(wanted.host);
    return { order: await this.#put(this.#make(wanted, world), 'given'), what: 'given' };
  }

  #make(wanted: NewOrder, world: Snapshot): Order {
    const createdAt = this.#parts.clock.now();
    const { deadlineSeconds } = wanted;
    return {
      id: orderId(this.#parts.newId()),
      kind: wanted.kind,
      host: wanted.host,
      by: wanted.by,
      reason: wanted.reason,
      createdAt,
      deadline: deadlineSeconds === null ? undefined : epochSeconds(createdAt + deadlineSeconds),
      state: 'open',
      dedupeKey: wanted.dedupeKey,
      home: world.vms.filter((vm) => vm.host === wanted.host).map((vm) => vm.id),
    };
  }

  async #openOrder(host: HostId): Promise<Order | undefined> {
    const orders = await this.#parts.ledger.orders(false);
    return orders.find((order) => order.host === host && order.state === 'open');
  }

  /** A new order takes the place of a return that is still going on. */
  async #endReturn(host: HostId): Promise<void> {
    for (const order of await this.#parts.ledger.orders(false)) {
      if (order.host === host && order.state === 'returning')
        await this.#put({ ...order, state: 'closed' }, 'changed');
    }
  }

  async #put(order: Order, what: GivenOrder['what']): Promise<Order> {
    await this.#parts.ledger.putOrder(order);
    this.#parts.events.emit('order', { order, what });
    return order;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work, work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}
