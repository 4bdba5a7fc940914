// Role: the default test run (unit, contract, property, stories, cli): offline, parallel, seeded.
// System tests talk to real servers and have their own file, vitest.system.config.ts.
import { availableParallelism } from 'node:os';

import { defineConfig } from 'vitest/config';

import { testSeed } from './test/tools/test-seed.ts';

// Drawn here, before the workers start, so that they all inherit the same one.
testSeed();

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/system/**', '**/*.system.test.ts'],
    globalSetup: ['test/tools/own-temp.ts'],
    setupFiles: ['test/tools/fast-check-setup.ts'],
    reporters: ['default', './test/tools/plain-reporter.ts'],
    // Processes, not threads: a native crash (SQLite, libvirt by FFI) then costs one file and is
    // counted, instead of ending the run. Both take the same CPU time here (8 s for 187 tests).
    // On two cores vitest would take one worker, while many files only wait for child processes.
    pool: 'forks',
    maxWorkers: Math.max(2, availableParallelism()),
    // Against hangs, not slowness: CI machines are slow and shared.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
