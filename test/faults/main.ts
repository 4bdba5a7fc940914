// Role: `npm run simulate:faults -- [--seed N] [--runs M] [--jobs J] [--trace] [--no-shrink]
// [--no-own] [--no-ways] [--no-people]`: plays the scripts of M seeds in J processes, which take
// them from one queue, says what was wrong in which and how to see it again, and with --trace cuts
// a failing one down to the steps that it takes. Exit code 1 where something was wrong, 2 where the
// options are.
import { parseArgs } from 'node:util';

import { playAll } from './pool.ts';

interface Options {
  readonly seed: number;
  readonly runs: number;
  readonly jobs: number;
  readonly trace: boolean;
  readonly shrink: boolean;
  readonly own: boolean;
  readonly ways: boolean;
  readonly people: boolean;
}

const USAGE =
  'npm run simulate:faults -- [--seed N] [--runs M] [--jobs J] [--trace] [--no-shrink] ' +
  '[--no-own] [--no-ways] [--no-people]';

/** Undefined: something is not as the usage says. */
function readOptions(): Options | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const flags = { trace: flag, shrink: flag, own: flag, ways: flag, people: flag };
  const { values } = parseArgs({
    options: { seed: text, runs: text, jobs: text, ...flags },
    allowNegative: true,
  });
  const { trace = false, shrink = true, own = true, ways = true, people = true } = values;
  const [seed, runs, jobs] = [values.seed ?? '1', values.runs ?? '50', values.jobs ?? '1'].map(
    Number,
  );
  const isWhole = (value: number | undefined): value is number =>
    value !== undefined && Number.isSafeInteger(value) && value >= 0;
  if (!isWhole(seed) || !isWhole(runs) || !isWhole(jobs) || jobs < 1) return undefined;
  return { seed, runs, jobs, trace, shrink, own, ways, people };
}

/** Returns how many of the runs failed. */
async function playSeeds({ seed, runs, jobs, ...how }: Options): Promise<number> {
  const wanted = Array.from({ length: runs }, (_none, one) => ({ seed: seed + one, ...how }));
  return (await playAll(wanted, jobs, 'seeds')).wrong;
}

const options = readOptions();
if (options === undefined) {
  console.error(`expected whole numbers: ${USAGE}`);
  process.exitCode = 2;
} else {
  const wrong = await playSeeds(options);
  console.log(`${options.runs} seeds from ${options.seed} on, ${wrong} with something wrong`);
  process.exitCode = wrong === 0 ? 0 : 1;
}
