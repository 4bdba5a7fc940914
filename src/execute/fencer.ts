/**
 * Cuts the power of one host after the other that is suspected dead, and looks whether it is off.
 * Beside the ticks: a device takes seconds, and may not answer at all. What was not confirmed is
 * tried again later; nothing is concluded from an order alone.
 */

import type { Host } from '../domain/host.ts';
import type { ClusterId, HostId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import { leaseScope } from '../domain/lease.ts';
import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Fencing } from '../ports/fencing.ts';
import type { Ledger } from '../ports/ledger.ts';
import { callWithin } from './call.ts';
import type { HostSigns } from './host-signs.ts';

/** Longer than fence agents wait for the power to go down (their power_timeout is 20 s). */
const OFF_SECONDS = seconds(120);
const AGAIN_SECONDS = 300;

export interface FencerParts {
  readonly ledger: Pick<Ledger, 'noteFencing'>;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly fencing: Fencing | undefined;
  readonly signs: Pick<HostSigns, 'power' | 'isAlive'>;
  /** Whether this controller may act on the host: asked right before its power is cut. */
  readonly holds: (host: Host) => boolean;
  /** Whether all that speaks for it holds still: asked then, too. */
  readonly isSuspected: (host: Host) => boolean;
  /** Told of a host whose power was cut, and seen off afterwards. */
  readonly confirm: (host: Host) => Promise<void>;
}

export class Fencer {
  readonly #parts: FencerParts;
  readonly #underWay = new Map<HostId, Promise<void>>();
  readonly #triedAt = new Map<HostId, number>();

  constructor(parts: FencerParts) {
    this.#parts = parts;
  }

  /** Returns at once. One attempt at a time for each host, and a pause between two. */
  fence(host: Host): void {
    const { clock, events } = this.#parts;
    const last = this.#triedAt.get(host.id) ?? Number.NEGATIVE_INFINITY;
    if (this.#underWay.has(host.id) || clock.monotonic() - last < AGAIN_SECONDS) return;
    this.#triedAt.set(host.id, clock.monotonic());
    const attempt = this.#attempt(host)
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        const text = `${host.name}: its power could not be cut: ${reason}`;
        events.emit('warning', { key: `fencing ${host.id}`, text });
      })
      .finally(() => this.#underWay.delete(host.id));
    this.#underWay.set(host.id, attempt);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  async #attempt(host: Host): Promise<void> {
    const { clock, fencing, holds, isSuspected, signs, confirm } = this.#parts;
    if (fencing === undefined) return;
    // The last moment at which a sign of life still saves its guests.
    if (await signs.isAlive(host)) throw new Error('it answers after all');
    // Of one that another controller has by now it is not told, and it is not cut.
    await this.#tell(host, 'its power is being cut (suspected dead)', leaseScope(host));
    // Both took their time. From here to the cut nothing is awaited.
    if (!isSuspected(host)) throw new Error('what spoke for it does not hold any more');
    if (!holds(host)) throw new Error('its lease went to another controller');
    await callWithin(clock, OFF_SECONDS, host.source, (signal) => fencing.off(host, signal));
    const power = await signs.power(host);
    if (power.verdict !== 'silent') throw new Error(`its power is ${power.detail} afterwards`);
    await this.#tell(host, 'its power was cut, and is confirmed off');
    await confirm(host);
  }

  async #tell(host: Host, what: string, cluster?: ClusterId): Promise<void> {
    const { clock, ledger } = this.#parts;
    const about = { vm: undefined, host: host.id, from: undefined, move: undefined };
    const text = `${host.name}: ${what}`;
    const line: HistoryEntry = { at: clock.now(), kind: 'state', ...about, text };
    await ledger.noteFencing(line, cluster);
  }
}
