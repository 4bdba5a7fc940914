// Role: the metrics of the process itself: there once the daemon has started, per registry, and
// nothing goes on measuring after the end.
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';

import { EventBus } from '../../../src/observe/event-bus.ts';
import { PROCESS_METRICS, watchProcess } from '../../../src/observe/process-metrics.ts';

const STARTED = { version: '1', mode: 'observe' };
const stops: (() => void)[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function watched(): { bus: EventBus; registry: Registry; stop: () => void } {
  const bus = new EventBus();
  const registry = new Registry();
  const stop = watchProcess(bus, registry);
  stops.push(stop);
  return { bus, registry, stop };
}

async function valueOf(registry: Registry, series: string): Promise<number | undefined> {
  const lines = (await registry.metrics()).split('\n');
  const line = lines.find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

function busyFor(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

function turn(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

describe('the metrics of the process', () => {
  it('are those that are documented, for each daemon its own', async () => {
    const [one, other] = [watched(), watched()];
    for (const { bus } of [one, other]) bus.emit('started', STARTED);
    for (const { registry } of [one, other]) {
      const names = registry.getMetricsAsArray().map(({ name }) => name);
      expect(names.sort()).toEqual(Object.keys(PROCESS_METRICS).sort());
    }
    const cpu = (await valueOf(one.registry, 'process_cpu_seconds_total')) ?? 0;
    expect(cpu).toBeGreaterThan(0);
    busyFor(50);
    expect(await valueOf(one.registry, 'process_cpu_seconds_total')).toBeGreaterThan(cpu);
    expect(await valueOf(one.registry, 'process_resident_memory_bytes')).toBeGreaterThan(1e6);
  });

  it('show a stalled event loop, since the last scrape only', async () => {
    const { bus, registry } = watched();
    bus.emit('started', STARTED);
    await turn(50);
    busyFor(1500);
    await turn(50);
    expect(await valueOf(registry, 'nodejs_eventloop_lag_max_seconds')).toBeGreaterThan(1);
    await turn(50);
    expect(await valueOf(registry, 'nodejs_eventloop_lag_max_seconds')).toBeLessThan(1);
  });

  it('are measured from the start to the end of the daemon, and not a moment longer', () => {
    const { bus, registry, stop } = watched();
    const lag = (): unknown => registry.getSingleMetric('nodejs_eventloop_lag_max_seconds');
    expect(lag()).toBeUndefined();
    bus.emit('started', STARTED);
    bus.emit('started', STARTED);
    expect(lag()).toBeDefined();
    stop();
    expect(lag()).toBeUndefined();
    bus.emit('started', STARTED);
    expect(lag()).toBeUndefined();
  });
});
