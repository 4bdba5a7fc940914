// Role: tests the tester: each planted bug has to be caught by the judge within a few seeds, and as
// what it is. A judge that never objects would be green over everything.
import { describe, expect, it } from 'vitest';

import { BUGS, type PlantedBug } from './bugs.ts';
import { BUGS_OF_PEOPLE } from './bugs-people.ts';
import { BUGS_OF_WAYS } from './bugs-ways.ts';
import { drawScript, drawWithoutPeople } from './draw.ts';
import type { Invariant } from './invariants.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

const SEEDS = 60;

interface Catch {
  readonly seed: number;
  readonly invariants: readonly Invariant[];
}

/** The first seed in which the judge objects; undefined: in none. */
async function caught(
  bug: PlantedBug,
  draw: typeof drawScript = drawWithoutPeople,
): Promise<Catch | undefined> {
  const { from = 1 } = bug;
  for (let seed = from; seed < from + SEEDS; seed += 1) {
    const script = draw(seed);
    if (bug.where?.(script) === false) continue;
    const { wrongs } = await simulate(script, { bug, untilWrong: true });
    const invariants = wrongs.map(({ invariant }) => invariant);
    if (invariants.length > 0) return { seed, invariants };
  }
  return undefined;
}

describe('the judge of the fault simulation', () => {
  it.each([...BUGS, ...BUGS_OF_WAYS])(
    'catches a daemon that $name',
    { timeout: 300_000 },
    async (bug) => {
      const found = await caught(bug);
      if (found !== undefined)
        console.info(`${bug.name}: seed ${found.seed}, ${found.invariants[0]}`);
      expect(bug.breaks).toContain(found?.invariants[0]);
    },
  );
});

describe('the judge of what people do', () => {
  it.each(BUGS_OF_PEOPLE)('catches a daemon that $name', { timeout: 300_000 }, async (bug) => {
    const found = await caught(bug, drawScript);
    if (found !== undefined)
      console.info(`${bug.name}: seed ${found.seed}, ${found.invariants[0]}`);
    expect(bug.breaks).toContain(found?.invariants[0]);
  });
});

describe('shrink', () => {
  it('leaves of a failing script what it takes', { timeout: 300_000 }, async () => {
    const bug = BUGS.find(({ name }) => name === 'moves while it is paused');
    if (bug === undefined) throw new Error('no such bug');
    const { seed = 0 } = (await caught(bug)) ?? {};
    const script = drawWithoutPeople(seed);
    const { steps } = await shrink(script, 'paused', { bug });
    expect(steps.length).toBeLessThan(script.steps.length / 2);
    expect(steps.map(({ kind }) => kind)).toContain('pause');
    const { wrongs } = await simulate({ ...script, steps }, { bug });
    expect(wrongs.map(({ invariant }) => invariant)).toContain('paused');
  });
});
