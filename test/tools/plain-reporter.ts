// Role: ends a run with one plain line, `N passed, N failed, N skipped`, for machines that read the
// tail of a log. Everything that makes a run red counts as a failure: a file that does not load and
// an error outside any test would otherwise end in "0 failed".
import type { Reporter, SerializedError, TestModule, TestRunEndReason } from 'vitest/node';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function countModule(module: TestModule, counts: Counts): void {
  const before = counts.failed;
  for (const test of module.children.allTests()) {
    const state = test.result().state;
    if (state === 'passed') {
      counts.passed += 1;
    } else if (state === 'skipped') {
      counts.skipped += 1;
    } else {
      // 'pending' after the end of the run means that it was cut short: never report that as fine.
      counts.failed += 1;
    }
  }
  if (!module.ok() && counts.failed === before) {
    counts.failed += 1;
  }
}

function endOfRun(
  modules: readonly TestModule[],
  errors: readonly SerializedError[],
  reason: TestRunEndReason,
): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    countModule(module, counts);
  }
  counts.failed += errors.length;
  if (reason !== 'passed' && counts.failed === 0) {
    counts.failed = 1;
  }
  return counts;
}

class PlainReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const { passed, failed, skipped } = endOfRun(modules, errors, reason);
    const seed = process.env['DROVER_TEST_SEED'];
    if (failed > 0 && seed !== undefined) {
      process.stdout.write(`seed ${seed} (repeat with DROVER_TEST_SEED=${seed})\n`);
    }
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}

// vitest loads a reporter file by its default export; there is no named form.
export default PlainReporter;
