/**
 * Learns from finished moves what a link really carries, what a move takes beside its copy, and
 * how much each VM makes a copy send again. Pure: the same history at the same moment teaches the
 * same, so a restart forgets nothing that the ledger still holds.
 *
 * A move of x bytes over a link of nominal bandwidth n that was shared by k moves took
 *
 *     seconds = setup + x / b,    b = n · share / (k · (1 + contention · neighbours));
 *
 * where x is not known, predict.ts says what the guest's memory and dirtying make of it at b.
 *
 * - Robust: every estimate is a weighted median, so that a few moves which went wrong teach
 *   nothing; what is fitted together (setup, contention, resent share) has the least sum of
 *   relative errors.
 * - Bounded: no share below 1/20 or above 3/2, no setup above a minute.
 * - Forgetting: a move counts half after two weeks, and only the newest are looked at at all.
 * - Cautious: what is known of many speaks for one until enough of its own is known: the fleet for
 *   a host, the slower of two hosts for the pair. Without any history the constants of predict.ts
 *   hold.
 */

import type { HostId, VmId } from '../domain/ids.ts';
import { inOneGo, type Slices } from '../domain/slices.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { type GuestEvidence, type Learned, pairKey } from './learned.ts';
import { type Dirtying, SETUP_SECONDS, preCopy, resent } from './predict.ts';

/** One live move that succeeded. */
export interface FinishedCopy {
  readonly vm: VmId;
  readonly from: HostId;
  readonly to: HostId;
  readonly endedAt: EpochSeconds;
  readonly seconds: number;
  /** What went over the link; undefined: the hypervisor did not say. */
  readonly bytes: number | undefined;
  readonly memoryBytes: number;
  /** What is said of the guest; only asked where `bytes` are not known. */
  readonly dirtying: Dirtying;
  /** What the link is said to carry, in bytes per second. */
  readonly nominalBandwidth: number;
  /**
   * Into how many equal shares the others parted it, as a mean over the move's time; >= 1. Fewer
   * than there were moves where the policy's cap for each left the link room.
   */
  readonly sharing: number;
  /** Other moves in its neighbourhood, as a mean over its time; >= 0. */
  readonly neighbours: number;
}

const HALF_LIFE_SECONDS = 14 * 86_400;
/** Of the newest moves at most so many are looked at. */
const MOST_MOVES = 2000;
/** What is known of many counts like so many moves of one's own. */
const PRIOR_MOVES = 2;
const SHARE_BOUNDS = { least: 0.05, most: 1.5 } as const;
const MOST_SETUP_SECONDS = 60;
const MOST_CONTENTION = 0.2;
/** Fewer moves than this do not change what is fitted together. */
const LEAST_TO_FIT = 8;
/** Set-ups that differ by less are the same, in seconds. */
const SETUP_GRAIN = 0.1;
/** Mean relative error that a second of set-up away from the constant has to save. */
const SETUP_RELUCTANCE = 0.0005;

interface Sample extends FinishedCopy {
  /** By forgetting, > 0. */
  readonly weight: number;
}

/** What is fitted together. */
interface Common {
  readonly setupSeconds: number;
  readonly resentShare: number;
  readonly contention: number;
}

/** Undefined: nothing to learn from. `downtimeLimitSeconds` as the policy says. */
export function learn(
  finished: readonly FinishedCopy[],
  now: EpochSeconds,
  downtimeLimitSeconds: number,
): Learned | undefined {
  return inOneGo(learnInSlices(finished, now, downtimeLimitSeconds));
}

/** Of three hundred moves the fit alone takes a fiftieth of a second. */
export function* learnInSlices(
  finished: readonly FinishedCopy[],
  now: EpochSeconds,
  downtimeLimitSeconds: number,
): Slices<Learned | undefined> {
  const samples = finished
    .filter(isUsable)
    .toSorted((a, b) => b.endedAt - a.endedAt)
    .slice(0, MOST_MOVES)
    .map((copy): Sample => {
      const age = Math.max(0, now - copy.endedAt);
      return { ...copy, weight: 0.5 ** (age / HALF_LIFE_SECONDS) };
    });
  if (samples.length === 0) return undefined;
  const fit = new Fit(samples, downtimeLimitSeconds);
  const common = samples.length < LEAST_TO_FIT ? DEFAULTS : yield* fit.best();
  yield;
  return { ...common, bandwidth: fit.links(common), guests: evidenceOf(samples, common) };
}

const DEFAULTS: Common = { setupSeconds: SETUP_SECONDS, resentShare: 1, contention: 0 };

function isUsable(copy: FinishedCopy): boolean {
  const { seconds, bytes, memoryBytes, nominalBandwidth, sharing, neighbours, endedAt } = copy;
  const positive = [seconds, memoryBytes, nominalBandwidth, bytes ?? 1];
  return (
    positive.every((value) => Number.isFinite(value) && value > 0) &&
    [sharing, neighbours, endedAt].every(Number.isFinite) &&
    sharing >= 1 &&
    neighbours >= 0
  );
}

class Fit {
  readonly #samples: readonly Sample[];
  readonly #downtimeLimitSeconds: number;
  readonly #totalWeight: number;
  readonly #pairs: ReadonlyMap<string, readonly Sample[]>;

  constructor(samples: readonly Sample[], downtimeLimitSeconds: number) {
    this.#samples = samples;
    this.#downtimeLimitSeconds = downtimeLimitSeconds;
    this.#totalWeight = samples.reduce((sum, { weight }) => sum + weight, 0);
    this.#pairs = Map.groupBy(samples, ({ from, to }) => pairKey(from, to));
  }

  /** One after the other: each is of a sum of absolute values, with one valley. */
  *best(): Slices<Common> {
    let common = this.#bestSetup(DEFAULTS);
    yield;
    if (this.#samples.some(({ bytes }) => bytes === undefined)) {
      common = yield* this.#bestOf(
        steps(0, 1, 10).map((resentShare) => ({ ...common, resentShare })),
      );
    }
    if (this.#samples.every(({ neighbours }) => neighbours === 0)) return common;
    const contentions = steps(0, MOST_CONTENTION, 10);
    return yield* this.#bestOf(contentions.map((contention) => ({ ...common, contention })));
  }

  links(common: Common): Learned['bandwidth'] {
    const shares = new Map(this.#samples.map((sample) => [sample, this.#share(sample, common)]));
    const own = (group: readonly Sample[], prior: number): number =>
      shrunk(
        group.flatMap((sample) => shares.get(sample) ?? []),
        prior,
      );
    const fleet = own(this.#samples, 1);
    const ends = (end: 'from' | 'to'): ReadonlyMap<HostId, number> => {
      const groups = Map.groupBy(this.#samples, (sample) => sample[end]);
      return new Map([...groups].map(([host, group]) => [host, own(group, fleet)]));
    };
    const [from, to] = [ends('from'), ends('to')];
    const pairs = new Map<string, number>();
    for (const [key, pair] of this.#pairs) {
      const first = pair[0];
      if (first === undefined) continue;
      const slower = Math.min(from.get(first.from) ?? fleet, to.get(first.to) ?? fleet);
      pairs.set(key, own(pair, slower));
    }
    return { fleet, from, to, pairs };
  }

  /** The candidate with the least error, each with the set-up that suits it best. */
  *#bestOf(candidates: readonly Common[]): Slices<Common> {
    let best = { common: DEFAULTS, error: Number.POSITIVE_INFINITY };
    for (const candidate of candidates) {
      const common = this.#bestSetup(candidate);
      const error = this.#error(common);
      if (error < best.error) best = { common, error };
      yield;
    }
    return best.common;
  }

  /** Golden-section search (Kiefer 1953) over the set-up. */
  #bestSetup(common: Common): Common {
    const ratio = (Math.sqrt(5) - 1) / 2;
    const shortest = Math.min(...this.#samples.map(({ seconds }) => seconds));
    let [low, high] = [0, Math.min(MOST_SETUP_SECONDS, 0.9 * shortest)];
    const at = (setupSeconds: number): number => this.#error({ ...common, setupSeconds });
    let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
    let [atLeft, atRight] = [at(left), at(right)];
    while (high - low > SETUP_GRAIN) {
      if (atLeft <= atRight) {
        [high, right, atRight] = [right, left, atLeft];
        left = high - ratio * (high - low);
        atLeft = at(left);
      } else {
        [low, left, atLeft] = [left, right, atRight];
        right = low + ratio * (high - low);
        atRight = at(right);
      }
    }
    return { ...common, setupSeconds: (low + high) / 2 };
  }

  /** Weighted mean of the relative errors, every pair of hosts at its own best share. */
  #error(common: Common): number {
    const fleet = weightedMedian(this.#samples.map((sample) => this.#share(sample, common)));
    let sum = 0;
    for (const pair of this.#pairs.values()) {
      const share = shrunk(
        pair.map((sample) => this.#share(sample, common)),
        fleet,
      );
      for (const sample of pair) {
        const off = this.#predicted(sample, common, share) - sample.seconds;
        sum += (sample.weight * Math.abs(off)) / sample.seconds;
      }
    }
    const away = Math.abs(common.setupSeconds - SETUP_SECONDS);
    return sum / this.#totalWeight + SETUP_RELUCTANCE * away;
  }

  /** The share of its link's nominal bandwidth that this one move shows. */
  #share(sample: Sample, common: Common): Weighed {
    const { nominalBandwidth, seconds, weight } = sample;
    const copying = Math.max(seconds - common.setupSeconds, 0.05 * seconds);
    const bandwidth = this.#bandwidth(sample, common, copying);
    const value = (bandwidth * slowdown(sample, common)) / nominalBandwidth;
    // An error of a long move counts as much as the same share of a short one.
    return { value, weight: (weight * copying) / seconds };
  }

  /** At which bandwidth a copy takes this long: the longer, the less. */
  #bandwidth(sample: Sample, common: Common, copying: number): number {
    if (sample.bytes !== undefined) return sample.bytes / copying;
    const full = sample.nominalBandwidth / slowdown(sample, common);
    let low = full * SHARE_BOUNDS.least;
    let high = full * SHARE_BOUNDS.most;
    for (let step = 0; step < 12; step += 1) {
      const middle = (low + high) / 2;
      if (this.#copySeconds(sample, common, middle) > copying) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  }

  #predicted(sample: Sample, common: Common, share: number): number {
    const bandwidth = (sample.nominalBandwidth * share) / slowdown(sample, common);
    return common.setupSeconds + this.#copySeconds(sample, common, bandwidth);
  }

  #copySeconds(sample: Sample, { resentShare }: Common, bandwidth: number): number {
    const { bytes, memoryBytes } = sample;
    if (bytes !== undefined) return bytes / bandwidth;
    const dirtying = resent(sample.dirtying, resentShare);
    const downtimeLimitSeconds = this.#downtimeLimitSeconds;
    return preCopy({ memoryBytes, dirtying, bandwidth, downtimeLimitSeconds }).seconds;
  }
}

function slowdown({ sharing, neighbours }: Sample, { contention }: Common): number {
  return (1 + contention * neighbours) * sharing;
}

interface Weighed {
  readonly value: number;
  readonly weight: number;
}

function steps(least: number, most: number, count: number): readonly number[] {
  return Array.from({ length: count + 1 }, (_none, i) => least + ((most - least) * i) / count);
}

function bounded(share: number): number {
  return Math.min(SHARE_BOUNDS.most, Math.max(SHARE_BOUNDS.least, share));
}

/** The median of the newest samples and of what is known of many. */
function shrunk(samples: readonly Weighed[], prior: number): number {
  return bounded(weightedMedian([...samples, { value: prior, weight: PRIOR_MOVES }]));
}

/** The value below and above which half of the weight lies; the mean of the two around it. */
function weightedMedian(samples: readonly Weighed[]): number {
  const sorted = samples.toSorted((a, b) => a.value - b.value);
  const half = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2;
  let passed = 0;
  for (const [index, { value, weight }] of sorted.entries()) {
    passed += weight;
    if (passed > half) return value;
    if (passed === half) return (value + (sorted[index + 1]?.value ?? value)) / 2;
  }
  return sorted.at(-1)?.value ?? 1;
}

/**
 * What was sent beyond the memory itself, over the time of the copy: the dirty rate, or somewhat
 * less. Where less was sent than there is, the guest leaves that much of its memory empty.
 */
function evidenceOf(
  samples: readonly Sample[],
  { setupSeconds }: Common,
): ReadonlyMap<VmId, GuestEvidence> {
  const found = new Map<VmId, GuestEvidence>();
  for (const [vm, group] of Map.groupBy(samples, (sample) => sample.vm)) {
    const known = group.flatMap(({ bytes, ...sample }) => {
      return bytes === undefined ? [] : [{ ...sample, bytes }];
    });
    if (known.length === 0) continue;
    const rates = known.map(({ bytes, seconds, memoryBytes, weight }) => {
      const copying = Math.max(seconds - setupSeconds, 0.05 * seconds);
      return { value: Math.max(0, bytes - memoryBytes) / copying, weight };
    });
    const sent = known.map(({ bytes, memoryBytes, weight }) => {
      return { value: Math.min(1, bytes / memoryBytes), weight };
    });
    found.set(vm, {
      dirtyRate: weightedMedian(rates),
      sentShare: weightedMedian(sent),
      weight: known.reduce((sum, { weight }) => sum + weight, 0),
    });
  }
  return found;
}
