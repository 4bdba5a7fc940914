// Role: names one run of the fault simulation, and says how to see it again.
import type { Wanted } from './play-seed.ts';

type Told = Pick<Wanted, 'seed' | 'strike'> & Partial<Pick<Wanted, 'own' | 'ways' | 'people'>>;

export function tellWanted({ seed, strike }: Told): string {
  return strike === undefined ? `seed ${seed}` : `seed ${seed}, ${strike.blow} at ${strike.call}`;
}

export function tellAgain({ seed, strike, ...how }: Told): string {
  if (strike !== undefined) {
    const { call, blow } = strike;
    return `npm run simulate:freezes -- --seed ${seed} --blow ${blow} --at ${call} --trace`;
  }
  const without = (['own', 'ways', 'people'] as const).filter((what) => how[what] === false);
  const flags = without.map((what) => ` --no-${what}`).join('');
  return `npm run simulate:faults -- --seed ${seed} --runs 1 --trace${flags}`;
}
