/**
 * Alertmanager's webhook payload, version 4, reduced to what Drover uses. Unknown fields are
 * ignored: newer Alertmanagers add some. The fingerprint is Alertmanager's own hash of the labels;
 * a payload without it gets one of the same meaning.
 */

import { createHash } from 'node:crypto';

import { z } from 'zod';

import { compareText } from '../domain/ids.ts';
import type { AlertInput } from '../ports/api.ts';

/** More alerts in one call than this are not a group any more. */
const MOST_ALERTS = 5_000;

const textMap = z.record(z.string().max(1_024), z.string().max(65_536));
/** Go writes an empty map as null where nobody filled it. */
const maybeTextMap = textMap.nullish().transform((map) => map ?? {});

const alertSchema = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: textMap,
  annotations: maybeTextMap,
  startsAt: z.string().max(64).default(''),
  endsAt: z.string().max(64).default(''),
  fingerprint: z.string().max(256).optional(),
});

export const alertmanagerSchema = z.object({
  version: z.literal('4'),
  alerts: z.array(alertSchema).max(MOST_ALERTS),
});

type Payload = z.infer<typeof alertmanagerSchema>;

/** One alert per fingerprint; of repeated ones the last counts, as Alertmanager orders them. */
export function alertsOf(payload: Payload): readonly AlertInput[] {
  const alerts = payload.alerts.map(({ fingerprint, ...alert }) => ({
    ...alert,
    fingerprint: fingerprint ?? fingerprintOf(alert.labels),
    name: alert.labels['alertname'] ?? 'unnamed alert',
  }));
  return [...new Map(alerts.map((alert) => [alert.fingerprint, alert])).values()];
}

function fingerprintOf(labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => compareText(a, b));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 16);
}
