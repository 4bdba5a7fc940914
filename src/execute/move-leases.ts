/**
 * Binds every move to the leases under which it was begun or taken up. Whatever is written about
 * it, and whatever is asked of a hypervisor for it, needs these very leases: a lease that was lost
 * and taken again has another token, and what was under way before is somebody else's by then.
 */

import type { ClusterId, HostId, MoveId } from '../domain/ids.ts';
import type { MoveRecord } from '../domain/journal.ts';
import type { HeldLease, LeaseProof } from '../domain/lease.ts';
import type { Move } from '../domain/plan.ts';
import { LedgerError, type MoveFence } from '../ports/ledger.ts';

/** Who knows which leases hold at this very moment (LeaseKeeper). */
export interface Authority {
  readonly id: string;
  /** The token under which the cluster may be acted on now; undefined: it may not. */
  mayAct(cluster: ClusterId): number | undefined;
}

/** What is leased for a host; undefined: nobody has seen the host. */
export type ScopeOf = (host: HostId) => ClusterId | undefined;

/** Whether the host was looked at since its lease is held: else others may have moved VMs there. */
export type IsSeen = (host: HostId) => boolean;

export class MoveLeases implements MoveFence {
  readonly #authority: Authority;
  readonly #scopeOf: ScopeOf;
  readonly #isSeen: IsSeen;
  readonly #bound = new Map<MoveId, readonly HeldLease[]>();
  /** The two hosts of each of these moves. */
  readonly #ends = new Map<MoveId, readonly HostId[]>();

  constructor(authority: Authority, scopeOf: ScopeOf, isSeen: IsSeen = () => true) {
    this.#authority = authority;
    this.#scopeOf = scopeOf;
    this.#isSeen = isSeen;
  }

  /** Throws LedgerError `lost-lease` where the move may not begin. */
  open(move: Pick<Move, 'id' | 'from' | 'to'>): LeaseProof {
    const scopes = [this.#known(move.from), this.#known(move.to)];
    const leases = [...new Set(scopes)].map((cluster) => this.#held(cluster));
    const unseen = [move.from, move.to].find((host) => !this.#isSeen(host));
    if (unseen !== undefined) throw lost(`${unseen} was not looked at since its lease is held`);
    this.#bind(move, leases);
    return { holder: this.#authority.id, leases };
  }

  about(move: MoveId): LeaseProof {
    const leases = this.#bound.get(move);
    if (leases === undefined) throw lost(`the move ${move} is not this controller's`);
    for (const { cluster, token } of leases) {
      if (this.#isHeld(cluster, token)) continue;
      throw lost(`the move ${move} needs ${cluster} under token ${token}, which is over`);
    }
    return { holder: this.#authority.id, leases };
  }

  /** Whether the move may be acted on still, as `about` asks. */
  holds(move: MoveId): boolean {
    const leases = this.#bound.get(move);
    return leases?.every(({ cluster, token }) => this.#isHeld(cluster, token)) === true;
  }

  /** Whether the move was opened or taken up here and has not ended. */
  follows(move: MoveId): boolean {
    return this.#bound.has(move);
  }

  /** Whether the move begins or ends there: else its leases say nothing about the host. */
  isEnd(move: MoveId, host: HostId): boolean {
    return this.#ends.get(move)?.includes(host) === true;
  }

  ended(move: MoveId): void {
    this.#bound.delete(move);
    this.#ends.delete(move);
  }

  /**
   * For a move that the ledger has open and that nobody here follows: binds it to the leases that
   * hold now. False: it is another controller's to take up.
   */
  takeUp(record: MoveRecord): boolean {
    const held: HeldLease[] = [];
    for (const cluster of this.clustersOf(record)) {
      const token = this.#authority.mayAct(cluster);
      if (token === undefined) return false;
      held.push({ cluster, token });
    }
    this.#bind(record.move, held);
    return true;
  }

  /** Some of the leases that a move needs are held here: so nobody else can have them all. */
  holdsPart(record: MoveRecord): boolean {
    return this.clustersOf(record).some((one) => this.#authority.mayAct(one) !== undefined);
  }

  /** The leases of all these are needed for it. */
  clustersOf({ move, leases }: MoveRecord): readonly ClusterId[] {
    // What was recorded at its opening counts: by now its hosts may be gone.
    const recorded = leases?.map(({ cluster }) => cluster);
    const scopes = recorded ?? [move.from, move.to].flatMap((host) => this.#scopeOf(host) ?? []);
    return [...new Set(scopes)];
  }

  /** No move of this controller's is under way that needs the cluster. */
  isIdle(cluster: ClusterId): boolean {
    return [...this.#bound.values()].every((leases) =>
      leases.every((lease) => lease.cluster !== cluster),
    );
  }

  /** For what is done to a host itself. Throws LedgerError `lost-lease`. */
  onHost(host: HostId): LeaseProof {
    return { holder: this.#authority.id, leases: [this.#held(this.#known(host))] };
  }

  /** The same, as a question. */
  holdsHost(host: HostId): boolean {
    const cluster = this.#scopeOf(host);
    return cluster !== undefined && this.#authority.mayAct(cluster) !== undefined;
  }

  /** For what is about the cluster as a whole. Throws LedgerError `lost-lease`. */
  onCluster(cluster: ClusterId): LeaseProof {
    return { holder: this.#authority.id, leases: [this.#held(cluster)] };
  }

  #bind({ id, from, to }: Pick<Move, 'id' | 'from' | 'to'>, leases: readonly HeldLease[]): void {
    this.#bound.set(id, leases);
    this.#ends.set(id, [from, to]);
  }

  #isHeld(cluster: ClusterId, token: number): boolean {
    return this.#authority.mayAct(cluster) === token;
  }

  #known(host: HostId): ClusterId {
    const cluster = this.#scopeOf(host);
    if (cluster === undefined) throw lost(`nobody has seen the host ${host}`);
    return cluster;
  }

  #held(cluster: ClusterId): HeldLease {
    const token = this.#authority.mayAct(cluster);
    if (token === undefined)
      throw lost(`the lease of ${cluster} is not held here, or is running out`);
    return { cluster, token };
  }
}

function lost(message: string): LedgerError {
  return new LedgerError('lost-lease', message);
}
