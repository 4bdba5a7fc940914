// The windows of the collector against a plain reference that keeps every sample in a list.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeriesStore } from '../../src/collect/series-store.ts';
import { type CollectorSettings, DEFAULT_COLLECTOR_SETTINGS } from '../../src/collect/settings.ts';
import { windowOf, type WindowInput } from '../../src/collect/window.ts';
import {
  known,
  type Measured,
  type MetricWindow,
  missing,
  missingWindow,
} from '../../src/domain/measured.ts';
import { epochSeconds, seconds } from '../../src/domain/units.ts';

const START = 1_800_000_000;
const CAPACITY = 12;

const settings: CollectorSettings = {
  ...DEFAULT_COLLECTOR_SETTINGS,
  windowSeconds: seconds(600),
  maxAgeSeconds: seconds(180),
  minSamples: 3,
};

/** Gaps between samples and their values; a gap may be longer than the whole window. */
const steps = fc.array(
  fc.record({
    gap: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 2000 })),
    value: fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.integer({ min: 0, max: 8 })),
  }),
  { maxLength: 40 },
);

interface Point {
  readonly at: number;
  readonly value: number;
}

/** From the definitions, without a thought for speed. */
function reference(all: readonly Point[], now: number): MetricWindow {
  if (all.length === 0) return missingWindow('never-seen');
  const age = seconds(now - all.at(-1)!.at);
  if (age > 180) return missingWindow('stale');
  const points = all.slice(-CAPACITY).filter((point) => point.at >= now - 600);
  const last = known(points.at(-1)!.value, age);
  const few = missing('too-few-samples');
  if (points.length < 3) return { last, mean: few, p95: few, slope: few };

  const values = points.map((point) => point.value).sort((a, b) => a - b);
  let area = 0;
  for (const [index, point] of points.slice(1).entries()) {
    const before = points[index]!;
    area += ((before.value + point.value) / 2) * (point.at - before.at);
  }
  const meanAt = points.reduce((sum, { at }) => sum + (at - START), 0) / points.length;
  const meanValue = points.reduce((sum, { value }) => sum + value, 0) / points.length;
  const covariance = points.reduce(
    (sum, { at, value }) => sum + (at - START - meanAt) * (value - meanValue),
    0,
  );
  const variance = points.reduce((sum, { at }) => sum + (at - START - meanAt) ** 2, 0);
  // The smallest value that at least 95 of 100 samples do not exceed.
  const p95 = values.find(
    (value) => values.filter((other) => other <= value).length * 100 >= values.length * 95,
  );
  return {
    last,
    mean: known(area / (points.at(-1)!.at - points[0]!.at), age),
    p95: known(p95!, age),
    slope: known((covariance / variance) * 3600, age),
  };
}

function isClose(actual: Measured, expected: Measured): boolean {
  if (actual.kind === 'missing' || expected.kind === 'missing') {
    return JSON.stringify(actual) === JSON.stringify(expected);
  }
  const tolerance = 1e-6 * Math.max(1e3, Math.abs(expected.value));
  const isNear = Math.abs(actual.value - expected.value) <= tolerance;
  return isNear && actual.ageSeconds === expected.ageSeconds;
}

function fill(values: readonly Point[]): Omit<WindowInput, 'now'> & { series: number } {
  const store = new SeriesStore(CAPACITY, 1);
  const series = store.open()!;
  for (const { at, value } of values) store.push(series, at, value);
  return { store, series, scratch: store.scratch(), settings, sourceDown: false };
}

describe('windows', () => {
  it('equal the reference on random samples, after any number of wrap-arounds', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 400 }), (samples, later) => {
        const all: Point[] = [];
        let at = START;
        for (const { gap, value } of samples) {
          at += gap;
          all.push({ at, value });
        }
        const now = epochSeconds(at + later);
        const input = { ...fill(all), now };
        const window = windowOf(input.series, input);
        const expected = reference(all, now);
        expect(window.last).toEqual(expected.last);
        expect(window.p95).toEqual(expected.p95);
        expect(isClose(window.mean, expected.mean)).toBe(true);
        expect(isClose(window.slope, expected.slope)).toBe(true);
      }),
    );
  });

  it('stay between the smallest and the largest sample, up to the end of the number range', () => {
    // Half of a subnormal number is not exact: those are no measurements of anything.
    const double = fc
      .double({ min: 0, max: Number.MAX_VALUE, noNaN: true })
      .map((value) => (value < 1e-300 ? 0 : value));
    const values = fc.array(double, { minLength: 3, maxLength: CAPACITY });
    fc.assert(
      fc.property(values, (list) => {
        const input = {
          ...fill(list.map((value, index) => ({ at: START + index / 1000, value }))),
          now: epochSeconds(START + 1),
        };
        const { mean, p95 } = windowOf(input.series, input);
        const [meanValue, p95Value] = [mean, p95].map((measured) =>
          measured.kind === 'known' ? measured.value : Number.NaN,
        );
        expect(list).toContain(p95Value);
        expect(meanValue).toBeGreaterThanOrEqual(Math.min(...list) * (1 - 1e-9));
        expect(meanValue).toBeLessThanOrEqual(Math.max(...list) * (1 + 1e-9));
      }),
    );
  });
});

describe('the store', () => {
  it('never mixes series, however they are opened and closed', () => {
    const command = fc.oneof(
      fc.constant({ do: 'open' as const }),
      fc.record({ do: fc.constant('close' as const), which: fc.nat(20) }),
      fc.record({ do: fc.constant('push' as const), which: fc.nat(20), value: fc.nat(1000) }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const store = new SeriesStore(4, 12);
        const model = new Map<number, Point[]>();
        const opened: number[] = [];
        const refused: number[] = [];
        let at = 0;
        for (const step of commands) {
          at += 1;
          if (step.do === 'open') {
            opened.push(model.size);
            const series = store.open();
            if (series === undefined) refused.push(model.size);
            else model.set(series, []);
            continue;
          }
          const series = [...model.keys()][step.which % Math.max(1, model.size)];
          if (series === undefined) continue;
          if (step.do === 'close') {
            store.close(series);
            model.delete(series);
          } else {
            store.push(series, at, step.value);
            model.get(series)!.push({ at, value: step.value });
          }
        }
        // Refused exactly when full; a series that is handed out twice would shrink the model.
        expect(refused).toEqual(opened.filter((size) => size === 12));
        expect(store.size).toBe(model.size);
        for (const [series, points] of model) {
          const scratch = store.scratch();
          const count = store.copy(series, 0, scratch);
          const copied = Array.from({ length: count }, (_, index) => ({
            at: scratch.at[index],
            value: scratch.value[index],
          }));
          expect(copied).toEqual(points.slice(-4));
        }
      }),
    );
  });
});
