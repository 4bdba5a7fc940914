/**
 * The statistics of one window. Samples come oldest first with strictly rising time stamps; only
 * the first `count` elements of an array are looked at. Pure arithmetic: judging whether a window
 * may be used at all is window.ts.
 */

/**
 * Time-weighted mean: the area under the straight lines between the samples (trapezoid rule) over
 * the time between the first and the last. Samples that come in a bunch do not outvote the rest.
 * With one sample, that sample.
 */
export function timeWeightedMean(at: Float64Array, value: Float64Array, count: number): number {
  const first = at[0] ?? Number.NaN;
  let earlierAt = first;
  let earlierValue = value[0] ?? Number.NaN;
  if (count === 1) return earlierValue;
  let area = 0;
  for (let index = 1; index < count; index += 1) {
    const laterAt = at[index] ?? Number.NaN;
    const laterValue = value[index] ?? Number.NaN;
    // Halved before adding: two values near the largest number must not overflow.
    area += (laterAt - earlierAt) * (earlierValue / 2 + laterValue / 2);
    earlierAt = laterAt;
    earlierValue = laterValue;
  }
  return area / (earlierAt - first);
}

/** 95th percentile by nearest rank: the smallest sample with at least 95 % at or below it. */
export function percentile95(value: Float64Array, count: number): number {
  // 19/20 and not 0.95: 0.95 * 20 is 19 only by luck of rounding.
  const rank = Math.ceil((count * 19) / 20);
  const fromTop = count - rank;
  // The usual window has a few dozen samples: finding the largest few beats sorting them all.
  if (fromTop < TOP.length) return largestBut(fromTop, value, count);
  return value.slice(0, count).sort()[rank - 1] ?? Number.NaN;
}

/** Scratch space: the largest values so far, falling. */
const TOP = new Float64Array(4);

/** The largest value after leaving out the `leftOut` largest; `leftOut` < TOP.length, count. */
function largestBut(leftOut: number, value: Float64Array, count: number): number {
  TOP.fill(-Infinity);
  for (let index = 0; index < count; index += 1) {
    const candidate = value[index] ?? Number.NaN;
    let place = leftOut;
    if (candidate <= (TOP[place] ?? Infinity)) continue;
    for (; place > 0 && candidate > (TOP[place - 1] ?? Infinity); place -= 1) {
      TOP[place] = TOP[place - 1] ?? Number.NaN;
    }
    TOP[place] = candidate;
  }
  return TOP[leftOut] ?? Number.NaN;
}

/** Least-squares slope in units per hour; needs two samples at different times. */
export function slopePerHour(at: Float64Array, value: Float64Array, count: number): number {
  // Relative to the first sample: squares of epoch seconds would lose all precision.
  const origin = at[0] ?? Number.NaN;
  let sumTime = 0;
  let sumValue = 0;
  for (let index = 0; index < count; index += 1) {
    sumTime += (at[index] ?? Number.NaN) - origin;
    sumValue += value[index] ?? Number.NaN;
  }
  const meanTime = sumTime / count;
  const meanValue = sumValue / count;
  let covariance = 0;
  let variance = 0;
  for (let index = 0; index < count; index += 1) {
    const time = (at[index] ?? Number.NaN) - origin - meanTime;
    covariance += time * ((value[index] ?? Number.NaN) - meanValue);
    variance += time * time;
  }
  return (covariance / variance) * SECONDS_PER_HOUR;
}

const SECONDS_PER_HOUR = 3600;
