// Role: makes a failing script smaller: leaves out whatever is not needed for the same invariant to
// be broken. First halves, then quarters, down to single steps (after Zeller and Hildebrandt,
// "Simplifying and isolating failure-inducing input", IEEE TSE 2002).
import type { Invariant } from './invariants.ts';
import type { Script } from './script.ts';
import { simulate, type SimulateOptions } from './simulate.ts';

/** Runs that are spent on it at most; each is a second or so. */
const RUNS = 60;

export async function shrink(
  script: Script,
  invariant: Invariant,
  options: Pick<SimulateOptions, 'bug' | 'strike'> = {},
): Promise<Script> {
  let { steps } = script;
  let runs = 0;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < steps.length && runs < RUNS; ) {
      const fewer = steps.toSpliced(from, size);
      runs += 1;
      const { wrongs } = await simulate(
        { ...script, steps: fewer },
        { ...options, untilWrong: true },
      );
      if (wrongs.some((wrong) => wrong.invariant === invariant)) steps = fewer;
      else from += size;
    }
  }
  return { ...script, steps };
}
