// Role: `drover run` as a child process on a small simulated fleet, busy enough to log something
// every second. The caller kills what it starts.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { ROOT } from '../tools/repository.ts';

export type DaemonChild = ChildProcessByStdio<null, Readable, Readable>;

/** @param more lines of drover.yaml. */
export function startDaemon(folder: string, more = ''): DaemonChild {
  const config = join(folder, 'drover.yaml');
  writeFileSync(
    config,
    `apiVersion: drover/v1\nkind: Daemon\nstateDir: ${join(folder, 'state')}\n` +
      'http: { listen: "127.0.0.1:0" }\nlog: { level: debug }\nschedule: { tickEvery: 1s }\n' +
      `sources: [{ id: sim, kind: simulated, hosts: 2, vms: 2 }]\n${more}`,
  );
  const main = join(ROOT, 'src/cli/main.ts');
  return spawn(process.execPath, [main, 'run', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The first line that matches; the stream is then left to the caller again. */
export async function lineOf(stream: Readable, pattern: RegExp): Promise<string> {
  const lines = createInterface({ input: stream });
  for await (const text of lines) if (pattern.test(text)) return text;
  throw new Error(`the stream ended without ${String(pattern)}`);
}
