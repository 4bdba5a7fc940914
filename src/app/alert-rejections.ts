/**
 * Tells of alerts that the webhook has refused, or that were cut off before it: each is counted,
 * and a warning says so once a minute for each reason. Alertmanager does not send them again, and
 * whoever relies on it would not know; but a stranger who guesses at tokens is not to fill the log.
 */

import type { Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { RejectedAlerts } from '../serve/routes.ts';

const QUIET_SECONDS = 60;

export class AlertRejections {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #events: EventSink;
  readonly #toldAt = new Map<string, Seconds>();

  constructor({
    clock,
    events,
  }: { readonly clock: Pick<Clock, 'monotonic'>; readonly events: EventSink }) {
    this.#clock = clock;
    this.#events = events;
  }

  tell({ reason, count, detail }: RejectedAlerts): void {
    this.#events.emit('alerts-rejected', { reason, count });
    const now = this.#clock.monotonic();
    const last = this.#toldAt.get(reason);
    if (last !== undefined && now - last < QUIET_SECONDS) return;
    this.#toldAt.set(reason, now);
    const text = `alerts did not get through, and nothing follows from them (${reason}): ${detail}`;
    this.#events.emit('warning', { key: `refused alerts ${reason}`, text });
  }
}
