// Role: more silent hosts than there are threads leave the others, files and DNS alone, with the
// real library: its calls are the ones that hang.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { ROOT } from '../tools/repository.ts';
import type { SilentReport } from './libvirt-silent-hosts.ts';

const ALL: SilentReport = { known: 'answered', file: 'answered', name: 'answered' };

it('hosts that accept connections and say nothing take their own share of the threads', () => {
  const script = join(ROOT, 'test/system/libvirt-silent-hosts.ts');
  const run = spawnSync(process.execPath, [script, '70'], {
    encoding: 'utf8',
    env: { ...process.env, UV_THREADPOOL_SIZE: '64' },
    timeout: 60_000,
  });
  expect(run.stderr).toBe('');
  expect(JSON.parse(run.stdout)).toEqual(ALL);
}, 70_000);
