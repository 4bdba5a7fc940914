// Role: the system run against real servers. They share one machine, its ports and its libvirt
// daemons, so files run one after the other and time-outs are those of booting machines.
import { defineConfig } from 'vitest/config';

import { testSeed } from './test/tools/test-seed.ts';

// Drawn here, before the workers start, so that they all inherit the same one.
testSeed();
// Every call into libvirt that waits holds a thread; read once, when a worker process starts.
process.env['UV_THREADPOOL_SIZE'] ??= '64';

export default defineConfig({
  test: {
    include: ['test/system/**/*.system.test.ts'],
    globalSetup: ['test/tools/own-temp.ts'],
    setupFiles: ['test/tools/fast-check-setup.ts'],
    reporters: ['default', './test/tools/plain-reporter.ts'],
    fileParallelism: false,
    maxWorkers: 1,
    pool: 'forks',
    passWithNoTests: true,
    testTimeout: 300_000,
    hookTimeout: 600_000,
    teardownTimeout: 60_000,
  },
});
