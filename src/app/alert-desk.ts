/**
 * What alerts mean. Every firing alert that names a host we know becomes a fact about that host
 * and, because operators route only such alerts here, an order to evacuate it. Label (or
 * annotation) `drover` says otherwise: `maintenance`, or `note` for a fact only; and an alert of
 * severity warning, info or none is a fact only, unless `drover="evacuate"` asks for more.
 * A resolved alert ends the fact (as does a silent one, firing-alerts.ts), never the order: a host
 * that was failing is returned to service by a person.
 */

import type { AlertInput, AlertOutcome } from '../ports/api.ts';
import type { FiringAlert, Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { type FiringAlerts, MOST_ALERTS } from './firing-alerts.ts';
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

/** Severities, as commonly written, that do not by themselves justify moving anything. */
const MILD = new Set(['warning', 'warn', 'info', 'informational', 'notice', 'none']);

export class AlertDesk {
  readonly #orders: OrderDesk;
  readonly #firing: FiringAlerts;

  constructor(orders: OrderDesk, firing: FiringAlerts) {
    this.#orders = orders;
    this.#firing = firing;
  }

  /** The firing alerts by host, each list sorted by name. */
  byHost(): ReadonlyMap<HostId, readonly FiringAlert[]> {
    return this.#firing.byHost();
  }

  async take(alerts: readonly AlertInput[], world: Snapshot): Promise<readonly AlertOutcome[]> {
    const outcomes: AlertOutcome[] = [];
    for (const alert of alerts) outcomes.push(await this.#takeOne(alert, world));
    return outcomes;
  }

  async #takeOne(alert: AlertInput, world: Snapshot): Promise<AlertOutcome> {
    const { fingerprint } = alert;
    if (alert.status === 'resolved') {
      this.#firing.resolve(fingerprint);
      const detail = 'a host that was ordered empty stays so until drover maintenance exit';
      return { fingerprint, outcome: 'resolved', host: null, detail };
    }
    const host = findHost(alert.labels, world.hosts);
    if (host === undefined) {
      const detail = `no label of ${HOST_LABELS.join(', ')} names a host that is known`;
      return { fingerprint, outcome: 'ignored', host: null, detail };
    }
    const isKept = this.#firing.keep(alert, host.id);
    const kind = orderKind(alert);
    if (kind === undefined) {
      const [outcome, detail] = isKept
        ? (['noted', 'a fact for rules'] as const)
        : (['dropped', TOO_MANY] as const);
      return { fingerprint, outcome, host: host.name, detail };
    }
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
    const detail = `order ${given.order.id}${isKept ? '' : `; ${TOO_MANY}`}`;
    return { fingerprint, outcome, host: host.name, detail };
  }
}

/** The order counts all the same; only rules do not see the alert. */
const TOO_MANY = `no fact for rules: ${MOST_ALERTS} alerts fire already`;

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
