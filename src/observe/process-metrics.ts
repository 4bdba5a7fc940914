/**
 * What the process itself is like, beside Drover's own metrics: processor, memory, file
 * descriptors, garbage collection, and how late the event loop is. Names and meanings are mostly
 * those of prom-client's default metrics, so that dashboards fit; measured here, because those
 * start a timer and an observer that cannot be stopped again, and here a registry is a daemon's.
 */

import { readdirSync, readFileSync } from 'node:fs';
// oxlint-disable-next-line drover/house -- how late the process is no Clock can tell
import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks';

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { EventSource } from '../ports/events.ts';

/** What is read when somebody asks; undefined: this system does not tell. */
interface Reading {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly read: () => number | undefined;
}

const MICROSECONDS = 1e6;
const MILLISECONDS = 1e3;
const NANOSECONDS = 1e9;

const READINGS: Readonly<Record<string, Reading>> = {
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'CPU time, of user and system',
    read: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS;
    },
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'resident memory',
    read: () => process.memoryUsage.rss(),
  },
  nodejs_heap_size_total_bytes: {
    type: 'gauge',
    help: 'size of the JavaScript heap',
    read: () => process.memoryUsage().heapTotal,
  },
  nodejs_heap_size_used_bytes: {
    type: 'gauge',
    help: 'of it in use',
    read: () => process.memoryUsage().heapUsed,
  },
  nodejs_external_memory_bytes: {
    type: 'gauge',
    help: 'memory of objects outside of the heap',
    read: () => process.memoryUsage().external,
  },
  process_open_fds: { type: 'gauge', help: 'open file descriptors', read: openFiles },
  process_max_fds: { type: 'gauge', help: 'most file descriptors', read: mostFiles },
};

const LAGS = {
  nodejs_eventloop_lag_mean_seconds: {
    help: 'how late the event loop was since the last scrape: mean',
    read: (lag: Lag) => lag.mean,
  },
  nodejs_eventloop_lag_p99_seconds: {
    help: 'how late the event loop was since the last scrape: 99th percentile',
    read: (lag: Lag) => lag.percentile(99),
  },
  nodejs_eventloop_lag_max_seconds: {
    help: 'how late the event loop was since the last scrape: most; a second is too much',
    read: (lag: Lag) => lag.max,
  },
} as const;

type Lag = ReturnType<typeof monitorEventLoopDelay>;

const GC_SECONDS = 'nodejs_gc_duration_seconds';
const GC_HELP = 'pauses by garbage collection';
const GC_BUCKETS = [0.001, 0.01, 0.1, 1, 2, 5];
const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

/** Between two looks at the event loop; the figures of node contain it. */
const LAG_RESOLUTION_MS = 10;

/** For the page that lists the metrics. */
export const PROCESS_METRICS: Readonly<
  Record<
    string,
    { readonly type: string; readonly labels: readonly string[]; readonly help: string }
  >
> = {
  ...Object.fromEntries(
    Object.entries(READINGS).map(([name, { type, help }]) => [name, { type, labels: [], help }]),
  ),
  ...Object.fromEntries(
    Object.entries(LAGS).map(([name, { help }]) => [name, { type: 'gauge', labels: [], help }]),
  ),
  [GC_SECONDS]: { type: 'histogram', labels: ['kind'], help: GC_HELP },
};

/**
 * Registers the metrics; measures from when the daemon has started. Returns the function that ends
 * the measuring.
 */
export function watchProcess(events: EventSource, registry: Registry): () => void {
  for (const [name, reading] of Object.entries(READINGS)) addReading(registry, name, reading);
  const stops: (() => void)[] = [];
  const off = events.on('started', () => {
    if (stops.length === 0) stops.push(watchEventLoop(registry), watchCollections(registry));
  });
  return () => {
    off();
    for (const stop of stops.splice(0)) stop();
  };
}

function addReading(registry: Registry, name: string, { type, help, read }: Reading): void {
  const common = { name, help, registers: [registry] };
  if (type === 'gauge') {
    const gauge: Gauge = new Gauge({
      ...common,
      collect: () => {
        const value = read();
        if (value !== undefined) gauge.set(value);
      },
    });
    return;
  }
  const counter: Counter = new Counter({
    ...common,
    collect: () => {
      counter.reset();
      counter.inc(read() ?? 0);
    },
  });
}

function watchEventLoop(registry: Registry): () => void {
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  lag.enable();
  const gauges = Object.entries(LAGS).map(([name, { help, read }], index, all) => {
    const isLast = index === all.length - 1;
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      // A registry collects in the order of registration: the last one begins a new period.
      collect: () => {
        const seconds = read(lag) / NANOSECONDS - LAG_RESOLUTION_MS / MILLISECONDS;
        if (Number.isFinite(seconds)) gauge.set(Math.max(0, seconds));
        if (isLast) lag.reset();
      },
    });
    return name;
  });
  return () => {
    lag.disable();
    for (const name of gauges) registry.removeSingleMetric(name);
  };
}

function watchCollections(registry: Registry): () => void {
  const common = { name: GC_SECONDS, help: GC_HELP, labelNames: ['kind'], registers: [registry] };
  const histogram = new Histogram({ ...common, buckets: GC_BUCKETS });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      // Of an entry of type gc: nodejs.org/api/perf_hooks.html#garbage-collection-gc-details
      const { detail } = entry as PerformanceEntry & { readonly detail: { readonly kind: number } };
      const kind = GC_KINDS[detail.kind] ?? 'other';
      histogram.observe({ kind }, entry.duration / MILLISECONDS);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

function openFiles(): number | undefined {
  try {
    // Without the one that the listing itself needs.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    // Only Linux tells.
    return undefined;
  }
}

function mostFiles(): number | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const most = Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
    return Number.isFinite(most) ? most : undefined;
  } catch {
    // Only Linux tells.
    return undefined;
  }
}
