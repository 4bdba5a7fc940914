// Role: tests of .ci/run, with a stand-in for npm that does what each case says. What matters is
// the last line and the exit code, above all when a part crashes before it can count.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ROOT } from '../../tools/repository.ts';

let tree = '';

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'drover-ci-'));
  mkdirSync(join(tree, 'bin'));
  cpSync(join(ROOT, '.ci'), join(tree, '.ci'), { recursive: true });
});

afterEach(() => {
  rmSync(tree, { recursive: true, force: true });
});

const GREEN = {
  test: 'echo "12 passed, 0 failed, 1 skipped"',
  'run test:system': 'echo "7 passed, 0 failed, 0 skipped"',
};

/** Runs CI where `npm X` does what `does[X]` says, and nothing otherwise. */
function ci(does: Readonly<Record<string, string>>): { last: string; status: number | null } {
  const cases = Object.entries(does).map(([call, script]) => `  "${call}") ${script};;`);
  const npm = `#!/bin/bash\ncase "$*" in\n${cases.join('\n')}\nesac\n`;
  writeFileSync(join(tree, 'bin/npm'), npm);
  chmodSync(join(tree, 'bin/npm'), 0o755);
  const path = [join(tree, 'bin'), process.env['PATH']].join(delimiter);
  const env = { ...process.env, PATH: path };
  const run = spawnSync('bash', [join(tree, '.ci/run')], { encoding: 'utf8', env });
  return { last: run.stdout.trimEnd().split('\n').at(-1) ?? '', status: run.status };
}

describe('.ci/run', () => {
  it('adds the counts of all runs', () => {
    expect(ci(GREEN)).toEqual({ last: '19 passed, 0 failed', status: 0 });
  });

  it('counts the failures that a run counted', () => {
    const red = 'echo "5 passed, 2 failed, 0 skipped"; exit 1';
    expect(ci({ ...GREEN, test: red })).toEqual({ last: '12 passed, 2 failed', status: 1 });
  });

  it('counts a crash without counts as one failure', () => {
    expect(ci({ ...GREEN, test: 'kill -SEGV $$' })).toEqual({
      last: '7 passed, 1 failed',
      status: 1,
    });
  });

  it('counts a crash after good counts as one failure', () => {
    const crash = `${GREEN.test}; exit 139`;
    expect(ci({ ...GREEN, test: crash })).toEqual({ last: '19 passed, 1 failed', status: 1 });
  });

  it('counts a green run of nothing as one failure', () => {
    expect(ci({ ...GREEN, test: 'true' })).toEqual({ last: '7 passed, 1 failed', status: 1 });
  });

  it('counts a part without tests, when it is red', () => {
    expect(ci({ ...GREEN, 'run lint': 'exit 1' })).toEqual({
      last: '19 passed, 1 failed',
      status: 1,
    });
  });

  it('stops where nothing could be installed', () => {
    expect(ci({ ...GREEN, ci: 'exit 1' })).toEqual({ last: '0 passed, 1 failed', status: 1 });
  });

  it('does not wait for what a run leaves behind', () => {
    const daemon = `sleep 20 & ${GREEN.test}`;
    const start = process.hrtime.bigint();
    expect(ci({ ...GREEN, test: daemon }).status).toBe(0);
    expect(Number(process.hrtime.bigint() - start) / 1e9).toBeLessThan(15);
  });
});
