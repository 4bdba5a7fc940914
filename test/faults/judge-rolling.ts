// Role: what a rolling maintenance must not do: have more hosts out of service than was asked for,
// begin one while another of it has failed its hook, is dead or was evacuated by an alert, or go on
// when a person has paused or cancelled it. Judged at the moment at which the turn of a host comes.
import type { HostId } from '../../src/domain/ids.ts';
import type { Order } from '../../src/domain/order.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { JournalView } from './journal-view.ts';

/** Who stands still acts by what it saw before, for so long at most. */
const KNOWN_SECONDS = 420;

interface Steered {
  /** How often anything was asked of it. */
  asked: number;
  isHeld: boolean;
  isCancelled: boolean;
}

export class JudgeRolling {
  readonly #journal: JournalView;
  readonly #clock: Clock;
  readonly #wrong: (text: string) => void;
  readonly #batches = new Map<string, number>();
  readonly #steered = new Map<string, Steered>();
  /** Since when a host is dead. */
  readonly #deadSince = new Map<HostId, number>();
  /** Since when an order is known. */
  readonly #knownSince = new Map<Order['id'], number>();

  // oxlint-disable-next-line max-params -- what is known, when, and who is told
  constructor(journal: JournalView, clock: Clock, wrong: (text: string) => void) {
    this.#journal = journal;
    this.#clock = clock;
    this.#wrong = wrong;
  }

  onStarted(id: string, batch: number): void {
    this.#batches.set(id, batch);
  }

  /** A person asks for it; to be called when it was answered with a yes. */
  onSteer(id: string, what: 'pause' | 'resume' | 'cancel'): () => void {
    const own = this.#steered.get(id) ?? { asked: 0, isHeld: false, isCancelled: false };
    this.#steered.set(id, own);
    own.asked += 1;
    const { asked } = own;
    if (what === 'resume') own.isHeld = false;
    return () => {
      if (what === 'cancel') own.isCancelled = true;
      // Of two that were asked for at once nobody knows which was the last.
      if (what === 'pause' && own.asked === asked) own.isHeld = true;
    };
  }

  onLook(host: HostId, isDead: boolean): void {
    if (!isDead) this.#deadSince.delete(host);
    else if (!this.#deadSince.has(host)) this.#deadSince.set(host, this.#clock.monotonic());
  }

  /** An order is written, in place of what it was before. */
  onOrder(order: Order, before: Order | undefined): void {
    if (!this.#knownSince.has(order.id)) {
      this.#knownSince.set(order.id, this.#clock.monotonic());
    }
    if (order.rolling === undefined || before?.state !== 'waiting') return;
    if (order.state === 'open') this.#onTurn(order, before, order.rolling.id);
  }

  // oxlint-disable-next-line max-params -- the order, what it was, and of which
  #onTurn({ host }: Order, before: Order, id: string): void {
    const what = `the turn of ${host} in ${id} comes`;
    const { isHeld = false, isCancelled = false } = this.#steered.get(id) ?? {};
    if (isCancelled) this.#wrong(`${what} after it was cancelled`);
    if (isHeld) this.#wrong(`${what} while it is paused`);
    const { heldBy } = before.rolling ?? {};
    if (heldBy !== undefined) this.#wrong(`${what} while it is held: ${heldBy}`);
    const orders = [...this.#journal.orders.values()];
    const begun = orders.filter(
      (one) => one.rolling?.id === id && one.state !== 'waiting' && one.host !== host,
    );
    const out = begun.filter(({ state }) => state !== 'closed').map((one) => one.host);
    const batch = this.#batches.get(id);
    if (batch !== undefined && out.length >= batch) {
      this.#wrong(`${what} while ${out.join(', ')} are out of service, at most ${batch}`);
    }
    for (const one of begun) {
      const against = this.#against(one, orders);
      if (against !== undefined) this.#wrong(`${what}, and ${one.host} ${against}`);
    }
  }

  /** What has to stop it, or to let it wait. */
  #against({ host, hook, state }: Order, orders: readonly Order[]): string | undefined {
    if (state === 'open' && hook?.state === 'failed') return 'has failed its hook';
    const since = this.#clock.monotonic() - KNOWN_SECONDS;
    if ((this.#deadSince.get(host) ?? Infinity) <= since) return 'is dead';
    const alerted = orders.find(
      (one) =>
        one.host === host &&
        one.state === 'open' &&
        one.by.kind === 'alert' &&
        (this.#knownSince.get(one.id) ?? Infinity) <= since,
    );
    return alerted && 'was evacuated by an alert';
  }
}
