// Role: `npm run simulate:faults -- --seed N --runs M [--jobs J] [--trace]`: plays the scripts of M
// seeds, says what was wrong in which and how to see it again, and cuts a failing one down to the
// steps that it takes. Exit code 1 where something was wrong, 2 where the options are.
import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';

import { drawScript } from './draw.ts';
import { INVARIANTS } from './invariants.ts';
import { tellStep, timeText } from './script.ts';
import { shrink } from './shrink.ts';
import { type Run, simulate } from './simulate.ts';

interface Options {
  readonly seed: number;
  readonly runs: number;
  readonly jobs: number;
  readonly trace: boolean;
}

const USAGE = 'npm run simulate:faults -- [--seed N] [--runs M] [--jobs J] [--trace]';

function readOptions(): Options | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { seed: text, runs: text, jobs: text, trace: { type: 'boolean' } },
  });
  const [seed, runs, jobs] = [values.seed ?? '1', values.runs ?? '50', values.jobs ?? '1'].map(
    Number,
  );
  const isWhole = (value: number | undefined): value is number =>
    value !== undefined && Number.isSafeInteger(value) && value >= 0;
  if (!isWhole(seed) || !isWhole(runs) || !isWhole(jobs) || jobs < 1) return undefined;
  return { seed, runs, jobs, trace: values.trace === true };
}

/** Returns how many of the runs failed. */
async function playAll({ seed, runs, trace }: Options): Promise<number> {
  let failed = 0;
  for (let one = seed; one < seed + runs; one += 1) {
    const run = await simulate(drawScript(one), { trace });
    for (const line of run.lines) console.log(line);
    if (trace || run.wrongs.length > 0) console.log(tellRun(one, run));
    if (run.wrongs.length === 0) continue;
    failed += 1;
    if (trace) await tellShrunk(one, run);
  }
  return failed;
}

function tellRun(seed: number, run: Run): string {
  const wrongs = run.wrongs.map(({ invariant, at, text }) => {
    return `  ${timeText(at)} ${invariant} (${INVARIANTS[invariant]}): ${text}`;
  });
  const about = `${run.lives} lives, ${run.moves} moves, ${Math.round(run.virtualSeconds)} s`;
  const again = `  again: npm run simulate:faults -- --seed ${seed} --runs 1 --trace`;
  const head = `seed ${seed}: ${wrongs.length === 0 ? 'good' : 'WRONG'} (${about}) ${run.hash}`;
  return [head, ...wrongs, ...(wrongs.length === 0 ? [] : [again])].join('\n');
}

async function tellShrunk(seed: number, { wrongs }: Run): Promise<void> {
  const [first] = wrongs;
  if (first === undefined) return;
  const { steps } = await shrink(drawScript(seed), first.invariant);
  console.log(`  it takes, for ${first.invariant}:`);
  for (const step of steps) console.log(`    ${tellStep(step)}`);
}

/** The seeds divided among processes; each prints for itself. */
async function playInParallel({ seed, runs, jobs }: Options): Promise<number> {
  const share = Math.ceil(runs / jobs);
  const parts = Array.from({ length: jobs }, (_, index) => {
    const from = seed + index * share;
    return { from, count: Math.max(0, Math.min(share, seed + runs - from)) };
  });
  const ends = parts.map(async ({ from, count }) => {
    const child = fork(import.meta.filename, ['--seed', `${from}`, '--runs', `${count}`]);
    return new Promise<number>((resolve) => {
      child.on('exit', (code) => resolve(code ?? 1));
    });
  });
  return Math.max(...(await Promise.all(ends)));
}

const options = readOptions();
if (options === undefined) {
  console.error(`expected whole numbers: ${USAGE}`);
  process.exitCode = 2;
} else if (options.jobs > 1) {
  process.exitCode = await playInParallel(options);
} else {
  const failed = await playAll(options);
  console.log(`${options.runs} seeds from ${options.seed} on, ${failed} with something wrong`);
  process.exitCode = failed === 0 ? 0 : 1;
}
