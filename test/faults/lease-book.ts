// Role: who has which lease, as the judge keeps book of it: filled from the answers of the store
// itself, so that it is right at every moment, whatever a controller believes.
import type { ClusterId } from '../../src/domain/ids.ts';
import type { HeldLease } from '../../src/domain/lease.ts';

export class LeaseBook {
  readonly #holders = new Map<ClusterId, string>();
  readonly #tokens = new Map<ClusterId, number>();
  /** When each controller last had an answer. */
  readonly #heard = new Map<string, number>();

  heard(by: string, at: number): void {
    this.#heard.set(by, at);
  }

  /** Who had an answer since then. */
  heardOf(since: number): readonly string[] {
    return [...this.#heard].filter(([, at]) => at >= since).map(([by]) => by);
  }

  /** What is wrong with it; undefined: nothing. */
  taken({ cluster, token }: HeldLease, by: string): string | undefined {
    const before = this.#tokens.get(cluster) ?? 0;
    this.#holders.set(cluster, by);
    this.#tokens.set(cluster, token);
    return token > before ? undefined : `${cluster}: token ${token} comes after ${before}`;
  }

  released(held: readonly HeldLease[], by: string): void {
    for (const { cluster } of held) {
      if (this.#holders.get(cluster) === by) this.#holders.delete(cluster);
    }
  }

  /** Undefined: nobody. */
  holder(cluster: ClusterId): string | undefined {
    return this.#holders.get(cluster);
  }

  hasAny(by: string): boolean {
    return [...this.#holders.values()].includes(by);
  }
}
