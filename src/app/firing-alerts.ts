/**
 * The alerts that fire, by fingerprint, as facts about hosts: kept in the ledger, so that whoever
 * acts on a host knows of them, whichever controller was told, and over a restart. A fact ends when
 * the alert resolves; because a "resolved" can get lost, also at the end that the alert names for
 * itself, or when its sender has not repeated it for too long. They are bounded: what finds no
 * place is refused, and said.
 *
 * How long an alert was silent is reckoned from when this process came to know of it, so that no
 * facts end because somebody sets the clock; only of those that it finds at its start, or gets from
 * another controller, it has no better word than their wall clock.
 *
 * Alertmanager shows no end for an alert that fires (its `endsAt` is the year 1 then) and repeats
 * it every repeat_interval, 4 h by default: prometheus.io/docs/alerting/latest/configuration.
 */

import type { FiringAlert } from '../domain/host.ts';
import { compareText, type HostId } from '../domain/ids.ts';
import type { KeptAlert } from '../domain/kept-alert.ts';
import { Turns } from '../domain/turns.ts';
import { epochSeconds, type EpochSeconds, type Seconds, seconds } from '../domain/units.ts';
import type { AlertInput } from '../ports/api.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';

/** More at once than this are an alerting system gone mad. */
export const MOST_ALERTS = 10_000;

export interface FiringAlertsParts {
  readonly ledger: Pick<Ledger, 'putAlert' | 'dropAlert' | 'keptAlerts'>;
  readonly clock: Clock;
  readonly events: EventSink;
  /** How long an alert without an end of its own is believed without being repeated. */
  readonly expireAfterSeconds: Seconds;
}

interface Known {
  readonly kept: KeptAlert;
  /** Monotonic: when it is over, should nobody repeat it until then. */
  readonly silentAt: Seconds;
}

/** Every method rejects with LedgerError. */
export class FiringAlerts {
  readonly #parts: FiringAlertsParts;
  readonly #firing = new Map<string, Known>();
  /** Nothing that is read is older than what was written here meanwhile. */
  readonly #turns = new Turns();
  /** So that it is said once that there are too many, and not for each of them. */
  #isFull = false;

  constructor(parts: FiringAlertsParts) {
    this.#parts = parts;
  }

  /** The alerts by host, each list sorted by name. */
  byHost(): Promise<ReadonlyMap<HostId, readonly FiringAlert[]>> {
    return this.#turns.take(async () => {
      await this.#read();
      await this.#dropOver();
      const kept = [...this.#firing.values()].map((known) => known.kept);
      const hosts = [...Map.groupBy(kept, ({ host }) => host)];
      return new Map(hosts.map(([host, ofHost]) => [host, sorted(ofHost)]));
    });
  }

  /** Takes a firing alert, or its repetition; false: there is no place for it. */
  keep(input: AlertInput, host: HostId): Promise<boolean> {
    return this.#turns.take(async () => {
      if (!this.#firing.has(input.fingerprint) && !(await this.#hasPlace(input.name))) return false;
      const { clock, ledger } = this.#parts;
      const kept = keptOf(input, host, clock.now());
      await ledger.putAlert(kept);
      this.#firing.set(input.fingerprint, { kept, silentAt: this.#silentAt(0) });
      return true;
    });
  }

  resolve(fingerprint: string): Promise<void> {
    return this.#turns.take(async () => {
      await this.#parts.ledger.dropAlert(fingerprint);
      this.#firing.delete(fingerprint);
    });
  }

  /** Takes up what other controllers, and earlier lives of this one, were told. */
  async #read(): Promise<void> {
    const { clock, ledger } = this.#parts;
    const rows = await ledger.keptAlerts();
    const firing = new Set(rows.map(({ fingerprint }) => fingerprint));
    for (const known of this.#firing.keys()) if (!firing.has(known)) this.#firing.delete(known);
    for (const kept of rows) {
      const known = this.#firing.get(kept.fingerprint);
      if (known?.kept.heardAt === kept.heardAt) continue;
      const age = known === undefined ? Math.max(0, clock.now() - kept.heardAt) : 0;
      this.#firing.set(kept.fingerprint, { kept, silentAt: this.#silentAt(age) });
    }
  }

  /** Of one that was repeated so many seconds ago. */
  #silentAt(age: number): Seconds {
    const { clock, expireAfterSeconds } = this.#parts;
    return seconds(clock.monotonic() + Math.max(0, expireAfterSeconds - age));
  }

  async #hasPlace(name: string): Promise<boolean> {
    if (this.#firing.size < MOST_ALERTS) return true;
    await this.#dropOver();
    if (this.#firing.size < MOST_ALERTS) return true;
    if (this.#isFull) return false;
    this.#isFull = true;
    const text = `${MOST_ALERTS} alerts fire already: ${name} and others are no facts for rules`;
    this.#parts.events.emit('warning', { key: 'too many alerts', text });
    return false;
  }

  async #dropOver(): Promise<void> {
    const { clock, events, expireAfterSeconds, ledger } = this.#parts;
    const [now, monotonic] = [clock.now(), clock.monotonic()];
    for (const [fingerprint, { kept, silentAt }] of this.#firing) {
      const { alert, endsAt, host } = kept;
      const isSilent = endsAt === undefined && monotonic >= silentAt;
      if (!isSilent && (endsAt === undefined || endsAt > now)) continue;
      this.#firing.delete(fingerprint);
      // A ledger that cannot be written keeps nobody from looking: the next look drops it again.
      await ledger.dropAlert(fingerprint, kept.heardAt).catch(() => undefined);
      if (!isSilent) continue;
      const text =
        `alert ${alert.name} of ${host} was neither resolved nor repeated for ` +
        `${expireAfterSeconds} s: taken as over (alerts.expireAfter)`;
      events.emit('warning', { key: `silent alert ${fingerprint}`, text });
    }
    if (this.#firing.size < MOST_ALERTS) this.#isFull = false;
  }
}

function sorted(kept: readonly KeptAlert[]): readonly FiringAlert[] {
  return kept.map(({ alert }) => alert).toSorted((a, b) => compareText(a.name, b.name));
}

function keptOf(input: AlertInput, host: HostId, now: EpochSeconds): KeptAlert {
  const { fingerprint, name, labels } = input;
  const endsAt = timeOf(input.endsAt);
  return {
    fingerprint,
    host,
    alert: { name, labels, since: timeOf(input.startsAt) ?? epochSeconds(0) },
    heardAt: now,
    endsAt: endsAt !== undefined && endsAt > now ? endsAt : undefined,
  };
}

/** Undefined for what is no time, and for Go's zero time, the year 1. */
export function timeOf(text: string): EpochSeconds | undefined {
  const milliseconds = Date.parse(text);
  return milliseconds > 0 ? epochSeconds(milliseconds / 1000) : undefined;
}
