/**
 * Alertmanager's webhook payload, version 4, reduced to what Drover uses. Unknown fields are
 * ignored: newer Alertmanagers add some. The fingerprint is Alertmanager's own hash of the labels;
 * a payload without it, or with an empty one, gets one of the same meaning.
 */

import { createHash } from 'node:crypto';

import { z } from 'zod';

import { compareText } from '../domain/ids.ts';
import { printable } from '../observe/printable.ts';
import type { AlertInput, AlertOutcome } from '../ports/api.ts';
import { faultsText, InvalidRequest } from './parse.ts';

/** More alerts in one call than this are not a group any more. */
const MOST_ALERTS = 5_000;

const textMap = z.record(z.string().max(1_024), z.string().max(65_536));
/** Go writes an empty map as null where nobody filled it. */
const maybeTextMap = textMap.nullish().transform((map) => map ?? {});

/** It names the alert in the ledger, the log and answers. */
const fingerprintSchema = z.string().max(256).transform(printable);

const alertSchema = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: textMap,
  annotations: maybeTextMap,
  startsAt: z.string().max(64).default(''),
  endsAt: z.string().max(64).default(''),
  fingerprint: fingerprintSchema.optional(),
});

/** An alert must not be lost because nobody can read how many others were. */
const countSchema = z.number().int().nonnegative().catch(0);

/** Each alert is read on its own: one that is faulty does not take the others with it. */
export const alertmanagerSchema = z.object({
  version: z.literal('4'),
  alerts: z.array(z.unknown()).max(MOST_ALERTS),
  /** Alerts of the group that the sender has cut off (`max_alerts`), and does not send again. */
  truncatedAlerts: countSchema,
});

type Payload = z.infer<typeof alertmanagerSchema>;

export interface ReadAlerts {
  readonly alerts: readonly AlertInput[];
  /** What is answered about those that cannot be read. */
  readonly invalid: readonly AlertOutcome[];
}

/**
 * One alert per fingerprint; of repeated ones the last counts, as Alertmanager orders them. Throws
 * {@link InvalidRequest} where there are some, and none can be read.
 */
export function alertsOf(payload: Payload): ReadAlerts {
  const alerts = new Map<string, AlertInput>();
  const invalid: AlertOutcome[] = [];
  for (const one of payload.alerts) {
    const read = alertSchema.safeParse(one);
    if (read.success) {
      const alert = alertOf(read.data);
      alerts.set(alert.fingerprint, alert);
    } else invalid.push(unread(one, read.error));
  }
  const [first] = invalid;
  if (first !== undefined && alerts.size === 0) throw new InvalidRequest(first.detail);
  return { alerts: [...alerts.values()], invalid };
}

function alertOf({ fingerprint, ...alert }: z.infer<typeof alertSchema>): AlertInput {
  const name = alert.labels['alertname'] ?? 'unnamed alert';
  const isNamed = fingerprint !== undefined && fingerprint !== '';
  return { ...alert, fingerprint: isNamed ? fingerprint : fingerprintOf(alert.labels), name };
}

/** Characters: there may be thousands of them in one answer. */
const LONGEST_FAULT = 300;

const named = z.object({ fingerprint: fingerprintSchema });

function unread(alert: unknown, error: z.ZodError): AlertOutcome {
  const { data } = named.safeParse(alert);
  const fingerprint = data?.fingerprint ?? '';
  return {
    fingerprint,
    outcome: 'invalid',
    host: null,
    detail: faultsText(error).slice(0, LONGEST_FAULT),
  };
}

function fingerprintOf(labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => compareText(a, b));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16);
}
