// Role: who has which lease, as the judge keeps book of it: filled from the answers of the store
// itself, so that it is right at every moment, whatever a controller believes.
import type { ClusterId } from '../../src/domain/ids.ts';
import type { HeldLease } from '../../src/domain/lease.ts';

/** Three renewals: whoever was heard of since then is there, and known to the others. */
const LIVING_SECONDS = 30;

interface SignOfLife {
  readonly at: number;
  /** From when on it was heard of again and again, and wanted the same. */
  readonly since: number;
  readonly wants: readonly ClusterId[];
}

export class LeaseBook {
  readonly #holders = new Map<ClusterId, string>();
  readonly #tokens = new Map<ClusterId, number>();
  readonly #signs = new Map<string, SignOfLife>();
  #takeOvers = 0;

  /** How often one controller took what another one had not given back. */
  get takeOvers(): number {
    return this.#takeOvers;
  }

  /** A renewal, with the clusters that the controller would take. */
  renewed(by: string, at: number, wants: readonly ClusterId[]): void {
    const before = this.#signs.get(by);
    const isSame = before?.wants.join() === wants.join() && at - before.at < LIVING_SECONDS;
    this.#signs.set(by, { at, since: isSame ? before.since : at, wants });
  }

  /** Whether others, that have shown themselves for a while, would take all that it holds. */
  hasStandby(controller: string, now: number): boolean {
    const living = [...this.#signs].filter(([by, { at, since }]) => {
      return by !== controller && now - at < LIVING_SECONDS && now - since >= LIVING_SECONDS;
    });
    const held = [...this.#holders].filter(([, by]) => by === controller);
    return held.every(([cluster]) => living.some(([, { wants }]) => wants.includes(cluster)));
  }

  /** What is wrong with it; undefined: nothing. */
  taken({ cluster, token }: HeldLease, by: string): string | undefined {
    const before = this.#tokens.get(cluster) ?? 0;
    if ((this.#holders.get(cluster) ?? by) !== by) this.#takeOvers += 1;
    this.#holders.set(cluster, by);
    this.#tokens.set(cluster, token);
    return token > before ? undefined : `${cluster}: token ${token} comes after ${before}`;
  }

  released(held: readonly HeldLease[], by: string): void {
    for (const { cluster } of held) {
      if (this.#holders.get(cluster) === by) this.#holders.delete(cluster);
    }
  }

  /** A new life of the controller has none of what the one before had, until it takes it again. */
  reborn(by: string): void {
    for (const [cluster, holder] of this.#holders) if (holder === by) this.#holders.delete(cluster);
  }

  /** Undefined: nobody. */
  holder(cluster: ClusterId): string | undefined {
    return this.#holders.get(cluster);
  }

  hasAny(by: string): boolean {
    return [...this.#holders.values()].includes(by);
  }
}
