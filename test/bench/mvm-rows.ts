// Role: reads measured migrations in the format of g5k_migrations.csv(.gz), teaches the planner's
// own learning with them and predicts others with the planner's own predictor. No model of its own.
// Which hosts a row is about is not in the format: the speed of its link stands for them.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { hostId, vmId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { type FinishedCopy, learn } from '../../src/plan/learn.ts';
import { type Learned, realShare } from '../../src/plan/learned.ts';
import { type Dirtying, preCopy, resent } from '../../src/plan/predict.ts';

const MB = 1e6;

export interface Row {
  readonly scenario: string;
  readonly run: string;
  readonly vm: string;
  readonly bandwidthMbps: number;
  readonly memoryBytes: number;
  readonly dirtying: Dirtying;
  readonly plannedStart: number;
  readonly plannedSeconds: number;
  /** Undefined where the row is to be predicted. */
  readonly realSeconds: number | undefined;
}

/** Text of a file, packed or not. */
export function readText(file: string): string {
  const content = readFileSync(file);
  return (file.endsWith('.gz') ? gunzipSync(content) : content).toString('utf8');
}

/** Throws TypeError, with the line, on what is not such a table. */
export function parseRows(text: string, file: string): readonly Row[] {
  const [head = '', ...lines] = text.split(/\r?\n/u).filter((line) => line !== '');
  const columns = head.split(',');
  return lines.map((line, index): Row => {
    const cells = line.split(',');
    const where = `${file}:${index + 2}`;
    const cell = (name: string): string => {
      const text = cells[columns.indexOf(name)];
      if (text === undefined) throw new TypeError(`${where}: no column ${name}`);
      return text;
    };
    const number = (name: string): number => {
      const value = Number(cell(name));
      if (cell(name) === '' || !(value >= 0)) {
        throw new TypeError(`${where}: ${name}: expected a number >= 0, got "${cell(name)}"`);
      }
      return value;
    };
    const real = cells[columns.indexOf('real_duration_s')] ?? '';
    return {
      scenario: cell('scenario'),
      run: cell('run'),
      vm: cell('vm'),
      bandwidthMbps: number('planned_bw_mbps'),
      memoryBytes: number('mem_used_mb') * MB,
      dirtying: {
        kind: 'hot-set',
        hotBytes: number('max_dirty_size') * MB,
        hotSeconds: number('max_dirty_duration'),
        coldRate: number('dirty_rate') * MB,
      },
      plannedStart: number('planned_start_s'),
      plannedSeconds: number('planned_duration_s'),
      realSeconds: real === '' ? undefined : number('real_duration_s'),
    };
  });
}

/** Time-weighted number of the other moves of the same run that are planned for the same time. */
export function neighboursOf(rows: readonly Row[]): ReadonlyMap<Row, number> {
  const found = new Map<Row, number>();
  for (const run of Map.groupBy(rows, ({ scenario, run }) => `${scenario} ${run}`).values()) {
    for (const row of run) {
      const others = run.filter((other) => other !== row);
      const shared = others.reduce((sum, other) => sum + overlap(row, other), 0);
      found.set(row, row.plannedSeconds > 0 ? shared / row.plannedSeconds : 0);
    }
  }
  return found;
}

function overlap(a: Row, b: Row): number {
  const start = Math.max(a.plannedStart, b.plannedStart);
  const end = Math.min(a.plannedStart + a.plannedSeconds, b.plannedStart + b.plannedSeconds);
  return Math.max(0, end - start);
}

/** From the rows that are complete. */
export function fitRows(rows: readonly Row[]): Learned {
  const neighbours = neighboursOf(rows);
  const finished = rows.flatMap((row): FinishedCopy[] => {
    const { realSeconds, memoryBytes, dirtying } = row;
    if (realSeconds === undefined) return [];
    return [
      {
        vm: vmId(row.vm),
        from: endOf(row),
        to: endOf(row),
        endedAt: epochSeconds(0),
        seconds: realSeconds,
        bytes: undefined,
        memoryBytes,
        dirtying,
        nominalBandwidth: nominalBandwidth(row),
        sharing: 1,
        neighbours: neighbours.get(row) ?? 0,
      },
    ];
  });
  const learned = learn(finished, epochSeconds(0), Infinity);
  if (learned === undefined) throw new TypeError('--fit: no row with a real_duration_s');
  return learned;
}

export function predictRow(row: Row, learned: Learned, neighbours: number): number {
  const end = endOf(row);
  const slowed = 1 + learned.contention * neighbours;
  const bandwidth = (nominalBandwidth(row) * realShare(learned, end, end)) / slowed;
  const dirtying = resent(row.dirtying, learned.resentShare);
  const { memoryBytes } = row;
  const copy = { memoryBytes, dirtying, bandwidth, downtimeLimitSeconds: Infinity };
  return learned.setupSeconds + preCopy(copy).seconds;
}

function endOf({ bandwidthMbps }: Row): ReturnType<typeof hostId> {
  return hostId(`${bandwidthMbps} Mb/s`);
}

function nominalBandwidth({ bandwidthMbps }: Row): number {
  return (bandwidthMbps * MB) / 8;
}

/** Mean absolute error in per cent, every scenario predicted from the others alone. */
export function leaveOneOut(rows: readonly Row[]): number {
  const neighbours = neighboursOf(rows);
  let [sum, count] = [0, 0];
  for (const [scenario, held] of Map.groupBy(rows, (row) => row.scenario)) {
    const learned = fitRows(rows.filter((row) => row.scenario !== scenario));
    for (const row of held) {
      if (row.realSeconds === undefined || row.realSeconds === 0) continue;
      const predicted = predictRow(row, learned, neighbours.get(row) ?? 0);
      sum += Math.abs(predicted - row.realSeconds) / row.realSeconds;
      count += 1;
    }
  }
  return (100 * sum) / count;
}
