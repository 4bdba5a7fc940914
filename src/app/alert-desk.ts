/**
 * What alerts mean. Every firing alert that names a host we know becomes a fact about that host
 * and, because operators route only such alerts here, an order to evacuate it. Label (or
 * annotation) `drover` says otherwise: `maintenance`, or `note` for a fact only; and an alert of
 * severity warning, info or none is a fact only, unless `drover="evacuate"` asks for more.
 * A resolved alert ends the fact, never the order: a host that was failing is returned to service
 * by a person.
 */

import type { AlertInput, AlertOutcome } from '../ports/api.ts';
import type { FiringAlert, Host } from '../domain/host.ts';
import { compareText, type HostId } from '../domain/ids.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { epochSeconds } from '../domain/units.ts';
import type { OrderDesk } from './order-desk.ts';

/** Labels that may name a host, the more specific ones first. */
const HOST_LABELS = [
  'drover_host',
  'hypervisor',
  'host',
  'hostname',
  'node',
  'nodename',
  'instance',
];

/** More firing alerts than this at once are not kept: an alerting system gone mad. */
const MOST_ALERTS = 10_000;

/** Severities, as commonly written, that do not by themselves justify moving anything. */
const MILD = new Set(['warning', 'warn', 'info', 'informational', 'notice', 'none']);

interface Kept {
  readonly host: HostId;
  readonly alert: FiringAlert;
}

export class AlertDesk {
  readonly #orders: OrderDesk;
  readonly #firing = new Map<string, Kept>();

  constructor(orders: OrderDesk) {
    this.#orders = orders;
  }

  /** The firing alerts by host, each list sorted by name. */
  byHost(): ReadonlyMap<HostId, readonly FiringAlert[]> {
    const hosts = new Map<HostId, FiringAlert[]>();
    for (const { host, alert } of this.#firing.values()) {
      const alerts = hosts.get(host) ?? [];
      alerts.push(alert);
      hosts.set(host, alerts);
    }
    for (const alerts of hosts.values()) alerts.sort((a, b) => compareText(a.name, b.name));
    return hosts;
  }

  async take(alerts: readonly AlertInput[], world: Snapshot): Promise<readonly AlertOutcome[]> {
    const outcomes: AlertOutcome[] = [];
    for (const alert of alerts) outcomes.push(await this.#takeOne(alert, world));
    return outcomes;
  }

  async #takeOne(alert: AlertInput, world: Snapshot): Promise<AlertOutcome> {
    const { fingerprint } = alert;
    if (alert.status === 'resolved') {
      this.#firing.delete(fingerprint);
      const detail = 'a host that was ordered empty stays so until drover maintenance exit';
      return { fingerprint, outcome: 'resolved', host: null, detail };
    }
    const host = findHost(alert.labels, world.hosts);
    if (host === undefined) {
      const detail = `no label of ${HOST_LABELS.join(', ')} names a host that is known`;
      return { fingerprint, outcome: 'ignored', host: null, detail };
    }
    this.#keep(alert, host.id);
    const kind = orderKind(alert);
    if (kind === undefined)
      return { fingerprint, outcome: 'noted', host: host.name, detail: 'a fact for rules' };
    const given = await this.#orders.give(
      {
        kind,
        host: host.id,
        by: { kind: 'alert', name: alert.name },
        reason: alert.annotations['summary'] ?? alert.annotations['description'] ?? alert.name,
        dedupeKey: fingerprint,
        deadlineSeconds: null,
      },
      world,
    );
    const outcome = given.what === 'repeated' ? 'repeated' : 'ordered';
    return { fingerprint, outcome, host: host.name, detail: `order ${given.order.id}` };
  }

  #keep(alert: AlertInput, host: HostId): void {
    if (this.#firing.size >= MOST_ALERTS && !this.#firing.has(alert.fingerprint)) return;
    const since = Date.parse(alert.startsAt);
    this.#firing.set(alert.fingerprint, {
      host,
      alert: {
        name: alert.name,
        labels: alert.labels,
        since: epochSeconds(Number.isFinite(since) && since > 0 ? since / 1000 : 0),
      },
    });
  }
}

function orderKind(alert: AlertInput): 'evacuate' | 'maintenance' | undefined {
  const asked = alert.labels['drover'] ?? alert.annotations['drover'];
  if (asked === 'evacuate' || asked === 'maintenance') return asked;
  if (asked === 'note') return undefined;
  return MILD.has((alert.labels['severity'] ?? '').toLowerCase()) ? undefined : 'evacuate';
}

/** The host that the labels name, by id or name, with or without a port; never a guess. */
export function findHost(
  labels: Readonly<Record<string, string>>,
  hosts: readonly Host[],
): Host | undefined {
  for (const label of HOST_LABELS) {
    const value = labels[label];
    if (value === undefined) continue;
    const bare = value.replace(/:\d+$/, '');
    const named = hosts.filter((host) =>
      [host.id, host.name].some((n) => n === value || n === bare),
    );
    // Two hosts of one name (of two sources) are nobody's order.
    if (named.length === 1) return named[0];
  }
  return undefined;
}
