/**
 * Writes what happens to InfluxDB 2 (or what speaks its `/api/v2/write`). A server that is slow or
 * gone disturbs nobody: points wait in a bounded queue, and its troubles become warnings.
 */

import { HttpError, InfluxDB, setLogger } from '@influxdata/influxdb-client';

import type { Clock } from '../ports/clock.ts';
import type { EventSink, EventSource } from '../ports/events.ts';
import { Points } from './influx-points.ts';
import { type Delivery, InfluxQueue } from './influx-queue.ts';
import { withoutSecrets } from './printable.ts';

export interface InfluxOptions {
  readonly url: string;
  readonly org: string;
  readonly bucket: string;
  /** Undefined or empty: the server asks for none. */
  readonly token?: string | undefined;
  readonly clock: Clock;
  /** Points are collected for so long before they are sent; default 1. */
  readonly flushSeconds?: number;
  /** Points that wait for a server that does not answer; beyond, the oldest are lost. */
  readonly mostPoints?: number;
  /** How long `close` may take; default 5. */
  readonly closeSeconds?: number;
}

export interface InfluxWriter {
  /** Ends the subscription; resolves when everything has arrived, or after `closeSeconds`. */
  readonly close: () => Promise<void>;
}

/** About 20 MB of lines: an hour of 100 hosts at a snapshot every 10 s, and some. */
const MOST_POINTS = 50_000;
const CLOSE_SECONDS = 5;
const FLUSH_SECONDS = 1;
const REQUEST_TIMEOUT_MS = 5_000;
/** Statuses that say "never", not "not now": malformed, too large, cannot be processed. */
const REFUSED = [400, 413, 422];

/** Throws when the address is not one of http or https. */
export function subscribeInflux(
  bus: EventSource & EventSink,
  options: InfluxOptions,
): InfluxWriter {
  const { clock, flushSeconds = FLUSH_SECONDS, mostPoints = MOST_POINTS } = options;
  const where = withoutSecrets(options.url);
  const warn = (text: string) =>
    bus.emit('warning', { key: 'influx', text: `InfluxDB at ${where} ${withoutSecrets(text)}` });
  const queue = new InfluxQueue({
    send: sender(options),
    clock,
    flushSeconds,
    mostLines: mostPoints,
    onTrouble: warn,
  });
  const points = new Points();
  const offs = [
    bus.on('snapshot', (event) => queue.add(points.snapshot(event))),
    bus.on('planned', (event) => queue.add(points.planned(event))),
    bus.on('finding-opened', (finding) =>
      queue.add(points.finding('opened', finding, finding.since)),
    ),
    bus.on('finding-cleared', (finding) =>
      queue.add(points.finding('cleared', finding, clock.now())),
    ),
    bus.on('move-ended', (event) => queue.add(points.move(event))),
  ];
  return {
    close: async () => {
      for (const off of offs) off();
      const lost = await queue.close(options.closeSeconds ?? CLOSE_SECONDS);
      if (lost > 0) warn(`did not get ${lost} points`);
    },
  };
}

function sender(options: InfluxOptions): (lines: readonly string[]) => Promise<Delivery> {
  const { url, org, bucket, token } = options;
  // The library would print to the console; its troubles come back as rejections all the same.
  setLogger({ error: () => undefined, warn: () => undefined });
  const client = new InfluxDB({
    url,
    timeout: REQUEST_TIMEOUT_MS,
    ...(token === undefined || token === '' ? {} : { token }),
  });
  return async (lines) => {
    const api = client.getWriteApi(org, bucket, 'ns', {
      maxRetries: 0,
      flushInterval: 0,
      // Never full: a batch that fills up is sent without anybody waiting for it.
      batchSize: lines.length + 1,
      maxBatchBytes: Number.POSITIVE_INFINITY,
    });
    try {
      api.writeRecords([...lines]);
      await api.flush();
      return { outcome: 'arrived' };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      const isRefused = error instanceof HttpError && REFUSED.includes(error.statusCode);
      return { outcome: isRefused ? 'refused' : 'failed', detail };
    }
  };
}
