// Role: tests of the launcher, on a tree of its own with a stand-in for main.ts. Which node is "too
// old" is a constant of find-node.mjs; raising it in the copy makes this very node too old, so the
// path of an old node is tested on every machine.
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ROOT } from '../tools/repository.ts';

const MAIN = `
const [, , verb = '', ...rest]: string[] = process.argv;
const threads = process.env['UV_THREADPOOL_SIZE'];
if (verb === 'wait') {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {
    console.log(signal);
    process.exit(5);
  });
  setInterval(() => {}, 1000);
}
if (verb === 'die') process.kill(process.pid, 'SIGKILL');
console.log(JSON.stringify({ pid: process.pid, verb, rest, threads }));
if (verb === 'fail') process.exit(2);
`;

interface Said {
  readonly pid: number;
  readonly verb: string;
  readonly rest: readonly string[];
  readonly threads: string;
}

let tree = '';

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'drover-launch-'));
  mkdirSync(join(tree, 'src/cli'), { recursive: true });
  writeFileSync(join(tree, 'package.json'), '{"type":"module"}');
  writeFileSync(join(tree, 'src/cli/main.ts'), MAIN);
  for (const name of ['launch.mjs', 'find-node.mjs']) {
    writeFileSync(join(tree, 'src/cli', name), readFileSync(join(ROOT, 'src/cli', name)));
  }
});

afterEach(() => {
  rmSync(tree, { recursive: true, force: true });
});

const launcher = (): string => join(tree, 'src/cli/launch.mjs');

function makeNodeTooOld(): void {
  const file = join(tree, 'src/cli/find-node.mjs');
  const text = readFileSync(file, 'utf8').replace(
    'OLDEST_NODE = [24, 11]',
    'OLDEST_NODE = [99, 0]',
  );
  writeFileSync(file, text);
}

function bundleNode(): void {
  const folder = join(tree, `node_modules/node-${process.platform}-${process.arch}/bin`);
  mkdirSync(folder, { recursive: true });
  symlinkSync(process.execPath, join(folder, 'node'));
}

function launch(args: readonly string[], env: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> {
  const clean = { ...process.env, UV_THREADPOOL_SIZE: '', NODE_COMPILE_CACHE: undefined, ...env };
  return spawnSync(process.execPath, [launcher(), ...args], { encoding: 'utf8', env: clean });
}

const said = (run: SpawnSyncReturns<string>): Said => JSON.parse(run.stdout) as Said;

/** Starts the waiting stand-in, sends a signal to the launcher, and tells what came of it. */
async function signalled(signal: NodeJS.Signals): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [launcher(), 'wait'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    // The stand-in prints a line once it listens.
    if (output === '') {
      child.kill(signal);
    }
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, output: output.split('\n').slice(1).join('\n').trim() };
}

describe.each(['new enough', 'too old'])('the launcher, on a node that is %s', (age) => {
  beforeEach(() => {
    if (age === 'too old') {
      makeNodeTooOld();
      bundleNode();
    }
  });

  it('passes the arguments on and gives libuv 256 threads', () => {
    expect(said(launch(['plan', '--json', 'a b']))).toMatchObject({
      verb: 'plan',
      rest: ['--json', 'a b'],
      threads: '256',
    });
  });

  it('leaves a number of threads that is set', () => {
    expect(said(launch([], { UV_THREADPOOL_SIZE: '7' })).threads).toBe('7');
  });

  it('keeps what was compiled beside what is installed, or where it is told to', () => {
    const cache = join(tree, 'node_modules/.cache/drover');
    const elsewhere = join(tree, 'elsewhere');
    launch([], { NODE_COMPILE_CACHE: elsewhere });
    expect([existsSync(elsewhere), existsSync(cache)]).toEqual([true, false]);
    launch([]);
    expect(existsSync(cache)).toBe(true);
  });

  it('passes the exit code on', () => {
    expect(launch(['fail']).status).toBe(2);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('passes %s on, once', async (signal) => {
    expect(await signalled(signal)).toEqual({ code: 5, output: signal });
  });

  it('runs what is built when the sources are not there', () => {
    rmSync(join(tree, 'src/cli/main.ts'));
    mkdirSync(join(tree, 'dist/src/cli'), { recursive: true });
    writeFileSync(join(tree, 'dist/src/cli/main.js'), 'console.log("built");\n');
    expect(launch([]).stdout).toBe('built\n');
  });
});

describe('the launcher', () => {
  it('keeps its pid where the node is new enough', () => {
    const run = launch([]);
    expect(said(run).pid).toBe(run.pid);
  });

  it('reports the death of its child as a shell does', () => {
    makeNodeTooOld();
    bundleNode();
    expect(launch(['die']).status).toBe(128 + 9);
  });

  it('exits with 3 and says what to install when there is no node that can run it', () => {
    makeNodeTooOld();
    const run = launch([]);
    expect(run.status).toBe(3);
    expect(run.stderr).toContain('needs node 99.0 or later');
    expect(run.stderr).toContain('npm ci');
  });

  it('exits with 3 when there is nothing to run', () => {
    rmSync(join(tree, 'src/cli/main.ts'));
    const run = launch([]);
    expect(run.status).toBe(3);
    expect(run.stderr).toContain('src/cli/main.ts');
  });
});
