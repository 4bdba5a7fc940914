// Role: what is asked of fence agents and what of them is believed, with agents made for the test.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FenceAgents, type FenceDevice } from '../../../adapters/fence-agents.ts';
import { FencingError } from '../../../src/ports/fencing.ts';
import { aHost } from '../../support/fleet.ts';

const NEVER = new AbortController().signal;

describe('FenceAgents', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'drover-fence-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** An agent that keeps what it is told, and then does `body`. */
  function agents(body: string, options: Partial<FenceDevice> = {}): FenceAgents {
    const agent = join(folder, 'fence_test');
    const heard = join(folder, 'heard');
    const script = `#!/bin/sh\necho "args: $*" >'${heard}'\ncat >>'${heard}'\n${body}\n`;
    writeFileSync(agent, script);
    chmodSync(agent, 0o755);
    const device = { host: 'h1', agent, options: {}, password: undefined, timeoutSeconds: 20 };
    return new FenceAgents([{ ...device, ...options }]);
  }

  function heard(): string {
    return readFileSync(join(folder, 'heard'), 'utf8');
  }

  it('gives its options and the password on standard input alone', async () => {
    const fencing = agents('echo "Status: ON"', {
      options: { ip: '10.0.0.1', lanplus: '1' },
      password: 's3cret',
    });
    expect(await fencing.status(aHost(), NEVER)).toBe('on');
    expect(heard()).toBe('args: \nip=10.0.0.1\nlanplus=1\npassword=s3cret\naction=status\n');
  });

  it('believes "off" only where the code and the words agree', async () => {
    expect(await agents('echo "Status: OFF"; exit 2').status(aHost(), NEVER)).toBe('off');
    for (const lie of [
      // What agents do with options that they do not understand.
      'echo "unknown option" >&2; exit 2',
      'echo "Status: OFF"; exit 0',
      'echo "Status: ON"; exit 2',
      'echo "Status: OFF"; exit 1',
      'echo "it is not so that Status: OFF"; exit 2',
      'exit 0',
    ]) {
      await expect(agents(lie).status(aHost(), NEVER)).rejects.toThrow(FencingError);
    }
  });

  it('switches, and takes any other code than 0 for a failure', async () => {
    await agents('exit 0').off(aHost(), NEVER);
    expect(heard()).toContain('action=off\n');
    await agents('exit 0').on(aHost(), NEVER);
    expect(heard()).toContain('action=on\n');
    await expect(agents('exit 2').off(aHost(), NEVER)).rejects.toThrow(/off: exit code 2/);
  });

  it('ends what a late agent has started, too, lest that switch the power later on', async () => {
    const late = join(folder, 'late');
    const fencing = agents(`(sleep 1; echo off >'${late}') & wait`, { timeoutSeconds: 0.3 });
    await expect(fencing.off(aHost(), NEVER)).rejects.toThrow(/no answer within 0.3 s/);
    await sleep(1500);
    expect(existsSync(late)).toBe(false);
  });

  it('ends what an agent has left behind that died itself', async () => {
    const late = join(folder, 'late');
    const fencing = agents(`(sleep 1; echo off >'${late}') & exit 1`);
    await expect(fencing.off(aHost(), NEVER)).rejects.toThrow(/exit code 1/);
    await sleep(1500);
    expect(existsSync(late)).toBe(false);
  });

  it('says what the agent said, and never the password', async () => {
    const fencing = agents('echo "cannot log in as admin:s3cret" >&2; exit 1', {
      password: 's3cret',
    });
    const failure = await fencing.status(aHost(), NEVER).catch((error: unknown) => String(error));
    expect(failure).toContain('exit code 1: cannot log in as admin:***');
    expect(failure).not.toContain('s3cret');
  });

  it('waits no longer than it is told, and leaves no agent behind', async () => {
    const fencing = agents(`echo $$ >'${join(folder, 'pid')}'; exec sleep 600`, {
      timeoutSeconds: 1,
    });
    await expect(fencing.status(aHost(), NEVER)).rejects.toThrow(/no answer within 1 s/);
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    await expect.poll(() => isRunning(pid)).toBe(false);
  });

  it('knows its hosts by id or name, and says that an agent is missing', async () => {
    const fencing = agents('exit 0', { agent: '/nowhere/fence_none' });
    expect(fencing.covers(aHost({ id: 'x', name: 'h1' }))).toBe(true);
    expect(fencing.covers(aHost({ id: 'h2' }))).toBe(false);
    await expect(fencing.status(aHost(), NEVER)).rejects.toThrow(/ENOENT/);
    await expect(fencing.status(aHost({ id: 'h2' }), NEVER)).rejects.toThrow(/no fencing device/);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
