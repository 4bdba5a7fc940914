/**
 * Keeps the leases of this controller: renews them, takes over those whose holder is gone, gives
 * some up when another has fewer. What counts is `mayAct`, which answers from memory and a clock:
 * a process that was stopped, or cut off from its ledger, finds its leases run out by itself.
 *
 * Two controllers never act on one cluster: the holder reckons its term from before it asked for
 * the renewal, whoever takes over from after it saw the last one, and waits for the longest call
 * of a hypervisor on top (design §8).
 */

import type { ClusterId } from '../domain/ids.ts';
import { compareText } from '../domain/ids.ts';
import type { Lease } from '../domain/lease.ts';
import type { ActingControllers } from '../domain/own-vm.ts';
import type { Controller, LeaseBoard } from '../ports/leases.ts';
import {
  FORGET_SECONDS,
  type LeaseKeeperParts,
  type LeaseState,
  nothingUnderWay,
  patienceOf,
  sameIdentityText,
  type UnderWay,
} from './lease-keeper-parts.ts';
import { fairShare, leftToOthers, type ShareView } from './lease-share.ts';
import { actingOn, isCalledBack } from './lease-standby.ts';
import { LeaseTokens } from './lease-tokens.ts';
import { LeaseWatch } from './lease-watch.ts';
import type { Authority } from './move-leases.ts';
import type { Sharing } from './places.ts';
import { Turns } from '../domain/turns.ts';

interface Held {
  readonly token: number;
  readonly validUntil: number;
  /** By `steady`, right after it was given. */
  readonly since: number;
}

export class LeaseKeeper implements Authority {
  readonly #parts: LeaseKeeperParts;
  readonly #watch = new LeaseWatch();
  readonly #turns = new Turns();
  readonly #held = new Map<ClusterId, Held>();
  readonly #tokens: LeaseTokens;
  /** As it was last read; undefined: never yet. */
  #board: LeaseBoard | undefined;
  /** Who showed signs of life at the last round, this one with them. */
  #living: readonly Controller[] = [];
  #seen: readonly ClusterId[] = [];
  #asks: Controller['asks'] = [];
  #isOver = false;
  /** It takes nothing, and gives back what is idle; `for-good`: it is closing. */
  #aside: 'for-now' | 'for-good' | undefined;
  /** A move of the VM that it runs in is open, as the last round saw it. */
  #isCarried = false;
  /** These are for others to take then; never what it holds. */
  #left: ReadonlySet<ClusterId> = new Set();

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
    this.#tokens = new LeaseTokens(parts);
  }

  get id(): string {
    return this.#parts.me.id;
  }

  /** Other controllers may have the same ledger open. */
  get isShared(): boolean {
    return !this.#parts.sole;
  }

  /** With whom it shares the places for moves; undefined: with nobody. */
  get sharing(): Sharing | undefined {
    if (this.#parts.sole) return undefined;
    return { by: this.id, patienceSeconds: patienceOf(this.#parts.timing) };
  }

  /** Name of who has the lease; undefined: it ran out long ago, and nobody has taken it. */
  holderOf(cluster: ClusterId): string | undefined {
    const lease = this.#board?.leases.find((one) => one.cluster === cluster);
    return lease && this.#watch.heardHolder(lease, this.#parts.steady());
  }

  mayAct(cluster: ClusterId): number | undefined {
    const held = this.#held.get(cluster);
    if (held === undefined) return undefined;
    const { sole, elapsed, timing } = this.#parts;
    if (sole || elapsed() < held.validUntil - timing.marginSeconds) return held.token;
    return undefined;
  }

  /**
   * By `steady`: what was asked of a hypervisor before this may show what the holder before has
   * changed since. Undefined: the cluster may not be acted on now. Who is alone need not wait.
   */
  heldSince(cluster: ClusterId): number | undefined {
    const held = this.mayAct(cluster) === undefined ? undefined : this.#held.get(cluster);
    return this.#parts.sole && held !== undefined ? Number.NEGATIVE_INFINITY : held?.since;
  }

  /** The clusters that exist, as far as this controller sees. */
  see(clusters: Iterable<ClusterId>): void {
    this.#seen = [...new Set(clusters)].toSorted(compareText);
  }

  /** Whether the cluster is one that it would ever act on. */
  mayTake(cluster: ClusterId): boolean {
    return this.#parts.wants(cluster);
  }

  /** What it has to have in one hand, from the next round on (LeaseNeeds). */
  askFor(clusters: Controller['asks']): void {
    this.#asks = clusters;
  }

  /**
   * One round: renews, looks who is there, gives up and takes. Returns where it may act from now
   * on and could not before: what was taken, and what had run out and nobody has taken meanwhile.
   * Rejects with LedgerError; leases that could not be renewed run out by themselves.
   *
   * @param underWay asked for where several controllers share the clusters.
   */
  beat(
    isIdle: ShareView['isIdle'],
    underWay: () => Promise<UnderWay> = nothingUnderWay,
  ): Promise<readonly ClusterId[]> {
    return this.#turns.take(() => this.#beat(isIdle, underWay));
  }

  /** For people. */
  get name(): string {
    return this.#parts.me.name;
  }

  /** Who of all controllers acts, as the last round saw it. */
  acting(): ActingControllers {
    const { me, sole } = this.#parts;
    const all = new Set([me.name]);
    if (sole) return { names: all, known: all, hasStandby: () => false };
    return actingOn(this.#board ?? { leases: [], controllers: [] }, this.#living);
  }

  /** The same by the board as it stands at this moment. Rejects with LedgerError. */
  async actingNow(): Promise<ActingControllers> {
    if (this.#parts.sole) return this.acting();
    return actingOn(await this.#parts.leases.leaseBoard(), this.#living);
  }

  /** No other controller gives signs of life. */
  get isLast(): boolean {
    return this.#living.length <= 1;
  }

  /** From the next round on others are to have its clusters; `for-now`: see HandOver. */
  standAside(howLong: 'for-now' | 'for-good'): void {
    this.#aside = howLong;
  }

  /** It stands aside, and so does who was to take a cluster of its: it is to come back. */
  get isCalledBack(): boolean {
    const others = this.#living.filter(({ id }) => id !== this.id);
    return isCalledBack(this.id, this.#leaves(), others);
  }

  /** It takes its share again. */
  comeBack(): void {
    this.#aside = undefined;
  }

  /** Gives everything back, so that others need not wait. Nothing is taken any more. */
  release(): Promise<void> {
    return this.#turns.take(async () => {
      this.#isOver = true;
      if (this.#parts.sole) return;
      await this.#release([...this.#held.keys()]);
      await this.#parts.leases.forgetController(this.id);
    });
  }

  /**
   * An operator says that the older ledger is to be gone on with, by all controllers, under a token
   * above all that were ever seen. False: nothing is stopped there. Rejects with LedgerError.
   */
  confirm(cluster: ClusterId, by: string): Promise<boolean> {
    return this.#turns.take(() => this.#tokens.confirm(cluster, by));
  }

  /** Why it takes no more leases: their tokens cannot be written down; undefined: they can. */
  get memoryFault(): string | undefined {
    return this.#tokens.fault;
  }

  /** Every cluster that is seen here or leased by anybody. */
  states(): readonly LeaseState[] {
    const rows = new Map(this.#board?.leases.map((lease) => [lease.cluster, lease]));
    const all = new Set([...this.#seen, ...rows.keys()]);
    return [...all].toSorted(compareText).map((cluster) => ({
      cluster,
      holder: rows.get(cluster)?.holderName ?? '',
      token: rows.get(cluster)?.token ?? 0,
      mine: this.mayAct(cluster) !== undefined,
      steppedBack: this.#tokens.isStopped(cluster),
    }));
  }

  async #beat(
    isIdle: ShareView['isIdle'],
    askUnderWay: () => Promise<UnderWay>,
  ): Promise<readonly ClusterId[]> {
    if (this.#isOver || this.#hasAll()) return [];
    const before = new Set(this.#held.keys());
    const regained = this.#parts.sole ? [] : await this.#renew();
    const board = await this.#parts.leases.leaseBoard();
    this.#board = board;
    this.#watch.look(board, this.#parts.steady());
    const stops = this.#tokens.look(board, this.#seen);
    // First nothing more is done there, then it is told.
    for (const one of before) if (this.#tokens.isStopped(one)) this.#held.delete(one);
    for (const stop of stops) await this.#parts.leases.stopLease(stop);
    this.#warnOfTwin(board, before);
    const live = await this.#live(board);
    this.#living = live;
    const free: ClusterId[] = [];
    // Of an earlier run of its own. Others have to wait before they may take these.
    const resumed: ClusterId[] = [];
    for (const cluster of this.#wanted()) {
      const lease = board.leases.find((one) => one.cluster === cluster);
      if (this.#held.has(cluster) || (lease !== undefined && !this.#isFree(lease))) continue;
      (lease?.holder === this.id ? resumed : free).push(cluster);
    }
    const holders = new Map([...this.#held.keys(), ...resumed].map((one) => [one, this.id]));
    for (const lease of board.leases) {
      if (lease.holder !== '' && !this.#isFree(lease)) holders.set(lease.cluster, lease.holder);
    }
    const { joined, isCarried } = await (this.#parts.sole ? nothingUnderWay() : askUnderWay());
    // Whose own VM is moving takes nothing until it has arrived, where others can.
    this.#isCarried = isCarried;
    this.#left = isCarried ? this.#leftTo(live, joined) : new Set();
    const share = fairShare({ me: this.id, live, holders, free, isIdle, joined });
    await this.#release(this.#aside ? [...this.#held.keys()].filter(isIdle) : share.release);
    const claim = [...resumed, ...share.claim].filter((one) => !this.#left.has(one));
    const taken = await this.#claim(claim, board);
    // What others are told is what it is after this round.
    this.#board = await this.#parts.leases.leaseBoard();
    return [...regained, ...taken];
  }

  /** Returns those that had run out. */
  async #renew(): Promise<readonly ClusterId[]> {
    const { leases, elapsed, timing } = this.#parts;
    const asked = elapsed();
    const held = [...this.#held].map(([cluster, { token, since }]) => ({ cluster, token, since }));
    const kept = await leases.renewLeases(this.#self(), held, timing.leaseSeconds);
    const still = new Set(kept.map(({ cluster }) => cluster));
    const regained = kept
      .map(({ cluster }) => cluster)
      .filter((one) => this.mayAct(one) === undefined);
    for (const { cluster, token, since } of held) {
      if (still.has(cluster)) {
        this.#held.set(cluster, { token, since, validUntil: asked + timing.leaseSeconds });
      } else {
        this.#held.delete(cluster);
        this.#tell(cluster, 'lost', token, `${cluster}: another controller has taken it over`);
      }
    }
    return regained;
  }

  /** Those that gave a sign of life lately, this one with them. */
  async #live({ controllers }: LeaseBoard): Promise<readonly Controller[]> {
    const { steady, leases, me, sole, timing } = this.#parts;
    const self = this.#self();
    if (sole) return [self];
    const others = controllers.filter(({ id }) => id !== me.id);
    const now = steady();
    for (const one of others) {
      if (this.#watch.silentFor(one, now) > FORGET_SECONDS) await leases.forgetController(one.id);
    }
    return [self, ...others.filter((one) => this.#watch.silentFor(one, now) < patienceOf(timing))];
  }

  /**
   * Whoever took what was held here under this very identity has a copy of the state folder, with a
   * whole machine maybe. Only the later one acts, until a person tells the two apart.
   */
  #warnOfTwin({ leases }: LeaseBoard, before: ReadonlySet<ClusterId>): void {
    const { events, me } = this.#parts;
    const isTaken = ({ cluster, holder }: Lease): boolean =>
      before.has(cluster) &&
      !this.#held.has(cluster) &&
      !this.#tokens.isStopped(cluster) &&
      holder === me.id;
    if (!leases.some(isTaken)) return;
    events.emit('warning', { key: 'same-identity', text: sameIdentityText(me.name) });
  }

  /** Nobody acts there, and no call that somebody made there can still be under way. */
  #isFree(lease: Lease): boolean {
    const { sole, steady, me, timing } = this.#parts;
    if (lease.holder === '' || sole) return true;
    const still = this.#watch.stillFor(lease, steady());
    if (lease.holder === me.id) {
      // Of an earlier run of this very controller: the lock of its state folder proves it dead. But
      // for a copy of that folder: then somebody renews it.
      const isDead = !this.#watch.hasMoved(lease) || still >= lease.seconds;
      return isDead && !this.#held.has(lease.cluster);
    }
    return still >= lease.seconds + timing.longestCallSeconds;
  }

  #leftTo(live: readonly Controller[], joined: ShareView['joined']): ReadonlySet<ClusterId> {
    const others = live.filter(({ id }) => id !== this.id);
    const left = leftToOthers({ me: this.id, mine: this.#open(), others, joined });
    return new Set([...left].filter((cluster) => !this.#held.has(cluster)));
  }

  #self(): Controller {
    const asks = this.#aside === undefined ? this.#asks : [];
    const isCarried = this.#isCarried || undefined;
    const leaves = this.#leaves();
    const about = { wants: this.#wanted(), asks, isCarried };
    return { ...this.#parts.me, ...about, ...(leaves.length > 0 && { leaves }) };
  }

  #wanted(): readonly ClusterId[] {
    if (this.#aside !== undefined) return [];
    const isKept = (one: ClusterId) => this.#held.has(one) || this.#tokens.fault === undefined;
    return this.#open().filter((cluster) => isKept(cluster) && !this.#left.has(cluster));
  }

  /** What it could take again, and stands aside from. */
  #leaves(): readonly ClusterId[] {
    const isAble = this.#aside === 'for-now' && this.#tokens.fault === undefined;
    return isAble ? this.#open() : [];
  }

  /** All that it may take, and would if nothing kept it. */
  #open(): readonly ClusterId[] {
    const { sole, wants } = this.#parts;
    // Who is alone settles what is open, also where no host of the cluster was seen yet.
    const recorded = sole ? (this.#board?.leases ?? []).map(({ cluster }) => cluster) : [];
    const all = [...new Set([...this.#seen, ...recorded])];
    return all.filter((cluster) => wants(cluster) && !this.#tokens.isStopped(cluster));
  }

  /** Who is alone has nothing to renew, and nobody to look out for. */
  #hasAll(): boolean {
    const { sole } = this.#parts;
    return sole && this.#board !== undefined && this.#wanted().every((one) => this.#held.has(one));
  }

  async #release(clusters: readonly ClusterId[]): Promise<void> {
    const given = clusters.flatMap((cluster) => {
      const held = this.#held.get(cluster);
      return held === undefined ? [] : [{ cluster, token: held.token }];
    });
    if (given.length === 0) return;
    // First nothing more is done there, then it is told.
    for (const { cluster } of given) this.#held.delete(cluster);
    await this.#parts.leases.releaseLeases(this.#parts.me, given);
    for (const { cluster, token } of given) {
      this.#tell(cluster, 'released', token, `${cluster}: given back`);
    }
  }

  async #claim(clusters: readonly ClusterId[], board: LeaseBoard): Promise<readonly ClusterId[]> {
    const { leases, elapsed, me, steady, timing } = this.#parts;
    const taken: ClusterId[] = [];
    for (const cluster of clusters) {
      const seen = board.leases.find((one) => one.cluster === cluster);
      const asked = elapsed();
      const above = this.#tokens.highest(cluster);
      const term = { cluster, by: me, seconds: timing.leaseSeconds };
      const lease = await leases.claimLease({ ...term, seen, above });
      if (lease === undefined) continue;
      if (!this.#tokens.take(cluster, lease.token)) {
        await leases.releaseLeases(me, [lease]);
        break;
      }
      const validUntil = asked + timing.leaseSeconds;
      this.#held.set(cluster, { token: lease.token, validUntil, since: steady() });
      taken.push(cluster);
      const from = seen === undefined || seen.holder === '' ? '' : `, after ${seen.holderName}`;
      this.#tell(cluster, 'taken', lease.token, `${cluster}: acting here from now on${from}`);
    }
    return taken;
  }

  // oxlint-disable-next-line max-params -- where, what, under which token, in words
  #tell(
    cluster: ClusterId,
    what: 'taken' | 'lost' | 'released' | 'stepped-back' | 'confirmed',
    token: number,
    text: string,
  ): void {
    this.#parts.events.emit('lease', { cluster, what, token, text });
  }
}
