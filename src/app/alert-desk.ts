/**
 * What alerts mean. Every firing alert that names a host we know becomes a fact about that host
 * and, because operators route only such alerts here, an order to evacuate it. Label (or
 * annotation) `drover` says otherwise: `maintenance`, or `note` for a fact only; and an alert of
 * severity warning, info or none is a fact only, unless `drover="evacuate"` asks for more. What is
 * not understood (a name that is no host's, a wish that there is not) never moves anything, and is
 * said.
 * A resolved alert ends the fact (as does a silent one, firing-alerts.ts), never the order: a host
 * that was failing is returned to service by a person.
 */

import type { AlertInput, AlertOutcome } from '../ports/api.ts';
import type { EventSink } from '../ports/events.ts';
import type { FiringAlert, Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import { occasionOf } from '../domain/kept-alert.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { printable } from '../observe/printable.ts';
import { type FiringAlerts, MOST_ALERTS, timeOf } from './firing-alerts.ts';
import type { GivenOrder, OrderDesk } from './order-desk.ts';

/** A reason stands in every move, line of history and decision that follows from it. */
const LONGEST_REASON = 1_024;

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

/** What label `drover` may ask for. */
const WISHES = ['evacuate', 'maintenance', 'note'] as const;

export interface AlertDeskParts {
  readonly orders: Pick<OrderDesk, 'give'>;
  readonly firing: FiringAlerts;
  readonly events: EventSink;
}

export class AlertDesk {
  readonly #parts: AlertDeskParts;

  constructor(parts: AlertDeskParts) {
    this.#parts = parts;
  }

  /** The firing alerts by host, each list sorted by name. Rejects with LedgerError. */
  byHost(): Promise<ReadonlyMap<HostId, readonly FiringAlert[]>> {
    return this.#parts.firing.byHost();
  }

  async take(alerts: readonly AlertInput[], world: Snapshot): Promise<readonly AlertOutcome[]> {
    const outcomes: AlertOutcome[] = [];
    for (const alert of alerts) outcomes.push(await this.#takeOne(alert, world));
    return outcomes;
  }

  async #takeOne(alert: AlertInput, world: Snapshot): Promise<AlertOutcome> {
    const { orders, firing } = this.#parts;
    const { fingerprint } = alert;
    if (alert.status === 'resolved') {
      await firing.resolve(fingerprint);
      const detail = 'a host that was ordered empty stays so until drover maintenance exit';
      return { fingerprint, outcome: 'resolved', host: null, detail };
    }
    const wish = wishOf(alert);
    const found = findHost(alert.labels, world.hosts);
    if (!found.ok) {
      if (wish !== 'note') this.#warn(alert, `nothing is ordered: ${found.error}`);
      return { fingerprint, outcome: 'ignored', host: null, detail: found.error };
    }
    const host = found.value;
    const isKept = await firing.keep(alert, host.id);
    if (wish === 'unknown') this.#warn(alert, UNKNOWN_WISH);
    if (wish === 'note' || wish === 'unknown') {
      const noted = wish === 'note' ? 'a fact for rules' : UNKNOWN_WISH;
      const [outcome, detail] = isKept
        ? (['noted', noted] as const)
        : (['dropped', TOO_MANY] as const);
      return { fingerprint, outcome, host: host.name, detail };
    }
    const given = await orders.give(
      {
        kind: wish,
        host: host.id,
        by: { kind: 'alert', name: shown(alert.name) },
        reason: reasonOf(alert),
        dedupeKey: askerOf(alert),
        deadlineSeconds: null,
      },
      world,
    );
    const outcome = given.what === 'repeated' ? 'repeated' : 'ordered';
    const detail = `${orderDetail(given)}${isKept ? '' : `; ${TOO_MANY}`}`;
    return { fingerprint, outcome, host: host.name, detail };
  }

  #warn({ fingerprint, name }: AlertInput, text: string): void {
    this.#parts.events.emit('warning', {
      key: `alert ${fingerprint}`,
      text: `alert ${name}: ${text}`,
    });
  }
}

/** The order counts all the same; only rules do not see the alert. */
const TOO_MANY = `no fact for rules: ${MOST_ALERTS} alerts fire already`;

const UNKNOWN_WISH = `its label drover is none of ${WISHES.join(', ')}: a fact for rules only`;

function wishOf({ labels, annotations }: AlertInput): (typeof WISHES)[number] | 'unknown' {
  const [asked] = [labels, annotations].flatMap((texts) => texts['drover']?.trim() || []);
  if (asked !== undefined) return WISHES.find((one) => one === asked.toLowerCase()) ?? 'unknown';
  return MILD.has((labels['severity'] ?? '').toLowerCase()) ? 'note' : 'evacuate';
}

/** This firing of the alert; empty where the sender does not say since when it fires. */
function askerOf({ fingerprint, startsAt }: AlertInput): string {
  const since = timeOf(startsAt);
  return since === undefined ? '' : occasionOf(fingerprint, since);
}

function orderDetail({ order, what }: GivenOrder): string {
  const { id, state, returnedBy } = order;
  if (what !== 'repeated' || state === 'open') return `order ${id}`;
  return `order ${id} was ended by ${returnedBy}: nothing more until the alert fires anew`;
}

/**
 * The host that the labels name, by id or name, with or without a port; never a guess: the first
 * label that is there decides. A later one may only say where the exporter runs. Else why not.
 */
export function findHost(
  labels: Readonly<Record<string, string>>,
  hosts: readonly Host[],
): Result<Host, string> {
  const label = HOST_LABELS.find((one) => (labels[one] ?? '') !== '');
  if (label === undefined) return fail(`it has no label of ${HOST_LABELS.join(', ')}`);
  const value = labels[label] ?? '';
  const bare = value.replace(/:\d+$/, '');
  const named = hosts.filter(({ id, name }) => [id, name].some((n) => n === value || n === bare));
  const [host] = named;
  if (host !== undefined && named.length === 1) return ok(host);
  const whose = host === undefined ? 'no host that is known' : 'several hosts';
  return fail(`its label ${label} (${JSON.stringify(value.slice(0, MOST_SHOWN))}) names ${whose}`);
}

/** Characters of a label's value that an answer repeats. */
const MOST_SHOWN = 100;

function reasonOf({ annotations, name }: AlertInput): string {
  return shown(annotations['summary'] ?? annotations['description'] ?? name);
}

/** Whoever may send alerts may not write to the terminal of whoever reads of them. */
function shown(text: string): string {
  return printable(text).slice(0, LONGEST_REASON);
}
