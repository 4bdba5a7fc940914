// Role: the one place that decides the seed of a test run. DROVER_TEST_SEED repeats an earlier
// run; otherwise every run draws a new one, so that CI explores instead of repeating itself. The
// drawn seed goes into the environment, which the workers inherit: one run has one seed.

const SEED_LIMIT = 2 ** 31;

export function testSeed(): number {
  const given = process.env['DROVER_TEST_SEED'];
  if (given === undefined || given === '') {
    const drawn = Math.floor(Math.random() * SEED_LIMIT);
    process.env['DROVER_TEST_SEED'] = String(drawn);
    return drawn;
  }
  const seed = Number(given);
  if (!Number.isSafeInteger(seed)) {
    throw new Error(`DROVER_TEST_SEED must be a whole number, got "${given}"`);
  }
  return seed;
}
