// Role: gives fast-check the run's seed in every worker. DROVER_TEST_RUNS raises the number of
// cases for a long night; the default is fast-check's own 100.
import fc from 'fast-check';

import { testSeed } from './test-seed.ts';

const runs = Number(process.env['DROVER_TEST_RUNS'] ?? '');

fc.configureGlobal({
  seed: testSeed(),
  ...(Number.isSafeInteger(runs) && runs > 0 ? { numRuns: runs } : {}),
});
