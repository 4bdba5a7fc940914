import { describe, expect, it } from 'vitest';
import { seconds } from '../../../src/domain/units.ts';
import {
  aReading,
  clockAtStart,
  hostSample,
  NO_CONTEXT,
  ScriptedSource,
  SETTINGS,
  setUp,
  START,
  steady,
  vmSample,
} from './support.ts';

describe('bad samples', () => {
  const cases: [string, number, (now: number) => number, string][] = [
    ['NaN', Number.NaN, (now) => now, 'not-a-number'],
    ['infinite', Infinity, (now) => now, 'not-a-number'],
    ['negative', -1, (now) => now, 'negative'],
    ['above the threads of the host', 17, (now) => now, 'above-capacity'],
    ['from the future', 4, (now) => now + 31, 'future'],
    ['before the last one', 4, (now) => now - 61, 'backwards'],
    ['without a time', 4, () => Number.NaN, 'no-time-stamp'],
  ];
  it.each(cases)('%s: missing, reported, and healed by a good one', async (...row) => {
    const [, value, at, reason] = row;
    const clock = clockAtStart();
    const lab = steady(clock);
    const { collector, events } = setUp({ clock, hypervisors: [lab] });
    const used = () => collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used'];
    for (let round = 0; round < 3; round += 1) {
      await collector.poll();
      await clock.pass(60);
    }
    expect(used()?.p95.kind).toBe('known');

    const good = lab.onRead;
    const bad = at(clock.now());
    lab.onRead = async () => aReading([hostSample('h1', 'cpu.used', value, bad)]);
    await collector.poll();
    for (const statistic of ['last', 'mean', 'p95', 'slope'] as const) {
      expect(used()?.[statistic]).toEqual({ kind: 'missing', reason: 'implausible' });
    }
    expect(events.of('samples-rejected')).toMatchObject([
      { source: 'lab', counts: { [reason]: 1 } },
    ]);
    expect(events.of('samples-rejected')[0]?.example).toContain('host h1: cpu.used');

    lab.onRead = good;
    await clock.pass(60);
    await collector.poll();
    expect(used()?.last).toMatchObject({ kind: 'known', value: 4 });
  });

  it('a little above the capacity is the capacity', async () => {
    const lab = new ScriptedSource('lab');
    const { clock, collector } = setUp({ hypervisors: [lab] });
    lab.onRead = async () => aReading([hostSample('h1', 'cpu.used', 16.4, clock.now())]);
    await collector.poll();
    expect(collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used']?.last).toMatchObject({
      value: 16,
    });
  });

  it('the same time stamp again and again: repeating', async () => {
    const lab = new ScriptedSource('lab');
    const settings = { repeatLimit: 3, maxAgeSeconds: seconds(1e6) };
    const { clock, collector, events } = setUp({ hypervisors: [lab], settings });
    lab.onRead = async () => aReading([hostSample('h1', 'cpu.used', 4, START)]);
    const used = () => collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used']?.last;
    for (let round = 0; round < 3; round += 1) {
      await collector.poll();
      expect(used()?.kind).toBe('known');
      await clock.pass(60);
    }
    await collector.poll();
    expect(used()).toEqual({ kind: 'missing', reason: 'repeating' });
    expect(events.of('samples-rejected').at(-1)?.counts).toEqual({ repeating: 1 });
  });

  it('an old time stamp: stale, and reported', async () => {
    const lab = new ScriptedSource('lab');
    const { clock, collector, events } = setUp({ hypervisors: [lab] });
    lab.onRead = async () => aReading([hostSample('h1', 'cpu.used', 4, clock.now() - 3600)]);
    await collector.poll();
    expect(collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used']?.last).toEqual({
      kind: 'missing',
      reason: 'stale',
    });
    expect(events.of('samples-rejected')[0]?.counts).toEqual({ stale: 1 });
  });

  it('our own clock going back makes nothing negative', async () => {
    const clock = clockAtStart();
    const lab = steady(clock);
    const { collector, events } = setUp({ clock, hypervisors: [lab] });
    await collector.poll();
    clock.jump(-7200);
    const last = collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used']?.last;
    expect(last).toMatchObject({ kind: 'known', ageSeconds: 0 });
    await collector.poll();
    expect(events.of('samples-rejected')[0]?.counts).toEqual({ backwards: 1 });
    expect(collector.statuses()[0]?.state).toBe('up');
    // The clock stays where it was set: after a few polls its time is the time.
    for (let round = 1; round < SETTINGS.repeatLimit; round += 1) {
      expect(collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used']?.last).toEqual({
        kind: 'missing',
        reason: 'implausible',
      });
      await clock.pass(60);
      await collector.poll();
    }
    const healed = collector.snapshot(NO_CONTEXT).hosts[0]?.metrics['cpu.used'];
    expect(healed?.last).toMatchObject({ kind: 'known', value: 4 });
    expect(healed?.mean).toEqual({ kind: 'missing', reason: 'too-few-samples' });
  });

  it('unknown hosts and metrics are counted, not kept', async () => {
    const lab = new ScriptedSource('lab');
    const { clock, collector, events } = setUp({ hypervisors: [lab] });
    lab.onRead = async () =>
      aReading([
        hostSample('elsewhere', 'cpu.used', 1, clock.now()),
        hostSample('h1', 'mood', 1, clock.now()),
        vmSample('v9', 'cpu.used', 1, clock.now()),
      ]);
    await collector.poll();
    expect(events.of('samples-rejected')[0]?.counts).toEqual({
      'unknown-entity': 2,
      'unknown-metric': 1,
    });
    expect(collector.size.series).toBe(0);
  });

  it('no more series than the cap', async () => {
    const lab = new ScriptedSource('lab');
    const { clock, collector, events } = setUp({
      hypervisors: [lab],
      settings: { maxSeries: 1 },
    });
    lab.onRead = async () =>
      aReading([
        hostSample('h1', 'cpu.used', 1, clock.now()),
        hostSample('h1', 'memory.used', 1, clock.now()),
      ]);
    await collector.poll();
    expect(events.of('samples-rejected')[0]?.counts).toEqual({ 'too-many-series': 1 });
    expect(Object.keys(collector.snapshot(NO_CONTEXT).hosts[0]?.metrics ?? {})).toEqual([
      'cpu.used',
    ]);
  });
});
