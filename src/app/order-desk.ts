/**
 * Takes orders from people and alerting systems and keeps them in the ledger. An order only says
 * what is wanted; rules turn it into a finding, and the same gate as everywhere judges the moves.
 *
 * Several controllers share the orders. So nothing here reads an order, thinks, and writes it: what
 * is to become of one is a function of how it stands, and the ledger applies it in one step.
 */

import type { EventSink } from '../ports/events.ts';
import type { Clock } from '../ports/clock.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import type { Host } from '../domain/host.ts';
import { orderId, type HostId, type OrderId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Haste } from './haste.ts';
import { type OrderLine, OrderWriter, unlessConflict } from './order-writer.ts';
import { NOBODY_YET } from './return-waves.ts';
import { RollingOrders } from './rolling-orders.ts';
import { Turns } from '../domain/turns.ts';
import {
  closed,
  hookInTheWay,
  isHookAtWork,
  isOnlyFor,
  type NewOrder,
  orderFor,
  wasAskedBy,
  wishText,
  withAsker,
  withWish,
} from './wanted-order.ts';

export interface GivenOrder {
  readonly order: Order;
  readonly what: 'given' | 'repeated' | 'changed';
}

/** What is to be done about a wish, as the orders stood a moment ago. */
interface Decided {
  /** `given`: to be written as it is; else the one that is open. */
  readonly order: Order;
  readonly what: GivenOrder['what'];
  /** `given`: the return that goes on there, and that it takes the place of. */
  readonly instead?: Order | undefined;
}

/** More often it is not tried to be first: of two controllers, one was each time. */
const MOST_TRIES = 5;

/** What became of the open orders of an area's hosts when it was returned. */
export interface ReturnedArea {
  readonly returned: readonly GivenOrder[];
  /** Not the area's own, or their hook is at work: they stay as they are. */
  readonly leftOut: readonly Order[];
}

/** What is written together with a return that follows from the order itself. */
export interface GivenBackWith extends Pick<Order, 'deadlineTold'> {
  /** Why, for the history. */
  readonly lines: readonly string[];
}

export interface OrderDeskParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly newId: () => string;
  /** Who can wait rests while an order is taken; absent: nobody does. */
  readonly haste?: Haste | undefined;
}

export class OrderDesk {
  /** Whose turn in a rolling maintenance has not come. */
  readonly rolling: RollingOrders;
  readonly #parts: OrderDeskParts;
  readonly #writer: OrderWriter;
  /** Orders are given one after the other, so that two of the same cannot both be "new". */
  readonly #turns = new Turns();

  constructor(parts: OrderDeskParts) {
    this.#parts = parts;
    this.#writer = new OrderWriter(parts);
    this.rolling = new RollingOrders({ ...parts, writer: this.#writer, turns: this.#turns });
  }

  /**
   * Opens an order, or returns the one that is open already for this host and key. Maintenance of
   * a host that is only being evacuated raises that order; the reverse changes nothing. A person
   * who orders what an alert has ordered makes it their own: it needs no approval any more. A
   * hook is added to an order that has none, or takes the place of one that has failed. Of two
   * deadlines the earlier one counts.
   */
  give(wanted: NewOrder, world: Snapshot): Promise<GivenOrder> {
    return this.giveAll([wanted], world).then(([given]) => {
      if (given === undefined) throw new Error(`no order came of one about ${wanted.host}`);
      return given;
    });
  }

  /**
   * About different hosts, all at once: no tick comes between them, and takes one of the hosts for
   * a refuge.
   */
  giveAll(wanted: readonly NewOrder[], world: Snapshot): Promise<readonly GivenOrder[]> {
    return this.#inHaste(async () => {
      return this.#giveAll(wanted, world, await this.#parts.ledger.orders(false));
    });
  }

  /** The same, or none: where one has another hook already, which is the order it fails with. */
  giveAllOrNone(
    wanted: readonly NewOrder[],
    world: Snapshot,
  ): Promise<Result<readonly GivenOrder[], Order>> {
    return this.#inHaste(async () => {
      const known = await this.#parts.ledger.orders(false);
      const against = known.find((open) => wanted.some((one) => hookInTheWay(open, one)));
      return against === undefined ? ok(await this.#giveAll(wanted, world, known)) : fail(against);
    });
  }

  #inHaste<Given>(give: () => Promise<Given>): Promise<Given> {
    return this.#turns.take(() => this.#parts.haste?.during(give) ?? give());
  }

  /** @param known the orders that are not closed. */
  async #giveAll(
    wanted: readonly NewOrder[],
    world: Snapshot,
    known: readonly Order[],
  ): Promise<readonly GivenOrder[]> {
    const decided: (readonly [Decided, NewOrder])[] = [];
    for (const one of wanted) decided.push([await this.#decide(one, world, known), one]);
    const news = decided.filter(([{ what, instead }]) => what === 'given' && instead === undefined);
    const given = new Set((await this.#putAll(news, world)) ? news.map(([first]) => first) : []);
    return Promise.all(
      decided.map(async ([first, one]) =>
        given.has(first) ? first : this.#settle(first, one, world),
      ),
    );
  }

  /** False: another one was first. */
  async #putAll(
    news: readonly (readonly [Decided, NewOrder])[],
    world: Snapshot,
  ): Promise<boolean> {
    const lines = news.map(([{ order }, wanted]) => lineFor(order, wanted, world));
    const written = await this.#writer.put(lines).then(() => true, unlessConflict);
    return written ?? false;
  }

  /** Carried out; anew where another controller was first: by now that is there to be seen. */
  async #settle(first: Decided, wanted: NewOrder, world: Snapshot): Promise<GivenOrder> {
    let decided = first;
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const given = await this.#carry(decided, wanted, world);
      if (given !== undefined) return given;
      decided = await this.#decide(wanted, world, await this.#parts.ledger.orders(false));
    }
    const text = `the order for ${wanted.host} was changed by others ${MOST_TRIES} times in a row`;
    throw new LedgerError('conflict', text);
  }

  /** A person returns the host to service; undefined when there is no order to end. */
  returnHost(host: Pick<Host, 'id' | 'name'>, by: string): Promise<Order | undefined> {
    return this.#turns.take(async () => {
      const open = await this.#openOrder(host.id);
      return open && this.#return(open, host.name, { text: by, returnedBy: by });
    });
  }

  /**
   * The same as it follows from the order itself: `why` is its hook, or its deadline. That is no
   * reason to end another one, which was given about the host meanwhile.
   */
  giveBack(
    { order: id, name }: { readonly order: OrderId; readonly name: string },
    why: string,
    along: GivenBackWith = { lines: [] },
  ): Promise<Order | undefined> {
    return this.#turns.take(() => this.#return({ id }, name, { text: why, ...along }));
  }

  /** Those of the hosts that were emptied for the area only, all at once. */
  returnAll(
    hosts: readonly Pick<Host, 'id' | 'name'>[],
    { area, by }: { readonly area: string; readonly by: string },
  ): Promise<ReturnedArea> {
    const isMeant = (now: Order): boolean => isOnlyFor(area, now) && !isHookAtWork(now);
    return this.#turns.take(async () => {
      const orders = await this.#parts.ledger.orders(false);
      const names = new Map(hosts.map(({ id, name }) => [id, name]));
      const open = orders.filter(({ host, state }) => state === 'open' && names.has(host));
      const returned = open.filter(isMeant).map((order) => {
        const name = names.get(order.host) ?? order.host;
        return this.#return(order, name, { text: by, returnedBy: by, isMeant });
      });
      const changed = (await Promise.all(returned)).filter((order) => order !== undefined);
      return {
        returned: changed.map((order) => ({ order, what: 'changed' })),
        leftOut: open.filter((order) => !isMeant(order)),
      };
    });
  }

  /**
   * Ends the order whose host is not in the fleet any more, at once: nobody can come home.
   * Undefined: it is over, or its hook is at work, which may bring the host back.
   */
  endGone({ id, host, hostName = host }: Order, by: string): Promise<Order | undefined> {
    const end = (now: Order): Order | undefined =>
      now.state === 'closed' || isHookAtWork(now) ? undefined : closed(now);
    const text = `${hostName}: not in the fleet any more, its order ended by ${by}`;
    return this.#turns.take(() => this.#writer.change({ id }, end, text));
  }

  /** Undefined: somebody else was faster, or its hook is at work. */
  #return(
    open: Pick<Order, 'id'>,
    name: string,
    { text: by, lines = [], isMeant = () => true, ...noted }: Returned,
  ): Promise<Order | undefined> {
    const text = `${name}: returned to service by ${by}`;
    const back = { state: 'returning', progress: NOBODY_YET, ...noted } as const;
    const change = (now: Order): Order | undefined =>
      mayReturn(now) && isMeant(now) ? { ...now, ...back } : undefined;
    return this.#writer.change(open, change, [...lines, text]);
  }

  /**
   * Closes the orders whose VMs are home again, or will not come. Only those that stand as they
   * were judged: of one that was returned, or changed, since then nobody has looked yet.
   */
  closeReturned(judgedHome: readonly Order[]): Promise<void> {
    const returned = judgedHome.filter(({ state }) => state === 'returning');
    return this.#turns.take(async () => {
      for (const order of returned) {
        await this.#writer.change(order, (now) => (isSame(now, order) ? closed(now) : undefined));
      }
    });
  }

  /** Resolves when whatever was being given is given: nobody sees a part of it. */
  settled(): Promise<void> {
    return this.#turns.take(() => Promise.resolve());
  }

  /**
   * Writes down how far a return is, where it stands as it was judged; `lines` go into the history
   * with it. Undefined: it was ended or judged anew meanwhile, and stays as it is.
   */
  update(
    judged: Order,
    next: Order,
    lines: readonly HistoryEntry[] = [],
  ): Promise<Order | undefined> {
    return this.#turns.take(() =>
      this.#parts.ledger.changeOrder(judged.id, (now) =>
        isSame(now, judged) && now.state === 'returning' ? { order: next, lines } : undefined,
      ),
    );
  }

  /**
   * Writes down what was done or told about an order, by how it stands; `lines` go into the
   * history with it. False: it is not open any more, or `change` finds that by now there is nothing
   * to write.
   */
  async note(
    id: OrderId,
    change: (now: Order) => Pick<Order, 'hook' | 'deadlineTold'> | undefined,
    lines: readonly HistoryEntry[] = [],
  ): Promise<boolean> {
    const noted = await this.#turns.take(() =>
      this.#parts.ledger.changeOrder(id, (now) => {
        const changed = now.state === 'open' ? change(now) : undefined;
        return changed && { order: { ...now, ...changed }, lines };
      }),
    );
    return noted !== undefined;
  }

  /** Undefined: meanwhile the orders are not any more what it was decided by. */
  async #carry(
    { order, what, instead }: Decided,
    wanted: NewOrder,
    world: Snapshot,
  ): Promise<GivenOrder | undefined> {
    if (what === 'repeated') {
      if (!(await this.#noteAsker(order, wanted))) return undefined;
      this.#parts.events.emit('order', { order, what });
      return { order, what };
    }
    if (what === 'given' && instead !== undefined) {
      const put = await this.#putInstead(instead, order, lineFor(order, wanted, world).text);
      return put && { order: put, what };
    }
    if (what === 'given') {
      const isWritten = await this.#putAll([[{ order, what }, wanted]], world);
      return isWritten ? { order, what } : undefined;
    }
    const at = this.#parts.clock.now();
    const change = (now: Order): Order | undefined =>
      now.state === 'open' ? withWish(now, wanted, at) : undefined;
    const changed = await this.#writer.change(order, change, ({ kind }) =>
      wishText(kind, wanted, world),
    );
    return changed === undefined ? undefined : { order: changed, what };
  }

  /** @param known the orders that are not closed. */
  async #decide(wanted: NewOrder, world: Snapshot, known: readonly Order[]): Promise<Decided> {
    const at = this.#parts.clock.now();
    const open = known.find((order) => order.host === wanted.host && order.state === 'open');
    if (open !== undefined) {
      const what = withWish(open, wanted, at) === undefined ? 'repeated' : 'changed';
      return { order: open, what };
    }
    const returned = await this.#returnedMeanwhile(wanted);
    if (returned !== undefined) return { order: returned, what: 'repeated' };
    const id = orderId(this.#parts.newId());
    const order = orderFor(wanted, { id, at, world, onTheirWay: [] });
    const isInstead = ({ host, state }: Order): boolean =>
      host === wanted.host && state === 'returning';
    return { order, what: 'given', instead: known.find(isInstead) };
  }

  /** So that the order knows of each alert that fired when the host was returned. */
  async #noteAsker(open: Order, { dedupeKey }: NewOrder): Promise<boolean> {
    if (withAsker(open, dedupeKey) === undefined) return true;
    const noted = await this.#parts.ledger.changeOrder(open.id, (now) => {
      const order = now.state === 'open' ? withAsker(now, dedupeKey) : undefined;
      return order && { order };
    });
    return noted !== undefined;
  }

  /** What a person has ended while this very alert fired: its repetition is no new wish. */
  async #returnedMeanwhile({ host, dedupeKey }: NewOrder): Promise<Order | undefined> {
    if (dedupeKey === '') return undefined;
    const all = await this.#parts.ledger.orders(true);
    return all.findLast(
      (one) => one.host === host && one.returnedBy !== undefined && wasAskedBy(one, dedupeKey),
    );
  }

  async #openOrder(host: HostId): Promise<Order | undefined> {
    const orders = await this.#parts.ledger.orders(false);
    return orders.find((order) => order.host === host && order.state === 'open');
  }

  /**
   * A new order takes the place of a return that is still going on: in one step, else it might be
   * forgotten whose home this is. Undefined: the return is over, or another order was first.
   */
  #putInstead(instead: Order, order: Order, text: string): Promise<Order | undefined> {
    const replace = (now: Order): { order: Order; successor: OrderLine } | undefined => {
      if (now.state !== 'returning') return undefined;
      const home = [...new Set([...order.home, ...now.home])];
      return { order: closed(now), successor: { order: { ...order, home }, text } };
    };
    return this.#writer.replace(instead, replace).catch(unlessConflict);
  }
}

function lineFor(order: Order, wanted: NewOrder, world: Snapshot): OrderLine {
  return { order, text: wishText(wanted.kind, wanted, world) };
}

/** Who returns the host, and what is written with it. */
interface Returned extends Pick<Order, 'returnedBy' | 'deadlineTold'> {
  readonly text: string;
  readonly lines?: readonly string[];
  /** Whether it still is to be, by its order. */
  readonly isMeant?: (now: Order) => boolean;
}

/**
 * Asked where it is written, so that nothing comes in between, and of whoever returns the host: its
 * firmware may be half written, or it may be about to reboot.
 */
function mayReturn(order: Order): boolean {
  return order.state === 'open' && !isHookAtWork(order);
}

/** As the ledger keeps them. */
function isSame(a: Order, b: Order): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
