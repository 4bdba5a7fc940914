// Role: SIGHUP reads the policy files of `drover run` again, and does not end it.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { expect, it } from 'vitest';

import { startDaemon } from '../support/daemon-child.ts';

const HEAD = 'apiVersion: drover/v1\nkind: Policy\n';

it('SIGHUP reads the policies again, says what holds or what is wrong, and goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-hangup-'));
  const policy = join(folder, 'policy.yaml');
  writeFileSync(policy, `${HEAD}mode: observe\n`);
  const child = startDaemon(folder, 'policies: [policy.yaml]\n');
  const exited = once(child, 'exit');
  const seen: string[] = [];
  try {
    // Nothing was edited: that it was read shows in being told what is in force.
    const next = [
      [/"msg":"started"/, () => child.kill('SIGHUP')],
      [
        /"msg":"policies in force"/,
        () => {
          writeFileSync(policy, `${HEAD}rulez: []\n`);
          child.kill('SIGHUP');
        },
      ],
      [/policy\.yaml:3:1 .*rulez.*"msg":"policy edit refused"/, () => child.kill('SIGTERM')],
    ] as const;
    for await (const line of createInterface({ input: child.stdout })) {
      const [pattern, act] = next[seen.length] ?? [];
      if (pattern?.test(line) !== true) continue;
      seen.push(line);
      act?.();
    }
    expect(seen).toHaveLength(3);
    expect(await exited).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
