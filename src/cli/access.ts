/** Where the CLI looks for a daemon on this machine: the one that runs for real, then the demo. */

import { join } from 'node:path';

import { readCliAccess, type CliAccess } from '../app/state-folder.ts';
import { defaultStateDir } from '../config/daemon.ts';
import type { Io } from './io.ts';

export const DEFAULT_PORT = 7466;

export function accessFileIn(stateDir: string): string {
  return join(stateDir, 'cli.json');
}

export function demoAccessFile(env: Io['env']): string {
  return join(defaultStateDir(env), 'demo.json');
}

/** What a running daemon or demo left for its own user; undefined: neither did. */
export function findAccess(env: Io['env']): CliAccess | undefined {
  const files = [accessFileIn(defaultStateDir(env)), demoAccessFile(env)];
  return files.flatMap((file) => readCliAccess(file) ?? []).find(({ pid }) => isAlive(pid));
}

/** A daemon that was killed could not take its file along. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
