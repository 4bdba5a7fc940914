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
import { clusterId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import type { LeaseKeeper } from '../../../src/execute/lease-keeper.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
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
      hypervisors: [{ close: step('lab') }, { close: step('site') }],
      leases: { keeper: { release: step('leases') } },
      server: { close: step('server') },
      ledger: { auditHead: step('ledger') },
      close: step('rest'),
    };
    // All that a stop touches; the other parts are not asked.
    const daemon = new Daemon(parts as unknown as DaemonParts);
    await expect(daemon.stop('test')).rejects.toThrow(
      'executor fails; hooks fails; lab fails; site fails; leases fails; server fails; ' +
        'ledger fails; rest fails',
    );
    const order = ['executor', 'hooks', 'lab', 'site', 'leases', 'server', 'ledger', 'rest'];
    expect(taken).toEqual(order);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a controller that is stopped while a guest has to be started again', () => {
  /** It takes 95 s; and is told how its keeper is asked. */
  function stopping(keeper: object, parts: object = {}): { clock: ManualClock; daemon: Daemon } {
    const clock = manualClock();
    const nothing = (): Promise<void> => Promise.resolve();
    const all = {
      accessFile: join(folder, 'access.json'),
      cliToken: 'own',
      clock,
      config: { controller: { leaseSeconds: 30 } },
      events: recordingEvents(),
      executor: { stop: nothing },
      hooks: { stop: nothing, isIdle: () => true },
      hypervisors: [{ close: () => clock.sleep(seconds(95)) }],
      leases: { keeper: { isShared: true, ...keeper } },
      server: { close: nothing },
      ledger: { auditHead: nothing },
      close: nothing,
      ...parts,
    };
    return { clock, daemon: new Daemon(all as unknown as DaemonParts) };
  }

  it('keeps its leases until that is done, and takes no others', async () => {
    const told: string[] = [];
    const tell = (what: string) => (): Promise<[]> => {
      told.push(what);
      return Promise.resolve([]);
    };
    const { clock, daemon } = stopping({
      standAside: tell('aside'),
      beat: tell('renewed'),
      release: tell('released'),
    });
    await clock.until(daemon.stop('test'), 200);
    expect(told).toEqual(['aside', ...Array(9).fill('renewed'), 'released']);
    expect(clock.sleeping).toBe(0);
  });

  /** What others may have meanwhile, by the needs of each move that is open; none: not known. */
  async function leftToOthers(open?: readonly (readonly string[])[]): Promise<readonly string[]> {
    const moves = {
      isIdle: (one: string) => one !== 'bound',
      clustersOf: (needs: unknown) => needs,
    };
    const hooks = { stop: async () => undefined, isIdle: (one: string) => one !== 'hook' };
    const left = new Set<string>();
    const beat: LeaseKeeper['beat'] = async (isIdle, underWay) => {
      if (open !== undefined) await underWay?.();
      const all = ['c1', 'c2', 'c3', 'bound', 'hook'].map(clusterId);
      for (const one of all) if (isIdle(one)) left.add(one);
      return [];
    };
    const nothing = async (): Promise<void> => undefined;
    const keeper = { isShared: true, standAside: nothing, release: nothing, beat };
    const ledger = { auditHead: nothing, openMoves: async () => open };
    const { clock, daemon } = stopping({}, { hooks, ledger, leases: { keeper, moves } });
    await clock.until(daemon.stop('test'), 200);
    return [...left];
  }

  it('leaves to others where no move is open, nor anything at work', async () => {
    expect(await leftToOthers([['c1', 'c2']])).toEqual(['c3']);
    expect(await leftToOthers([])).toEqual(['c1', 'c2', 'c3']);
  });

  it('leaves them nothing where it is not known what a move needs, or which are open', async () => {
    expect(await leftToOthers([['c1'], []])).toEqual([]);
    expect(await leftToOthers()).toEqual([]);
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
