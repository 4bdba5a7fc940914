/**
 * Says of each suspected host why its power is not cut, and has it cut where nothing speaks against
 * it: at the tick at which that was found, and once more right before the cut.
 */

import type { HostFailureRecord } from '../domain/host-failure.ts';
import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { PolicySet } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { whoIsAtWork } from './at-work.ts';
import { Fencer, type FencerParts } from './fencer.ts';
import { fencingObjection } from './fencing-guard.ts';
import type { HostFailureBook } from './host-failure-book.ts';
import type { HostLooks } from './host-looks.ts';

/** What one tick's actions stand on. */
export interface Standing {
  readonly snapshot: Snapshot;
  /** Judged in this very tick. */
  readonly own: ReadonlySet<HostId>;
  readonly orders: readonly Order[];
  readonly isPaused: boolean;
}

export interface FencingDeskParts extends Omit<FencerParts, 'isSuspected'> {
  readonly book: Pick<HostFailureBook, 'all' | 'get'>;
  readonly looks: Pick<HostLooks, 'isFollowed'>;
  readonly settings: () => PolicySet;
  /** Whether its hypervisor's adapter can start VMs elsewhere. */
  readonly canRestart: (host: HostId) => boolean;
}

export class FencingDesk {
  readonly #parts: FencingDeskParts;
  readonly #fencer: Fencer;
  /** Why the power of a suspected host is not cut; undefined: it is being cut. */
  readonly #objections = new Map<HostId, string | undefined>();

  constructor(parts: FencingDeskParts) {
    this.#parts = parts;
    this.#fencer = new Fencer({ ...parts, isSuspected: ({ id }) => this.#mayCut(id) });
  }

  /** Why its power is not cut, as the last tick found it; undefined: it is being cut. */
  objection(host: HostId): string | undefined {
    return this.#objections.get(host);
  }

  /** Returns at once: power is cut beside the tick. */
  judge(host: Host, record: HostFailureRecord, { snapshot, orders, isPaused }: Standing): void {
    const { book, canRestart, clock, fencing, settings } = this.#parts;
    // What was found of an earlier suspicion says nothing about the next.
    this.#objections.delete(host.id);
    if (record.state !== 'suspected-dead') return;
    const why = fencingObjection({
      host,
      record,
      // Who is off on purpose says nothing of the network.
      others: book.all.filter(
        (one) => one !== record && whoIsAtWork({ id: one.host }, orders, snapshot) === undefined,
      ),
      hosts: snapshot.hosts,
      hasDevice: fencing?.covers(host) === true,
      canRestart: canRestart(host.id),
      isPaused,
      atWork: whoIsAtWork(host, orders, snapshot),
      policies: settings(),
      now: clock.now(),
    });
    this.#objections.set(host.id, why);
    if (this.#mayCut(host.id)) this.#fencer.fence(host);
  }

  forget(host: HostId): void {
    this.#objections.delete(host);
  }

  idle(): Promise<void> {
    return this.#fencer.idle();
  }

  /** Whether all that speaks for cutting its power holds at this moment. */
  #mayCut(id: HostId): boolean {
    const record = this.#parts.book.get(id);
    const isSilent = record?.state === 'suspected-dead' && record.answersSince === undefined;
    const isFree = this.#objections.has(id) && this.#objections.get(id) === undefined;
    return isSilent && isFree && this.#parts.looks.isFollowed(id);
  }
}
