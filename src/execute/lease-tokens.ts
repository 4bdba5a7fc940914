/**
 * The tokens that this controller has seen of each cluster, kept outside of the ledger. A ledger
 * that has an older one is an older copy: a failover may have lost records, so nothing is done
 * there until an operator has looked. Whoever notices says so in the ledger, for all: another may
 * have seen no more than what the copy has. A lease is worth something only under a token that is
 * written down: while that cannot be done none is taken. Tokens of another ledger say nothing about
 * this one: whoever brings them is wrong here, or was sent here on purpose, and only that one waits
 * for a person.
 */

import type { ClusterId } from '../domain/ids.ts';
import type { LeaseStop } from '../domain/lease.ts';
import { LedgerError } from '../ports/ledger.ts';
import type { LeaseBoard } from '../ports/leases.ts';
import type { LeaseKeeperParts } from './lease-keeper-parts.ts';

type Parts = Pick<LeaseKeeperParts, 'events' | 'leases' | 'me' | 'tokens'>;

export class LeaseTokens {
  readonly #parts: Parts;
  /** Where nothing is done until an operator has confirmed, and the token that the ledger had. */
  readonly #stopped = new Map<ClusterId, number>();
  #fault: string | undefined;
  /** The ledger, where the tokens are those of another one. */
  #other: string | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Why a token could not be written down, the last time; undefined: all are. */
  get fault(): string | undefined {
    return this.#other === undefined ? this.#fault : OTHER_LEDGER;
  }

  isStopped(cluster: ClusterId): boolean {
    return this.#other !== undefined || this.#stopped.has(cluster);
  }

  highest(cluster: ClusterId): number {
    return this.#parts.tokens.highest(cluster);
  }

  /** Of a lease that was just claimed. False: it is not written down, and must not be used. */
  take(cluster: ClusterId, token: number): boolean {
    const fault = this.#remember(cluster, token);
    if (fault !== undefined) this.#note(fault);
    return fault === undefined;
  }

  /**
   * At every round: what is stopped from now on. Returns the stops that the ledger does not have,
   * or with a lower token only.
   */
  look({ ledger, leases, stops }: LeaseBoard, seen: readonly ClusterId[]): readonly LeaseStop[] {
    let fault = ledger === undefined ? undefined : this.#meet(ledger);
    if (this.#other !== undefined) return [];
    const missing: LeaseStop[] = [];
    const now = new Map(leases.map(({ cluster, token }) => [cluster, token]));
    const known = new Map(stops.map((stop) => [stop.cluster, stop]));
    for (const cluster of new Set([...seen, ...now.keys(), ...known.keys()])) {
      const token = now.get(cluster) ?? 0;
      const highest = this.highest(cluster);
      if (token > highest) fault = this.#remember(cluster, token) ?? fault;
      const own = { cluster, seen: highest, by: this.#parts.me.name };
      const stop = known.get(cluster) ?? (token < highest ? own : undefined);
      if (stop === undefined) this.#goOn(cluster, 'the stop is lifted');
      else this.#stop(stop, token);
      if (token < highest && (known.get(cluster)?.seen ?? 0) < highest) missing.push(own);
    }
    this.#note(fault);
    return missing;
  }

  /** False: nothing is stopped there. Rejects with LedgerError; nothing is changed then. */
  async confirm(cluster: ClusterId, by: string): Promise<boolean> {
    if (this.#other !== undefined) {
      this.#adopt(this.#other, by);
      return true;
    }
    if (!this.isStopped(cluster)) return false;
    await this.#parts.leases.liftStop({ cluster, seen: this.highest(cluster), by });
    this.#goOn(cluster, `confirmed by ${by}`);
    return true;
  }

  /** What kept it from being written down whose the tokens are, where that is new. */
  #meet(ledger: string): string | undefined {
    const { tokens, events, me } = this.#parts;
    const was = this.#other;
    this.#other = tokens.ledger === undefined || tokens.ledger === ledger ? undefined : ledger;
    if (this.#other === undefined) return attempt(() => tokens.adopt(ledger));
    if (was === undefined)
      events.emit('warning', { key: 'other-ledger', text: `${me.name}: ${OTHER_LEDGER}` });
    return undefined;
  }

  #adopt(ledger: string, by: string): void {
    const { tokens, events, me } = this.#parts;
    const fault = attempt(() => tokens.adopt(ledger));
    if (fault !== undefined) throw new LedgerError('io', `it cannot be written down: ${fault}`);
    this.#other = undefined;
    const text = `${me.name} is one of this ledger's controllers from now on, confirmed by ${by}`;
    events.emit('warning', { key: 'other-ledger', text });
  }

  #stop({ cluster, seen, by }: LeaseStop, token: number): void {
    if (this.#stopped.has(cluster)) return;
    this.#stopped.set(cluster, token);
    const text =
      `${cluster}: the ledger has token ${token}, ${by} saw ${seen} before: it is an older ` +
      `copy. Look what was lost, then: drover lease confirm ${cluster}`;
    this.#parts.events.emit('lease', { cluster, what: 'stepped-back', token, text });
  }

  #goOn(cluster: ClusterId, why: string): void {
    const token = this.#stopped.get(cluster);
    if (token === undefined) return;
    this.#stopped.delete(cluster);
    const text = `${cluster}: ${why}: the ledger is gone on with as it is`;
    this.#parts.events.emit('lease', { cluster, what: 'confirmed', token, text });
  }

  /** What kept it from being written down. */
  #remember(cluster: ClusterId, token: number): string | undefined {
    return attempt(() => this.#parts.tokens.remember(cluster, token));
  }

  #note(fault: string | undefined): void {
    const { events, me } = this.#parts;
    const before = this.#fault;
    this.#fault = fault;
    if ((before === undefined) === (fault === undefined)) return;
    const text =
      fault === undefined
        ? `${me.name} writes the tokens of its leases down again, and takes its share`
        : `${me.name} takes no more leases: their tokens cannot be written down: ${fault}`;
    events.emit('warning', { key: 'lease-tokens', text });
  }
}

const OTHER_LEDGER =
  'the ledger is another one than that of its state folder: it takes nothing here. Give it the ' +
  'right one, or, to go on with this one, ask this controller: drover lease confirm CLUSTER';

/** What kept it from being done. */
function attempt(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
