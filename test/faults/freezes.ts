// Role: `npm run simulate:freezes -- [--seed S] [--blow B] [--every K] [--from A] [--at K]
// [--jobs J] [--trace] [--no-shrink]`: plays the script of one seed once for each call of its first
// controller, which is frozen there (or what else the blow is) past its lease and woken again.
// --at: that call alone. Exit code 1 where something was wrong, 2 where the options are.
import { parseArgs } from 'node:util';

import { BUSY_SEED, chosenCalls, sweptScript } from './freeze-sweep.ts';
import type { Wanted } from './play-seed.ts';
import { playAll } from './pool.ts';
import { simulate } from './simulate.ts';
import { type BlowName, BLOWS, isBlowName } from './strike.ts';

interface Options {
  readonly seed: number;
  readonly blow: BlowName;
  readonly every: number;
  readonly from: number;
  /** 0: all of them, as `every` and `from` say. */
  readonly at: number;
  readonly jobs: number;
  readonly trace: boolean;
  readonly shrink: boolean;
}

const USAGE =
  `npm run simulate:freezes -- [--seed S] [--blow ${Object.keys(BLOWS).join('|')}] [--every K] ` +
  '[--from A] [--at K] [--jobs J] [--trace] [--no-shrink]';

/** Undefined: something is not as the usage says. */
function readOptions(): Options | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: {
      seed: text,
      blow: text,
      every: text,
      from: text,
      at: text,
      jobs: text,
      trace: flag,
      shrink: flag,
    },
    allowNegative: true,
  });
  const { blow = 'freeze', trace = false, shrink = true } = values;
  const seed = wholeFrom(0, values.seed ?? String(BUSY_SEED));
  const [every, from, jobs] = [values.every, values.from, values.jobs].map((given) =>
    wholeFrom(1, given ?? '1'),
  );
  const at = values.at === undefined ? 0 : wholeFrom(1, values.at);
  if (seed === undefined || every === undefined || from === undefined) return undefined;
  if (at === undefined || jobs === undefined || !isBlowName(blow)) return undefined;
  return { seed, blow, every, from, at, jobs, trace, shrink };
}

function wholeFrom(least: number, text: string): number | undefined {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= least ? value : undefined;
}

/** Returns the exit code. */
async function sweep({ seed, blow, every, from, at, jobs, ...how }: Options): Promise<number> {
  const { calls, wrongs } = await simulate(sweptScript(seed));
  console.log(`seed ${seed}: ${calls} calls, ${wrongs.length} wrong with nobody struck`);
  if (Math.max(at, from) > calls) {
    console.error(`there are ${calls} calls, and none is number ${Math.max(at, from)}`);
    return 2;
  }
  const chosen = at > 0 ? [at] : chosenCalls(calls, every, from);
  const wanted = chosen.map(
    (call): Wanted => ({
      seed,
      own: true,
      ways: true,
      people: true,
      strike: { call, blow },
      ...how,
    }),
  );
  const { done, wrong, takenOver } = await playAll(wanted, jobs, `times ${blow}`);
  const told = `in ${takenOver} another controller took over`;
  console.log(`${done} times ${blow}, ${told}, ${wrong} with something wrong`);
  return wrong + wrongs.length === 0 ? 0 : 1;
}

const options = readOptions();
if (options === undefined) {
  console.error(`expected whole numbers, and a blow that there is: ${USAGE}`);
  process.exitCode = 2;
} else {
  process.exitCode = await sweep(options);
}
