// Role: what Drover writes in InfluxDB's protocol is understood by a real server, complete, and
// survives the server's absence.
import { afterEach, describe, expect, it, vi } from 'vitest';

import { epochSeconds, seconds } from '../../src/domain/units.ts';
import { EventBus } from '../../src/observe/event-bus.ts';
import { MEASUREMENTS } from '../../src/observe/influx-points.ts';
import { subscribeInflux } from '../../src/observe/influx.ts';
import { aFinding, aHost, aSnapshot, aVm } from '../support/fleet.ts';
import { aMove } from '../support/plans.ts';
import { realClock } from '../support/real-clock.ts';
import { aResult, planned } from '../support/sample-events.ts';
import { startVictoriaMetrics, type VictoriaMetrics } from './victoria-metrics.ts';

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function start(port?: number): Promise<VictoriaMetrics> {
  const server = await startVictoriaMetrics(port);
  stops.push(() => server.stop());
  return server;
}

function writeTo(url: string) {
  const bus = new EventBus();
  const warnings: string[] = [];
  bus.on('warning', ({ text }) => warnings.push(text));
  const options = { url, org: 'drover', bucket: 'drover', clock: realClock, flushSeconds: 0.05 };
  return { bus, warnings, writer: subscribeInflux(bus, { ...options, closeSeconds: 60 }) };
}

function now() {
  return epochSeconds(realClock.now());
}

function endMoves(bus: EventBus, count: number): void {
  const result = aResult('succeeded', { at: now() });
  for (let i = 0; i < count; i++)
    bus.emit('move-ended', { move: aMove({ id: `m${i}` }), vmName: `web ${i}`, result });
}

describe('a real server', () => {
  it('understands every point, whatever names stand in it', async () => {
    const server = await start();
    const { bus, warnings, writer } = writeTo(server.url);
    const odd = 'rack 7, "left"\\';
    const hosts = [aHost({ id: 'h1', name: odd, cpuUsed: 4 }), aHost({ id: 'h2', cpuUsed: 8 })];
    const snapshot = aSnapshot({ takenAt: now(), hosts, vms: [aVm()] });
    bus.emit('snapshot', { snapshot, seconds: seconds(0) });
    const { result, ...rest } = planned([aMove()]);
    const plan = { ...result.plan, snapshotAt: now() };
    bus.emit('planned', { ...rest, result: { ...result, plan } });
    bus.emit('finding-opened', aFinding('relieve', { host: 'h1', since: now() }));
    bus.emit('move-ended', {
      move: aMove(),
      vmName: 'a "b", c=\\',
      result: aResult('succeeded', { at: now() }),
    });
    await writer.close();
    expect(warnings).toEqual([]);
    const series = await server.exported();
    const valuesOf = (labels: Readonly<Record<string, string>>) =>
      series.find((each) =>
        Object.entries(labels).every(([key, value]) => each.labels[key] === value),
      )?.values;
    const name = 'rack 7, "left"/';
    expect(valuesOf({ __name__: 'drover_host_cpu_ratio', host: 'h1', name })).toEqual([0.25]);
    expect(valuesOf({ __name__: 'drover_host_cpu_cores', host: 'h2' })).toEqual([8]);
    expect(valuesOf({ __name__: 'drover_fleet_vms' })).toEqual([1]);
    expect(valuesOf({ __name__: 'drover_plan_moves' })).toEqual([1]);
    expect(valuesOf({ __name__: 'drover_move_seconds', outcome: 'succeeded' })).toEqual([20]);
  });

  it('has all points once the writer is closed, also those from when it was away', async () => {
    const first = await start();
    const port = Number(new URL(first.url).port);
    await first.stop();
    stops.pop();
    const { bus, warnings, writer } = writeTo(first.url);
    endMoves(bus, 1_000);
    await vi.waitUntil(() => warnings.length > 0, { timeout: 60_000 });
    const server = await start(port);
    endMoves(bus, 1);
    await writer.close();
    expect(warnings).toEqual([
      expect.stringContaining('does not take points'),
      expect.stringContaining('takes points again; 0 were lost'),
    ]);
    const series = await server.exported();
    const moved = series.filter(({ labels }) => labels['__name__'] === 'drover_move_seconds');
    expect(moved).toHaveLength(1);
    // This server keeps milliseconds only, so that points fall together: count what it took.
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const rows = /vm_rows_inserted_total\{type="influx"\} (\d+)/u.exec(metrics)?.[1];
    expect(Number(rows)).toBe(1_001 * MEASUREMENTS.drover_move.fields.length);
  });
});
