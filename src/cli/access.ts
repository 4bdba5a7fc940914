/**
 * Where the CLI looks for a daemon on this machine: in its state folder, which is named by
 * --state, by the `stateDir` of --config, or else the default one. A daemon that runs for real and
 * the demo leave each a file of their own there.
 */

import { accessSync, constants, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { readCliAccess, type CliAccess } from '../app/state-folder.ts';
import { defaultStateDir, loadPlace } from '../config/daemon.ts';
import { formatProblem } from '../config/problem.ts';
import { CliError, EXIT, type Io } from './io.ts';

export const DEFAULT_PORT = 7466;

export function accessFileIn(stateDir: string): string {
  return join(stateDir, 'cli.json');
}

function demoAccessFileIn(stateDir: string): string {
  return join(stateDir, 'demo.json');
}

export function demoAccessFile(env: Io['env']): string {
  return demoAccessFileIn(defaultStateDir(env));
}

export interface StateOptions {
  readonly config?: string | undefined;
  readonly state?: string | undefined;
}

export interface StateFolder {
  readonly folder: string;
  /** Somebody asked for this one: no other will do. */
  readonly isNamed: boolean;
}

/** Throws CliError: the configuration cannot be read, or says something else than --state. */
export async function stateFolder(io: Io, options: StateOptions): Promise<StateFolder> {
  const { config, state } = options;
  if (config !== undefined && state !== undefined)
    throw new CliError(EXIT.usage, '--config and --state: give one of them');
  if (state !== undefined) return { folder: resolve(state), isNamed: true };
  if (config === undefined) return { folder: defaultStateDir(io.env), isNamed: false };
  const place = await loadPlace(config, io.env);
  if (place.ok) return { folder: place.value.stateDir, isNamed: true };
  throw new CliError(EXIT.usage, place.error.map(formatProblem).join('\n'));
}

/** What the daemons that run now left in the folder for their own user. */
export function accessesIn(folder: string): readonly CliAccess[] {
  const files = [accessFileIn(folder), demoAccessFileIn(folder)];
  return files.flatMap((file) => readCliAccess(file) ?? []).filter(({ pid }) => isAlive(pid));
}

/** What to do when the folder has no daemon for us. */
export function nobodyHint({ folder, isNamed }: StateFolder): string {
  const file = accessFileIn(folder);
  if (existsSync(file) && !isReadable(file))
    return `${file} is for the user that runs the daemon: ask as that user, or give --token-file`;
  const other = isNamed ? 'another' : 'one with a stateDir of its own';
  return `start it ("drover run", "drover demo"), or name ${other}: --config, --state or --server`;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    // Whatever the reason: it is no way in.
    return false;
  }
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
