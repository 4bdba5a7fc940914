/**
 * How busy a guest wants to be at a given moment: a daily wave, a quieter weekend, slow noise and
 * now and then a spike. A pure function of (profile, key, time): nothing is stored, nothing has to
 * be replayed, and asking does not change the answer.
 */

import type { EpochSeconds, Ratio } from '../domain/units.ts';
import { ratio } from '../domain/units.ts';
import { chance } from './hash.ts';

/** Shares are of the guest's vCPUs, 0..1. */
export interface LoadProfile {
  /** Share that is used in the quietest hour. */
  readonly base: number;
  /** What the daily wave adds at its peak. */
  readonly swing: number;
  /** Hour of the day (UTC, 0..24) of the peak. */
  readonly peakHour: number;
  /** How far slow noise goes up and down. */
  readonly noise: number;
  /** Probability that a spike begins in a given half hour. */
  readonly spikeChance: number;
  readonly spikeHeight: number;
  /** What is left of the daily wave on Saturdays and Sundays, 0..1. */
  readonly weekendShare: number;
}

/**
 * Shapes by what runs in the guest: after the usual diurnal patterns of public traces (Shen et al.,
 * "Statistical characterization of business-critical workloads", CCGrid 2015): most guests use a
 * small share of what they have, office hours dominate, batch work is done at night.
 */
export const LOAD_PROFILES = {
  web: profile(0.08, 0.4, 14, 0.06, 0.02, 0.3, 0.6),
  database: profile(0.2, 0.25, 13, 0.05, 0.01, 0.25, 0.7),
  application: profile(0.1, 0.35, 11, 0.06, 0.02, 0.3, 0.5),
  batch: profile(0.06, 0.6, 2, 0.08, 0.03, 0.3, 1),
  office: profile(0.03, 0.3, 10, 0.05, 0.03, 0.4, 0.1),
  idle: profile(0.02, 0.03, 12, 0.01, 0.01, 0.2, 1),
  steady: profile(0.35, 0.05, 12, 0.04, 0, 0, 1),
} as const satisfies Record<string, LoadProfile>;
export type LoadProfileName = keyof typeof LOAD_PROFILES;

const DAY = 86_400;
const HOUR = 3_600;
const SPIKE_SLOT = 1_800;
/** Distance of the noise's lattice points, seconds: a coarse and a fine one. */
const NOISE_STEPS = [2_700, 300] as const;
/** 1970-01-01 was a Thursday: day 2 was the first Saturday. */
const FIRST_SATURDAY = 2;

/** Parts of the hash that keep the random decisions apart. */
const SPIKE = 101;
const SPIKE_FROM = 102;
const SPIKE_LENGTH = 103;

/** The share of its vCPUs that the guest would use if it could, 0..1. */
export function loadAt(load: LoadProfile, key: number, at: EpochSeconds): Ratio {
  const day = Math.floor(at / DAY);
  const isWeekend = (day - FIRST_SATURDAY + 700_000) % 7 < 2;
  const phase = (2 * Math.PI * (at - load.peakHour * HOUR)) / DAY;
  // Squared, so that the peak is narrower than the trough, as days of work are.
  const wave = ((1 + Math.cos(phase)) / 2) ** 2;
  const daily = load.swing * wave * (isWeekend ? load.weekendShare : 1);
  const value = load.base + daily + load.noise * noiseAt(key, at) + spikeAt(load, key, at);
  return ratio(Math.min(1, Math.max(0.002, value)));
}

/** Smooth noise in -1..1: random values on a lattice, with a smoothstep between them. */
function noiseAt(key: number, at: EpochSeconds): number {
  let sum = 0;
  for (const step of NOISE_STEPS) {
    const slot = Math.floor(at / step);
    const share = at / step - slot;
    const left = 2 * chance(key, step, slot) - 1;
    const right = 2 * chance(key, step, slot + 1) - 1;
    sum += left + (right - left) * share * share * (3 - 2 * share);
  }
  return sum / NOISE_STEPS.length;
}

function spikeAt(load: LoadProfile, key: number, at: EpochSeconds): number {
  const slot = Math.floor(at / SPIKE_SLOT);
  if (chance(key, SPIKE, slot) >= load.spikeChance) return 0;
  const from = 0.4 * SPIKE_SLOT * chance(key, SPIKE_FROM, slot);
  const length = SPIKE_SLOT * (0.15 + 0.45 * chance(key, SPIKE_LENGTH, slot));
  const since = at - slot * SPIKE_SLOT - from;
  return since >= 0 && since < length ? load.spikeHeight : 0;
}

// Seven columns read better as one row of a table than as seven lines for each profile.
// oxlint-disable-next-line max-params
function profile(
  base: number,
  swing: number,
  peakHour: number,
  noise: number,
  spikeChance: number,
  spikeHeight: number,
  weekendShare: number,
): LoadProfile {
  return { base, swing, peakHour, noise, spikeChance, spikeHeight, weekendShare };
}
