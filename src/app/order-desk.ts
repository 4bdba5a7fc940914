/**
 * Takes orders from people and alerting systems and keeps them in the ledger. An order only says
 * what is wanted; rules turn it into a finding, and the same gate as everywhere judges the moves.
 */

import type { EventSink } from '../ports/events.ts';
import type { Clock } from '../ports/clock.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import type { Host } from '../domain/host.ts';
import { orderId, type HostId, type OrderId } from '../domain/ids.ts';
import type { Order, RollingPart } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { guestsOf } from '../domain/snapshot-index.ts';
import { epochSeconds } from '../domain/units.ts';
import { NOBODY_YET } from './return-waves.ts';
import { Turns } from '../domain/turns.ts';

export interface NewOrder {
  readonly kind: Order['kind'];
  readonly host: HostId;
  readonly by: Order['by'];
  readonly reason: string;
  readonly dedupeKey: string;
  readonly deadlineSeconds: number | null;
  /** Maintenance: the hook to run when the host is empty. */
  readonly hook?: string | undefined;
  /** What is emptied as a whole, where the host is a part of that. */
  readonly area?: string | undefined;
}

export interface GivenOrder {
  readonly order: Order;
  readonly what: 'given' | 'repeated' | 'changed';
}

/** An order that is not written yet. */
interface Decided extends GivenOrder {
  /** For the history. */
  readonly line: string | undefined;
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
  readonly #turns = new Turns();

  constructor(parts: OrderDeskParts) {
    this.#parts = parts;
  }

  /**
   * Opens an order, or returns the one that is open already for this host and key. Maintenance of
   * a host that is only being evacuated raises that order; the reverse changes nothing. A person
   * who orders what an alert has ordered makes it their own: it needs no approval any more. A
   * hook is added to an order that has none, or takes the place of one that has failed.
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
    return this.#turns.take(async () => {
      const known = await this.#parts.ledger.orders(false);
      const decided: Decided[] = [];
      for (const one of wanted) decided.push(await this.#decide(one, world, known));
      const given = decided.map((one, index) =>
        this.#carry(one).catch((error: unknown) =>
          this.#afterConflict(error, wanted[index], world),
        ),
      );
      return Promise.all(given);
    });
  }

  /** Another controller was first with an order for the host: by now it is there to be seen. */
  async #afterConflict(
    error: unknown,
    wanted: NewOrder | undefined,
    world: Snapshot,
  ): Promise<GivenOrder> {
    if (wanted === undefined || !isConflict(error)) throw error;
    const known = await this.#parts.ledger.orders(false);
    return this.#carry(await this.#decide(wanted, world, known));
  }

  /** Returns the host to service; undefined when there is no order to end. */
  returnHost(host: Pick<Host, 'id' | 'name'>, by: string): Promise<Order | undefined> {
    return this.#turns.take(async () => {
      const open = await this.#openOrder(host.id);
      return open === undefined ? undefined : this.#return(open, host.name, by);
    });
  }

  /** Those of the hosts that have an open order, all at once; but not one whose hook is at work. */
  returnAll(
    hosts: readonly Pick<Host, 'id' | 'name'>[],
    by: string,
  ): Promise<readonly GivenOrder[]> {
    return this.#turns.take(async () => {
      const orders = await this.#parts.ledger.orders(false);
      const returned = hosts.flatMap(({ id, name }) => {
        const open = orders.find((order) => order.host === id && order.state === 'open');
        const isBusy = open?.hook?.state === 'running';
        return open === undefined || isBusy ? [] : [this.#return(open, name, by)];
      });
      return (await Promise.all(returned)).map((order) => ({ order, what: 'changed' }) as const);
    });
  }

  #return(open: Order, name: string, by: string): Promise<Order> {
    const text = `${name}: returned to service by ${by}`;
    return this.#put({ ...open, state: 'returning', progress: NOBODY_YET }, 'changed', text);
  }

  /**
   * Closes the orders whose VMs are home again, or will not come. Only those that were returning
   * already when they were judged: of one that was returned since then nobody has looked yet.
   */
  closeReturned(judgedHome: readonly Order[]): Promise<void> {
    const returned = judgedHome.filter(({ state }) => state === 'returning').map(({ id }) => id);
    return this.#turns.take(async () => {
      for (const order of await this.#parts.ledger.orders(false)) {
        if (order.state === 'returning' && returned.includes(order.id))
          await this.#put({ ...order, state: 'closed' }, 'changed');
      }
    });
  }

  /** Resolves when whatever was being given is given: nobody sees a part of it. */
  settled(): Promise<void> {
    return this.#turns.take(() => Promise.resolve());
  }

  /** Writes down how far a return is; of one that was ended meanwhile nothing is changed. */
  update(returning: Order): Promise<void> {
    return this.#turns.take(async () => {
      const { ledger } = this.#parts;
      if ((await ledger.order(returning.id))?.state === 'returning')
        await ledger.putOrder(returning);
    });
  }

  /** Writes down what was done or told about an order; of one that is not open any more nothing. */
  note(id: OrderId, change: Pick<Order, 'hook' | 'deadlineTold'>): Promise<void> {
    return this.#turns.take(async () => {
      const { ledger } = this.#parts;
      const order = await ledger.order(id);
      if (order?.state === 'open') await ledger.putOrder({ ...order, ...change });
    });
  }

  /** Orders that wait for their turn in a rolling maintenance, in that order. */
  enrol(
    wanted: readonly NewOrder[],
    rolling: Pick<RollingPart, 'id' | 'batch'>,
    world: Snapshot,
  ): Promise<readonly Order[]> {
    return this.#turns.take(async () => {
      const given: Order[] = [];
      for (const [place, one] of wanted.entries()) {
        const made = this.#make(one, world, []);
        const order = {
          ...made,
          home: [],
          state: 'waiting',
          rolling: { ...rolling, place },
        } as const;
        const turn = `turn ${place + 1} of ${wanted.length}`;
        given.push(
          await this.#put(order, 'given', `${lineOf('maintenance', one, world)} (${turn})`),
        );
      }
      return given;
    });
  }

  /** Its turn has come. Undefined: it waits no more, or another order holds the host. */
  begin(id: OrderId, world: Snapshot): Promise<Order | undefined> {
    return this.#turns.take(async () => {
      const orders = await this.#parts.ledger.orders(false);
      const order = orders.find((one) => one.id === id && one.state === 'waiting');
      const isFree = orders.every((one) => one.host !== order?.host || one.state === 'waiting');
      if (order === undefined || !isFree) return undefined;
      const home = world.vms.filter((vm) => vm.host === order.host).map((vm) => vm.id);
      const createdAt = this.#parts.clock.now();
      const begun = this.#put({ ...order, state: 'open', createdAt, home }, 'changed');
      return begun.catch((error: unknown) => {
        if (isConflict(error)) return undefined;
        throw error;
      });
    });
  }

  /**
   * What happens to the hosts of a rolling maintenance whose turn has not come: `heldBy` stops
   * them for that reason, or (undefined) lets them go on; `withdraw` closes their orders. Returns
   * how many there are.
   */
  steerRolling(
    rolling: string,
    what: 'withdraw' | { readonly heldBy: string | undefined },
  ): Promise<number> {
    return this.#turns.take(async () => {
      const orders = await this.#parts.ledger.orders(false);
      const own = orders.filter(
        ({ state, rolling: of }) => state === 'waiting' && of?.id === rolling,
      );
      for (const order of own) {
        if (order.rolling === undefined) continue;
        if (what === 'withdraw') await this.#put({ ...order, state: 'closed' }, 'changed');
        else {
          const part = { ...order.rolling, heldBy: what.heldBy };
          await this.#parts.ledger.putOrder({ ...order, rolling: part });
        }
      }
      return own.length;
    });
  }

  async #carry({ order, what, line }: Decided): Promise<GivenOrder> {
    if (what !== 'repeated') return { order: await this.#put(order, what, line), what };
    this.#parts.events.emit('order', { order, what });
    return { order, what };
  }

  /** @param known the orders that are not closed. */
  async #decide(wanted: NewOrder, world: Snapshot, known: readonly Order[]): Promise<Decided> {
    const open = known.find((order) => order.host === wanted.host && order.state === 'open');
    if (open !== undefined) {
      const raised = open.kind === 'evacuate' && wanted.kind === 'maintenance';
      const adopted = open.by.kind !== 'operator' && wanted.by.kind === 'operator';
      const isNewHook = open.hook === undefined || open.hook.state === 'failed';
      const hook = (isNewHook ? this.#hookOf(wanted) : undefined) ?? open.hook;
      const area = wanted.area ?? open.area;
      if (!raised && !adopted && hook === open.hook && area === open.area) {
        return { order: open, what: 'repeated', line: undefined };
      }
      const kind = raised ? 'maintenance' : open.kind;
      const own = adopted ? { by: wanted.by, reason: wanted.reason } : {};
      const more = {
        ...(hook === undefined ? {} : { hook }),
        ...(area === undefined ? {} : { area }),
      };
      const order = { ...open, ...own, kind, ...more };
      return { order, what: 'changed', line: lineOf(kind, wanted, world) };
    }
    const onTheirWay = await this.#endReturn(wanted.host, known);
    const order = this.#make(wanted, world, onTheirWay);
    return { order, what: 'given', line: lineOf(wanted.kind, wanted, world) };
  }

  /** @param onTheirWay VMs whose return the new order cuts off: their home is still here. */
  #make(wanted: NewOrder, world: Snapshot, onTheirWay: readonly string[]): Order {
    const here = guestsOf(world, wanted.host).map((vm) => vm.id);
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
      home: [...new Set([...here, ...onTheirWay])],
      ...(wanted.hook === undefined ? {} : { hook: this.#hookOf(wanted) }),
      ...(wanted.area === undefined ? {} : { area: wanted.area }),
    };
  }

  #hookOf({ hook: name }: NewOrder): Order['hook'] {
    if (name === undefined) return undefined;
    return { name, state: 'waiting', attempts: 0, since: this.#parts.clock.now(), output: '' };
  }

  async #openOrder(host: HostId): Promise<Order | undefined> {
    const orders = await this.#parts.ledger.orders(false);
    return orders.find((order) => order.host === host && order.state === 'open');
  }

  /** A new order takes the place of a return that is still going on. Returns whose that was. */
  async #endReturn(host: HostId, known: readonly Order[]): Promise<readonly string[]> {
    const home: string[] = [];
    for (const order of known) {
      if (order.host !== host || order.state !== 'returning') continue;
      home.push(...order.home);
      await this.#put({ ...order, state: 'closed' }, 'changed');
    }
    return home;
  }

  /** @param line who did it, for the history; nothing where it follows by itself. */
  async #put(order: Order, what: GivenOrder['what'], line?: string): Promise<Order> {
    const { clock, ledger } = this.#parts;
    const about = { vm: undefined, host: order.host, from: undefined, move: undefined };
    const entry = { at: clock.now(), kind: 'order', ...about } as const;
    await ledger.putOrder(order, line === undefined ? undefined : { ...entry, text: line });
    this.#parts.events.emit('order', { order, what });
    return order;
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof LedgerError && error.code === 'conflict';
}

function lineOf(kind: Order['kind'], { host, by, reason }: NewOrder, world: Snapshot): string {
  const name = world.hosts.find(({ id }) => id === host)?.name ?? host;
  return `${name}: ${kind} ordered by ${by.kind} ${by.name}: ${reason}`;
}
