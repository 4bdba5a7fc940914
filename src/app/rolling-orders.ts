/**
 * The orders of a rolling maintenance whose turn has not come: enrolled together, begun one group
 * after the other, held or withdrawn together. What has begun is an order like any other.
 */

import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { type HostId, orderId } from '../domain/ids.ts';
import type { Order, RollingPart } from '../domain/order.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Turns } from '../domain/turns.ts';
import { type OrderLine, type OrderWriter, unlessConflict } from './order-writer.ts';
import { closed, type NewOrder, orderFor, wishText } from './wanted-order.ts';

export interface RollingOrdersParts {
  readonly ledger: Pick<Ledger, 'orders' | 'changeOrder'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: () => string;
  readonly writer: OrderWriter;
  /** The order desk's: nobody gives an order meanwhile. */
  readonly turns: Turns;
}

export class RollingOrders {
  readonly #parts: RollingOrdersParts;

  constructor(parts: RollingOrdersParts) {
    this.#parts = parts;
  }

  /**
   * Orders that wait for their turn in a rolling maintenance, in that order: all, or none where one
   * of the hosts has an order by now, which is what it fails with.
   */
  enrol(
    wanted: readonly NewOrder[],
    rolling: Pick<RollingPart, 'id' | 'batch'>,
    world: Snapshot,
  ): Promise<Result<readonly Order[], Order>> {
    return this.#parts.turns.take(async () => {
      const known = await this.#parts.ledger.orders(false);
      const taken = known.find(({ host }) => wanted.some((one) => one.host === host));
      if (taken !== undefined) return fail(taken);
      const at = this.#parts.clock.now();
      const lines = wanted.map((one, place): OrderLine => {
        const id = orderId(this.#parts.newId());
        const made = orderFor(one, { id, at, world, onTheirWay: [] });
        const part = { ...rolling, place };
        const turn = `turn ${place + 1} of ${wanted.length}`;
        return {
          order: { ...made, home: [], state: 'waiting', rolling: part },
          text: `${wishText('maintenance', one, world)} (${turn})`,
        };
      });
      await this.#parts.writer.put(lines);
      return ok(lines.map(({ order }) => order));
    });
  }

  /**
   * The turn of these has come; which of them were begun. To find that out took its time: not one
   * whose rolling maintenance is held by now, or has a host of another group that is not back, nor
   * one that waits no more, whose host another order holds, or on which this controller may not
   * act any more.
   */
  begin(
    group: readonly Order[],
    world: Snapshot,
    mayAct: (host: HostId) => boolean,
  ): Promise<readonly Order[]> {
    return this.#parts.turns.take(async () => {
      const begun: Order[] = [];
      for (const order of group) {
        const known = await this.#parts.ledger.orders(false);
        const others = known.filter(({ id }) => begun.every((one) => one.id !== id));
        if (!isFree(order, others)) continue;
        const own = await this.#begin(order, world, mayAct);
        if (own !== undefined) begun.push(own);
      }
      return begun;
    });
  }

  #begin(
    { id, host }: Order,
    world: Snapshot,
    mayAct: (host: HostId) => boolean,
  ): Promise<Order | undefined> {
    const home = world.vms.filter((vm) => vm.host === host).map((vm) => vm.id);
    const begun = { state: 'open', createdAt: this.#parts.clock.now(), home } as const;
    // By how it stands in the ledger: another controller may have been asked to hold it.
    const change = (now: Order): Order | undefined =>
      now.state === 'waiting' && now.rolling?.heldBy === undefined && mayAct(host)
        ? { ...now, ...begun }
        : undefined;
    return this.#parts.writer.change({ id }, change).catch(unlessConflict);
  }

  /**
   * What happens to the hosts of a rolling maintenance whose turn has not come: `heldBy` stops
   * them for that reason, or (undefined) lets them go on; `withdraw` closes their orders. Returns
   * how many there are.
   */
  steer(
    rolling: string,
    what: 'withdraw' | { readonly heldBy: string | undefined },
  ): Promise<number> {
    return this.#parts.turns.take(async () => {
      const orders = await this.#parts.ledger.orders(false);
      const own = orders.filter(
        ({ state, rolling: of }) => state === 'waiting' && of?.id === rolling,
      );
      for (const order of own) {
        if (what === 'withdraw') {
          await this.#parts.writer.change(order, (now) =>
            now.state === 'waiting' ? closed(now) : undefined,
          );
          continue;
        }
        await this.#parts.ledger.changeOrder(order.id, (now) => {
          if (now.state !== 'waiting' || now.rolling === undefined) return undefined;
          return { order: { ...now, rolling: { ...now.rolling, heldBy: what.heldBy } } };
        });
      }
      return own.length;
    });
  }
}

/** @param others the orders that are not closed, without those of its group. */
function isFree({ host, rolling }: Order, others: readonly Order[]): boolean {
  return others.every(
    (one) => one.state === 'waiting' || (one.host !== host && one.rolling?.id !== rolling?.id),
  );
}
