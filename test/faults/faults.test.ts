// Role: the fault simulation in the ordinary test run: as many seeds as fit in its time, and the
// same seed twice. Thousands: npm run simulate:faults.
import { describe, expect, it } from 'vitest';

import { drawScript } from './draw.ts';
import { type Run, simulate } from './simulate.ts';

const SEEDS = 50;
/** Seeds that found something once: in Drover, or in the judge. */
const FOUND = [
  58, 68, 69, 190, 531, 2578, 2650, 2692, 2700, 10_017, 10_120, 20_071, 20_143, 20_208, 21_585,
  23_241, 23_262, 23_617, 23_640,
];

async function wrongsOf(seed: number): Promise<readonly string[]> {
  const { wrongs } = await simulate(drawScript(seed));
  const again = `again: npm run simulate:faults -- --seed ${seed} --runs 1 --trace`;
  return wrongs.map(({ invariant, text }) => `seed ${seed}: ${invariant}: ${text}; ${again}`);
}

describe('the whole daemon under seeded faults', () => {
  it(`breaks no invariant in ${SEEDS} runs`, { timeout: 600_000 }, async () => {
    const wrongs: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) wrongs.push(...(await wrongsOf(seed)));
    expect(wrongs).toEqual([]);
  });

  it('breaks none where it once did', { timeout: 600_000 }, async () => {
    const wrongs: string[] = [];
    for (const seed of FOUND) wrongs.push(...(await wrongsOf(seed)));
    expect(wrongs).toEqual([]);
  });

  it('is the same run every time, to the last call', async () => {
    const play = (): Promise<Run> => simulate(drawScript(4));
    const [one, two] = [await play(), await play()];
    expect(two.hash).toBe(one.hash);
    expect(one.moves).toBeGreaterThan(0);
  });
});
