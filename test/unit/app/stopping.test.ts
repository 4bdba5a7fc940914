// Role: ends in good order, also when something on the way fails: every step of a stop is taken,
// a demonstration that cannot start leaves nothing behind, and the process ends with what it said.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Daemon, type DaemonParts } from '../../../src/app/daemon.ts';
import { startDemo } from '../../../src/app/demo.ts';
import { VERSION } from '../../../src/app/version.ts';
import { seconds } from '../../../src/domain/units.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';
import { ROOT } from '../../tools/repository.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-stopping-'));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

describe('a daemon that is stopped', () => {
  it('takes every step, whichever of them fails', async () => {
    const taken: string[] = [];
    const step = (name: string) => async (): Promise<void> => {
      taken.push(name);
      throw new Error(`${name} fails`);
    };
    const accessFile = join(folder, 'access.json');
    writeFileSync(accessFile, JSON.stringify({ server: '', token: 'own', pid: 1 }));
    const parts = {
      accessFile,
      cliToken: 'own',
      events: recordingEvents(),
      executor: { stop: step('executor') },
      hooks: { stop: step('hooks') },
      hypervisors: [{ close: step('hypervisors') }],
      leases: { keeper: { release: step('leases') } },
      server: { close: step('server') },
      ledger: { auditHead: step('ledger') },
      close: step('rest'),
    };
    // All that a stop touches; the other parts are not asked.
    const daemon = new Daemon(parts as unknown as DaemonParts);
    await expect(daemon.stop('test')).rejects.toThrow(
      'executor fails; hooks fails; hypervisors fails; leases fails; server fails; ledger fails; ' +
        'rest fails',
    );
    const order = ['executor', 'hooks', 'hypervisors', 'leases', 'server', 'ledger', 'rest'];
    expect(taken).toEqual(order);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a controller that is stopped while a guest has to be started again', () => {
  it('keeps its leases until that is done, and takes no others', async () => {
    const clock = manualClock();
    const told: string[] = [];
    const tell = (what: string) => (): Promise<[]> => {
      told.push(what);
      return Promise.resolve([]);
    };
    const nothing = (): Promise<void> => Promise.resolve();
    const keeper = {
      isShared: true,
      standAside: tell('aside'),
      beat: tell('renewed'),
      release: tell('released'),
    };
    const parts = {
      accessFile: join(folder, 'access.json'),
      cliToken: 'own',
      clock,
      config: { controller: { leaseSeconds: 30 } },
      events: recordingEvents(),
      executor: { stop: nothing },
      hooks: { stop: nothing },
      hypervisors: [{ close: () => clock.sleep(seconds(95)) }],
      leases: { keeper },
      server: { close: nothing },
      ledger: { auditHead: nothing },
      close: nothing,
    };
    const daemon = new Daemon(parts as unknown as DaemonParts);
    await clock.until(daemon.stop('test'), 200);
    expect(told).toEqual(['aside', ...Array(9).fill('renewed'), 'released']);
    expect(clock.sleeping).toBe(0);
  });
});

describe('a demonstration that cannot start', () => {
  it('leaves no state behind', async () => {
    vi.stubEnv('TMPDIR', folder);
    const options = { hosts: 2, vms: 2, seed: 1, speed: 60, port: 0 };
    const accessFile = '/dev/null/no-folder/access.json';
    const quiet = { subscribe: () => undefined, tell: () => undefined };
    await expect(startDemo({ ...options, ...quiet, accessFile })).rejects.toThrow('ENOTDIR');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('the process', () => {
  it('ends with its exit code and all that it said, although its event loop is held', () => {
    const hung = 'data:text/javascript,setInterval(() => {}, 1000)';
    const run = (...args: string[]) => {
      const all = ['--import', hung, join(ROOT, 'src/cli/main.ts'), ...args];
      const { status, stdout, stderr } = spawnSync(process.execPath, all, {
        encoding: 'utf8',
        timeout: 60_000,
      });
      return { status, stdout, stderr };
    };
    expect(run('--version')).toEqual({ status: 0, stdout: `${VERSION}\n`, stderr: '' });
    const wrong = run('plan', '--no-such-option');
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('--no-such-option');
  });
});
