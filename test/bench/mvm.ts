// Role: `bench mvm` measures the planner's predictor and scheduler on the Grid'5000 mVM data set:
// predictions of durations from planned columns, schedules of scenarios and scale instances. The
// files are read elsewhere (mvm-rows, mvm-scenario); the learning and the scheduling are Drover's.
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { scheduleTransfers } from '../../src/plan/schedule.ts';
import { fitRows, leaveOneOut, neighboursOf, parseRows, predictRow, readText } from './mvm-rows.ts';
import { parseProblem } from './mvm-scenario.ts';
import type { Figures } from './figures.ts';

const BITS = 8;
const MILLION = 1e6;

/** Throws TypeError on arguments that make no sense. */
export function* benchMvm(args: readonly string[]): Generator<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      fit: { type: 'string' },
      predict: { type: 'string' },
      scenario: { type: 'string' },
      instance: { type: 'string' },
      data: { type: 'string' },
      out: { type: 'string' },
      seed: { type: 'string', default: '1' },
      seconds: { type: 'string' },
    },
  });
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new TypeError(`--seed: not a number: ${values.seed}`);
  const { fit, predict, out, data } = values;
  const scenario = values.scenario ?? (data === undefined ? values.instance : undefined);
  if (scenario !== undefined) yield benchSchedule(scenario, seed, out);
  else if (fit !== undefined && predict !== undefined) yield benchPredict(fit, predict, out);
  else if (data !== undefined) yield* benchAll(data, seed, values.instance);
  else throw new TypeError('give --fit and --predict, or --scenario, or --data');
}

function benchPredict(fit: string, predict: string, out: string | undefined): Figures {
  const started = performance.now();
  const learned = fitRows(parseRows(readText(fit), fit));
  const rows = parseRows(readText(predict), predict);
  const neighbours = neighboursOf(rows);
  const lines = rows.map((row) => {
    const seconds = predictRow(row, learned, neighbours.get(row) ?? 0);
    return `${row.scenario},${row.run},${row.vm},${seconds.toFixed(3)}`;
  });
  if (out !== undefined) {
    writeFileSync(out, `${['scenario,run,vm,predicted_duration_s', ...lines].join('\n')}\n`);
  }
  return {
    rows: rows.length,
    setupSeconds: rounded(learned.setupSeconds),
    bandwidthShare: rounded(learned.bandwidth.fleet),
    resentShare: rounded(learned.resentShare),
    contention: rounded(learned.contention),
    seconds: secondsSince(started),
  };
}

/** One scenario or scale instance; `seconds` is not needed: the search stops by itself. */
function benchSchedule(file: string, seed: number, out: string | undefined): Figures {
  const { trips, transfers, settings } = parseProblem(readText(file), file);
  const started = performance.now();
  const { timings, linkBoundSeconds } = scheduleTransfers(transfers, { ...settings, seed });
  const solveSeconds = secondsSince(started);
  const moves = trips.flatMap((trip, index) => {
    const timing = timings[index];
    if (timing === undefined) return [];
    const { startSeconds, seconds, bandwidth } = timing;
    return [{ ...trip, startSeconds, seconds, bandwidthMbps: (bandwidth * BITS) / MILLION }];
  });
  const makespan = moves.reduce((end, one) => Math.max(end, one.startSeconds + one.seconds), 0);
  const figures = {
    instance: basename(file).replace(/\.json(\.gz)?$/u, ''),
    moves: moves.length,
    unplaced: trips.length - moves.length,
    makespanSeconds: rounded(makespan),
    linkBoundSeconds: rounded(linkBoundSeconds),
    overBound: linkBoundSeconds > 0 ? rounded(makespan / linkBoundSeconds) : 1,
    solveSeconds,
  };
  if (out !== undefined) writeFileSync(out, `${JSON.stringify({ ...figures, moves })}\n`);
  return figures;
}

function* benchAll(folder: string, seed: number, instance: string | undefined): Generator<Figures> {
  const files = readdirSync(folder).sort();
  for (const name of files.filter((file) => /^g5k_migrations.*\.csv(\.gz)?$/u.test(file))) {
    if (instance !== undefined) continue;
    const rows = parseRows(readText(join(folder, name)), name);
    yield { instance: name, rows: rows.length, mapePercent: rounded(leaveOneOut(rows)) };
  }
  for (const part of ['scenarios', 'scale'].filter((name) => files.includes(name))) {
    const names = readdirSync(join(folder, part)).filter((name) => /\.json(\.gz)?$/u.test(name));
    for (const name of names.sort()) {
      if (instance !== undefined && !name.startsWith(`${instance}.json`)) continue;
      yield benchSchedule(join(folder, part, name), seed, undefined);
    }
  }
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}

function secondsSince(started: number): number {
  return rounded((performance.now() - started) / 1000);
}
