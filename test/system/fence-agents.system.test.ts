// Role: what is taken for granted of fence agents (their input, words and exit codes) is so with
// those that Debian ships.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { FenceAgents } from '../../adapters/fence-agents.ts';
import { aHost } from '../support/fleet.ts';

const NEVER = new AbortController().signal;

describe('fence agents of the package', () => {
  it('say what the power is, cut it and give it back (fence_dummy)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-fence-dummy-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'power');
    writeFileSync(file, 'on');
    const options = { type: 'file', status_file: file };
    const device = { host: 'h1', agent: 'fence_dummy', options, password: undefined };
    const fencing = new FenceAgents([{ ...device, timeoutSeconds: 60 }]);
    expect(await fencing.status(aHost(), NEVER)).toBe('on');
    await fencing.off(aHost(), NEVER);
    expect(readFileSync(file, 'utf8')).toBe('off');
    expect(await fencing.status(aHost(), NEVER)).toBe('off');
    await fencing.off(aHost(), NEVER);
    await fencing.on(aHost(), NEVER);
    expect(await fencing.status(aHost(), NEVER)).toBe('on');
    writeFileSync(file, 'neither');
    await expect(fencing.status(aHost(), NEVER)).rejects.toThrow(/fence_dummy of h1, status/);
  });

  it('take a device that they cannot ask for no power at all (fence_ipmilan)', async () => {
    // Nobody listens there, and without an address it cannot even begin.
    for (const options of [{ ip: '127.0.0.1', ipport: '1', lanplus: '1' }, {}]) {
      const agent = 'fence_ipmilan';
      const device = { host: 'h1', agent, options, password: 'x', timeoutSeconds: 60 };
      await expect(new FenceAgents([device]).status(aHost(), NEVER)).rejects.toThrow(/exit code/);
    }
  });
});
