/**
 * The windows of many VMs in few typed arrays. As objects those of 20,000 VMs are half a million,
 * 45 MiB in each snapshot; as columns they are 5 MiB, copied between threads in no time, and
 * nothing for the garbage collector to go through. What is read out of them looks like the objects
 * that were put in, and is made anew at each reading.
 *
 * A row is no plain object: it cannot be spread, and a structured clone of it is empty. Who sends
 * or keeps VMs takes {@link packRows} or {@link plainMetrics}.
 */

import {
  type Measured,
  type MetricWindow,
  type MissingReason,
  MISSING_REASONS,
  missing,
  STATISTICS,
} from './measured.ts';
import { VM_METRICS, type VmMetric } from './metrics.ts';
import { seconds } from './units.ts';
import type { Vm } from './vm.ts';

type Metrics = Vm['metrics'];

const METRICS = Object.keys(VM_METRICS) as readonly VmMetric[]; // the keys of that very record
const GAPS = (Object.keys(MISSING_REASONS) as readonly MissingReason[]).map(missing); // likewise
const GAP_AT = new Map(GAPS.map((gap, at) => [gap.kind === 'missing' ? gap.reason : '', at]));

/** Of a statistic: of a metric that was never seen, known, or the first reason why it is not. */
const UNSEEN = 0;
const KNOWN = 1;
const FIRST_GAP = 2;

const STATISTICS_OF_ROW = METRICS.length * STATISTICS.length;
/** Large enough that the C library gives the memory back by itself (mmap). */
const ROWS = 1000;

/** Rows as two typed arrays: one value for each statistic, and one age for each metric. */
export interface PackedRows {
  readonly codes: Uint8Array;
  readonly values: Float64Array;
  readonly ages: Float64Array;
}

function emptyRows(rows: number): PackedRows {
  return {
    codes: new Uint8Array(rows * STATISTICS_OF_ROW),
    values: new Float64Array(rows * STATISTICS_OF_ROW),
    ages: new Float64Array(rows * METRICS.length),
  };
}

/** Reads as the windows that were put into the row. */
class Row implements Record<VmMetric, MetricWindow | undefined> {
  readonly #of: PackedRows;
  readonly #row: number;

  constructor(of: PackedRows, row: number) {
    this.#of = of;
    this.#row = row;
  }

  get 'cpu.used'(): MetricWindow | undefined {
    return this.#window('cpu.used');
  }

  get 'cpu.steal'(): MetricWindow | undefined {
    return this.#window('cpu.steal');
  }

  get 'memory.used'(): MetricWindow | undefined {
    return this.#window('memory.used');
  }

  get 'memory.dirty'(): MetricWindow | undefined {
    return this.#window('memory.dirty');
  }

  get 'network.used'(): MetricWindow | undefined {
    return this.#window('network.used');
  }

  get 'disk.used'(): MetricWindow | undefined {
    return this.#window('disk.used');
  }

  toJSON(): Metrics {
    return plainMetrics(this);
  }

  copyTo(into: PackedRows, row: number): void {
    const { codes, values, ages } = this.#of;
    const [from, to] = [this.#row * STATISTICS_OF_ROW, (this.#row + 1) * STATISTICS_OF_ROW];
    into.codes.set(codes.subarray(from, to), row * STATISTICS_OF_ROW);
    into.values.set(values.subarray(from, to), row * STATISTICS_OF_ROW);
    const [first, end] = [this.#row * METRICS.length, (this.#row + 1) * METRICS.length];
    into.ages.set(ages.subarray(first, end), row * METRICS.length);
  }

  #window(metric: VmMetric): MetricWindow | undefined {
    const at = this.#row * METRICS.length + METRICS.indexOf(metric);
    const first = at * STATISTICS.length;
    if (this.#of.codes[first] === UNSEEN) return undefined;
    const age = this.#of.ages[at] ?? Number.NaN;
    return {
      last: this.#measured(first, age),
      mean: this.#measured(first + 1, age),
      p95: this.#measured(first + 2, age),
      slope: this.#measured(first + 3, age),
    };
  }

  #measured(at: number, age: number): Measured {
    const code = this.#of.codes[at] ?? FIRST_GAP;
    const value = this.#of.values[at] ?? Number.NaN;
    if (code === KNOWN) return { kind: 'known', value, ageSeconds: seconds(age) };
    return GAPS[code - FIRST_GAP] ?? missing('never-seen');
  }
}

/** Takes windows into arrays that it makes as they are needed. */
export class WindowRows {
  #of = emptyRows(ROWS);
  #used = 0;

  /** What reads as the same; the very same where it does not fit into a row. */
  add(metrics: Metrics): Metrics {
    if (this.#used === ROWS) {
      this.#of = emptyRows(ROWS);
      this.#used = 0;
    }
    for (const [at, metric] of METRICS.entries()) {
      const window = metrics[metric];
      const isIn = put(this.#of, this.#used * METRICS.length + at, window);
      if (!isIn) return metrics;
    }
    this.#used += 1;
    return new Row(this.#of, this.#used - 1);
  }
}

/** False where its statistics are of different ages, for which there is no room. */
function put(into: PackedRows, at: number, window: MetricWindow | undefined): boolean {
  let age: number | undefined;
  for (const [index, statistic] of STATISTICS.entries()) {
    const cell = at * STATISTICS.length + index;
    const measured = window?.[statistic];
    into.codes[cell] = codeOf(measured);
    if (measured?.kind !== 'known') continue;
    into.values[cell] = measured.value;
    if (age !== undefined && age !== measured.ageSeconds) return false;
    age = measured.ageSeconds;
  }
  into.ages[at] = age ?? 0;
  return true;
}

function codeOf(measured: Measured | undefined): number {
  if (measured === undefined) return UNSEEN;
  return measured.kind === 'known' ? KNOWN : FIRST_GAP + (GAP_AT.get(measured.reason) ?? 0);
}

/** The same as plain objects; plain ones as they are. */
export function plainMetrics(metrics: Metrics): Metrics {
  if (!(metrics instanceof Row)) return metrics;
  const plain: Partial<Record<VmMetric, MetricWindow>> = {};
  for (const metric of METRICS) {
    const window = metrics[metric];
    if (window !== undefined) plain[metric] = window;
  }
  return plain;
}

/** The rows among the metrics of these VMs, and whose they are. */
export interface SentRows {
  readonly at: readonly number[];
  readonly rows: PackedRows;
}

/** For what a structured clone loses. Undefined: there is nothing of the kind. */
export function packRows(vms: readonly Pick<Vm, 'metrics'>[]): SentRows | undefined {
  const at = [...vms.keys()].filter((index) => vms[index]?.metrics instanceof Row);
  if (at.length === 0) return undefined;
  const rows = emptyRows(at.length);
  for (const [row, index] of at.entries()) {
    const metrics = vms[index]?.metrics;
    if (metrics instanceof Row) metrics.copyTo(rows, row);
  }
  return { at, rows };
}

/** Gives clones their metrics back, in place: nobody else knows them yet. */
export function unpackRows(clones: readonly Vm[], { at, rows }: SentRows): void {
  for (const [row, index] of at.entries()) {
    const clone: { metrics: Metrics } | undefined = clones[index];
    if (clone !== undefined) clone.metrics = new Row(rows, row);
  }
}
