// Role: tests of the plain last line: everything that makes a run red must be in its count, also
// what vitest itself does not count as a failed test.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ROOT } from '../../tools/repository.ts';

const HEAD = `import { beforeAll, describe, expect, it } from 'vitest';\n`;
const PASSING = `it('passes', () => {});\n`;

let tree = '';

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'drover-reporter-'));
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
});

afterEach(() => {
  rmSync(tree, { recursive: true, force: true });
});

function run(files: Readonly<Record<string, string>>): { last: string; status: number | null } {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(tree, `${name}.test.ts`), HEAD + text);
  }
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const reporter = join(ROOT, 'test/tools/plain-reporter.ts');
  const args = [vitest, 'run', '--root', tree, '--reporter=default', `--reporter=${reporter}`];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: tree });
  return { last: child.stdout.split('\n').at(-2) ?? '', status: child.status };
}

describe('the plain reporter', () => {
  it('ends a green run', () => {
    const text = `${PASSING}it.skip('s', () => {});\nit.todo('t');\n`;
    expect(run({ green: text })).toEqual({ last: '1 passed, 0 failed, 2 skipped', status: 0 });
  });

  it('counts a file that does not load, tests that failed, and errors outside of tests', () => {
    const files = {
      failed: `${PASSING}it('fails', () => expect(1).toBe(2));\n`,
      unloadable: `throw new Error('at load');\n`,
      hook: `describe('d', () => { beforeAll(() => { throw new Error(); }); ${PASSING} });\n`,
      loose: `it('passes', () => { void Promise.reject(new Error('loose')); });\n`,
    };
    expect(run(files)).toEqual({ last: '2 passed, 4 failed, 1 skipped', status: 1 });
  });

  it('counts tests that a crash of their process cut off', () => {
    const crash = `it('crashes', async () => {
      process.kill(process.pid, 'SIGSEGV');
      await new Promise(() => {});
    });\n`;
    const { last, status } = run({ crash, green: PASSING });
    expect(last).toMatch(/^1 passed, [1-9]\d* failed, 0 skipped$/);
    expect(status).toBe(1);
  });

  it('counts a run without tests as a failure', () => {
    expect(run({})).toEqual({ last: '0 passed, 1 failed, 0 skipped', status: 1 });
  });
});
