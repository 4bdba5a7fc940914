/**
 * The alerts that fire, by fingerprint, as facts about hosts. A fact ends when the alert resolves;
 * because a "resolved" can get lost, also at the end that the alert names for itself, or when its
 * sender has not repeated it for too long. Kept in memory only, and bounded: what finds no place
 * is refused, and said.
 *
 * Alertmanager shows no end for an alert that fires (its `endsAt` is the year 1 then) and repeats
 * it every repeat_interval, 4 h by default: prometheus.io/docs/alerting/latest/configuration.
 */

import type { FiringAlert } from '../domain/host.ts';
import { compareText, type HostId } from '../domain/ids.ts';
import { epochSeconds, type EpochSeconds, type Seconds } from '../domain/units.ts';
import type { AlertInput } from '../ports/api.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';

/** More at once than this are an alerting system gone mad. */
export const MOST_ALERTS = 10_000;

export interface FiringAlertsParts {
  readonly clock: Clock;
  readonly events: EventSink;
  /** How long an alert without an end of its own is believed without being repeated. */
  readonly expireAfterSeconds: Seconds;
}

interface Kept {
  readonly host: HostId;
  readonly alert: FiringAlert;
  /** Monotonic, of its newest repetition. */
  readonly heardAt: Seconds;
  /** By the wall clock; undefined: it named none, or one that is past although it fires. */
  readonly endsAt: EpochSeconds | undefined;
}

export class FiringAlerts {
  readonly #parts: FiringAlertsParts;
  readonly #firing = new Map<string, Kept>();
  /** So that it is said once that there are too many, and not for each of them. */
  #isFull = false;

  constructor(parts: FiringAlertsParts) {
    this.#parts = parts;
  }

  /** The alerts by host, each list sorted by name. */
  byHost(): ReadonlyMap<HostId, readonly FiringAlert[]> {
    this.#dropOver();
    const hosts = new Map<HostId, FiringAlert[]>();
    for (const { host, alert } of this.#firing.values()) {
      const alerts = hosts.get(host) ?? [];
      alerts.push(alert);
      hosts.set(host, alerts);
    }
    for (const alerts of hosts.values()) alerts.sort((a, b) => compareText(a.name, b.name));
    return hosts;
  }

  /** Takes a firing alert, or its repetition; false: there is no place for it. */
  keep(input: AlertInput, host: HostId): boolean {
    if (!this.#firing.has(input.fingerprint) && !this.#hasPlace(input.name)) return false;
    const { clock } = this.#parts;
    const endsAt = timeOf(input.endsAt);
    this.#firing.set(input.fingerprint, {
      host,
      alert: {
        name: input.name,
        labels: input.labels,
        since: timeOf(input.startsAt) ?? epochSeconds(0),
      },
      heardAt: clock.monotonic(),
      endsAt: endsAt !== undefined && endsAt > clock.now() ? endsAt : undefined,
    });
    return true;
  }

  resolve(fingerprint: string): void {
    this.#firing.delete(fingerprint);
  }

  #hasPlace(name: string): boolean {
    if (this.#firing.size < MOST_ALERTS) return true;
    this.#dropOver();
    if (this.#firing.size < MOST_ALERTS) return true;
    if (this.#isFull) return false;
    this.#isFull = true;
    const text = `${MOST_ALERTS} alerts fire already: ${name} and others are no facts for rules`;
    this.#parts.events.emit('warning', { key: 'too many alerts', text });
    return false;
  }

  #dropOver(): void {
    const { clock, events, expireAfterSeconds } = this.#parts;
    const [now, monotonic] = [clock.now(), clock.monotonic()];
    for (const [fingerprint, { host, alert, heardAt, endsAt }] of this.#firing) {
      const isSilent = endsAt === undefined && monotonic - heardAt >= expireAfterSeconds;
      const isOver = isSilent || (endsAt !== undefined && endsAt <= now);
      if (isOver) this.#firing.delete(fingerprint);
      if (!isSilent) continue;
      const text =
        `alert ${alert.name} of ${host} was neither resolved nor repeated for ` +
        `${expireAfterSeconds} s: taken as over (alerts.expireAfter)`;
      events.emit('warning', { key: `silent alert ${fingerprint}`, text });
    }
    if (this.#firing.size < MOST_ALERTS) this.#isFull = false;
  }
}

/** Undefined for what is no time, and for Go's zero time, the year 1. */
export function timeOf(text: string): EpochSeconds | undefined {
  const milliseconds = Date.parse(text);
  return milliseconds > 0 ? epochSeconds(milliseconds / 1000) : undefined;
}
