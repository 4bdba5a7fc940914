/**
 * What stands still in the ledger, and since when, on this controller's own clock. Clocks of
 * different machines are never compared: a lease is over when its row has not changed for its
 * whole term, as seen from here.
 */

import type { ClusterId } from '../domain/ids.ts';
import type { Lease } from '../domain/lease.ts';
import type { Seconds } from '../domain/units.ts';
import { UNHEARD_SECONDS } from '../ports/places.ts';
import type { LeaseBoard, SeenController } from '../ports/leases.ts';

interface Still {
  readonly mark: string;
  readonly since: number;
  /** It has not changed since it was first seen. */
  readonly isFirst: boolean;
}

export class LeaseWatch {
  readonly #leases = new Map<ClusterId, Still>();
  readonly #controllers = new Map<string, Still>();

  /** @param now after the board was read: nothing on it is younger than that. */
  look({ leases, controllers }: LeaseBoard, now: Seconds): void {
    for (const { cluster, token, renewals } of leases)
      note(this.#leases, cluster, `${token} ${renewals}`, now);
    for (const { id, beats } of controllers) note(this.#controllers, id, String(beats), now);
    const gone = new Set(controllers.map(({ id }) => id));
    for (const id of this.#controllers.keys()) if (!gone.has(id)) this.#controllers.delete(id);
  }

  /** For how long the lease has not been renewed. */
  stillFor({ cluster }: Lease, now: Seconds): number {
    return now - (this.#leases.get(cluster)?.since ?? now);
  }

  /** Name of who has it; undefined: it ran out so long ago that nobody can be heard any more. */
  heardHolder(lease: Lease, now: Seconds): string | undefined {
    const isHeard = this.stillFor(lease, now) < lease.seconds + UNHEARD_SECONDS;
    return isHeard ? lease.holderName : undefined;
  }

  /** The lease was renewed by somebody since it was first seen here. */
  hasMoved({ cluster }: Lease): boolean {
    return this.#leases.get(cluster)?.isFirst === false;
  }

  /** For how long the controller has given no sign of life. */
  silentFor({ id }: SeenController, now: Seconds): number {
    return now - (this.#controllers.get(id)?.since ?? now);
  }
}

// oxlint-disable-next-line max-params -- where, what, as what and when
function note<Key>(seen: Map<Key, Still>, key: Key, mark: string, now: number): void {
  const before = seen.get(key);
  if (before?.mark !== mark) seen.set(key, { mark, since: now, isFirst: before === undefined });
}
