/**
 * The tokens that this controller has seen of each cluster, kept outside of the ledger. A ledger
 * that has an older one is an older copy: a failover may have lost records, so nothing is done
 * there until an operator has looked. A lease is worth something only under a token that is written
 * down: while that cannot be done none is taken.
 */

import type { ClusterId } from '../domain/ids.ts';
import type { LeaseBoard } from '../ports/leases.ts';
import type { LeaseKeeperParts } from './lease-keeper-parts.ts';

export class LeaseTokens {
  readonly #parts: Pick<LeaseKeeperParts, 'events' | 'me' | 'tokens'>;
  /** The tokens that are older than what was seen. */
  readonly #stopped = new Map<ClusterId, number>();
  /** To be taken all the same: an operator has said so. */
  readonly #confirmed = new Set<ClusterId>();
  #fault: string | undefined;

  constructor(parts: Pick<LeaseKeeperParts, 'events' | 'me' | 'tokens'>) {
    this.#parts = parts;
  }

  /** Why a token could not be written down, the last time; undefined: all are. */
  get fault(): string | undefined {
    return this.#fault;
  }

  isStopped(cluster: ClusterId): boolean {
    return this.#stopped.has(cluster);
  }

  highest(cluster: ClusterId): number {
    return this.#parts.tokens.highest(cluster);
  }

  /** Of a lease that was just claimed. False: it is not written down, and must not be used. */
  take(cluster: ClusterId, token: number): boolean {
    const fault = this.#remember(cluster, token);
    if (fault !== undefined) this.#note(fault);
    else this.#confirmed.delete(cluster);
    return fault === undefined;
  }

  /** At every round: stops where the ledger is older than what was seen. */
  look({ leases }: Pick<LeaseBoard, 'leases'>, seen: readonly ClusterId[]): void {
    let fault: string | undefined;
    const now = new Map(leases.map(({ cluster, token }) => [cluster, token]));
    for (const cluster of new Set([...seen, ...now.keys()])) {
      const token = now.get(cluster) ?? 0;
      const highest = this.highest(cluster);
      if (token >= highest) {
        this.#stopped.delete(cluster);
        if (token > highest) fault = this.#remember(cluster, token) ?? fault;
      } else if (!this.#stopped.has(cluster) && !this.#confirmed.has(cluster)) {
        this.#stopped.set(cluster, token);
        const text =
          `${cluster}: the ledger has token ${token}, ${highest} was seen before: it is an older ` +
          `copy. Look what was lost, then: drover lease confirm ${cluster}`;
        this.#parts.events.emit('lease', { cluster, what: 'stepped-back', token, text });
      }
    }
    this.#note(fault);
  }

  /** False: nothing was stopped there. */
  confirm(cluster: ClusterId, by: string): boolean {
    const token = this.#stopped.get(cluster);
    if (token === undefined) return false;
    this.#stopped.delete(cluster);
    this.#confirmed.add(cluster);
    const text = `${cluster}: confirmed by ${by}: the ledger is gone on with as it is`;
    this.#parts.events.emit('lease', { cluster, what: 'confirmed', token, text });
    return true;
  }

  /** What kept it from being written down. */
  #remember(cluster: ClusterId, token: number): string | undefined {
    try {
      this.#parts.tokens.remember(cluster, token);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
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
