// Role: strikes the first controller of a whole run at each of its calls, one run for each: a
// controller that stands still, or is cut off, and comes back after another one has taken over may
// do no harm, at whichever call it happened.
import { busyScript } from './busy-script.ts';
import { drawScript } from './draw.ts';
import type { Script, Step } from './script.ts';
import { type Run, simulate, type SimulateOptions } from './simulate.ts';
import { type BlowName, strikeAt } from './strike.ts';

/** The seed that stands for the script that was made for this. */
export const BUSY_SEED = 0;

/** What a sweep does by itself, at the calls that it chooses. */
const TAKEN_AWAY: ReadonlySet<string> = new Set<Step['kind']>(['crash', 'freeze', 'ledger-cut']);

/** That seed's script, with at least two controllers that only the sweep keeps from their work. */
export function sweptScript(seed: number): Script {
  if (seed === BUSY_SEED) return busyScript();
  const { controllers, steps, ...rest } = drawScript(seed);
  return {
    ...rest,
    controllers: Math.max(2, controllers),
    steps: steps.filter(({ kind }) => !TAKEN_AWAY.has(kind)),
  };
}

/** Plays it once more, up to that call as it was before. */
export async function struck(
  script: Script,
  call: number,
  { blow, ...options }: SimulateOptions & { readonly blow: BlowName },
): Promise<Run> {
  const run = await simulate(script, { ...options, strike: strikeAt(call, blow) });
  // Else it would be good for nothing: two runs of one script are the same, to the last call.
  if (run.calls < call)
    throw new Error(`${run.calls} calls were made, and none was number ${call}`);
  return run;
}

/** Every `every`-th of `count` calls, from the `first` on. */
export function chosenCalls(count: number, every: number, first = 1): readonly number[] {
  const length = Math.max(0, Math.ceil((count - first + 1) / every));
  return Array.from({ length }, (_none, index) => first + every * index);
}
