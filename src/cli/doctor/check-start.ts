/** What would keep a daemon from starting with a configuration, or its programs from being run. */

import { existsSync } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

import { ledgerFileIn } from '../../app/state-folder.ts';
import type { DaemonConfig, HookConfig, PeerProbeConfig } from '../../config/daemon.ts';
import { isLoopback, tokenFaults } from '../../serve/access.ts';
import { type Finding, attempt, failed, good, warning } from './finding.ts';

export async function checkStart(config: DaemonConfig): Promise<readonly Finding[]> {
  const state = await attempt('state', () => checkFolder(config.stateDir));
  return [
    state.ok ? good('state', state.value) : state.finding,
    ...(await checkLedger(config)),
    ...checkTokens(config),
    ...(await checkHooks(config.maintenance.hooks)),
    ...(await checkPeerProbe(config.peerProbe)),
  ];
}

/** Rejects when the daemon could not use the folder, or make it. */
async function checkFolder(folder: string): Promise<string> {
  const there = await nearestThere(folder);
  await access(there, constants.W_OK | constants.X_OK);
  return there === folder ? folder : `${folder}, which the daemon will make`;
}

/** The folder, or the one above it in which it would be made. */
async function nearestThere(folder: string): Promise<string> {
  try {
    if ((await stat(folder)).isDirectory()) return folder;
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isAbsent && dirname(folder) !== folder) return nearestThere(dirname(folder));
    throw error;
  }
  throw new Error(`${folder} is no folder`);
}

/** One that is not reached, or cannot be read, keeps the daemon from starting. */
async function checkLedger({ ledger, stateDir }: DaemonConfig): Promise<readonly Finding[]> {
  if (ledger === undefined) {
    const file = ledgerFileIn(stateDir);
    return existsSync(file) ? [await checkLedgerFile(file)] : [];
  }
  const { readLedger } = await import('../../ledger/ledger-reader.ts');
  const place = { kind: 'postgres', ...ledger } as const;
  const asked = await attempt('ledger', () => readLedger(place, async () => undefined));
  return [asked.ok ? good('ledger', 'the database answers') : asked.finding];
}

async function checkLedgerFile(file: string): Promise<Finding> {
  const { readLedger } = await import('../../ledger/ledger-reader.ts');
  const asked = await attempt('ledger', async () => {
    await access(file, constants.W_OK);
    await readLedger({ kind: 'file', file }, (reader) => reader.decisions(1));
  });
  if (!asked.ok) return { ...asked.finding, hint: 'restore it from a copy, or move it away' };
  return good('ledger', `${file} can be read`);
}

/** The server is not built with these. */
function checkTokens({ http: { host, tokens } }: DaemonConfig): readonly Finding[] {
  const faults = tokenFaults(tokens, !isLoopback(host));
  if (faults.length === 0) return [];
  const hint =
    'mend http.tokens (beyond loopback: at least one viewer and one operator), ' +
    'or listen on 127.0.0.1';
  return [{ ...failed('http', `listen ${host}: ${faults.join('; ')}`), hint }];
}

async function checkHooks(hooks: readonly HookConfig[]): Promise<readonly Finding[]> {
  const found = hooks.map(async ({ name, action }): Promise<readonly Finding[]> => {
    if (action.kind === 'webhook') return [];
    return [await checkProgram('hook', `${name}: `, action.command)];
  });
  return (await Promise.all(found)).flat();
}

/** Only that there is the program: it is not run, because no host is silent. */
async function checkPeerProbe(probe: PeerProbeConfig | undefined): Promise<readonly Finding[]> {
  return probe === undefined ? [] : [await checkProgram('peerProbe', '', probe.command)];
}

async function checkProgram(
  check: string,
  label: string,
  [program = '']: readonly string[],
): Promise<Finding> {
  const file = await firstProgram(placesOf(program));
  if (file !== undefined) return good(check, `${label}${file}`);
  const detail = `${label}no program ${program} that this user may run`;
  if (isAbsolute(program)) return failed(check, detail);
  return { ...warning(check, detail), hint: 'the daemon may have another PATH or folder' };
}

/** Where execvp looks: a name without a slash is looked up in PATH. */
function placesOf(program: string): readonly string[] {
  if (program.includes('/')) return [program];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.filter((folder) => folder !== '').map((folder) => join(folder, program));
}

async function firstProgram(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) if (await isProgram(file)) return file;
  return undefined;
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    // Whatever the reason: it cannot be run.
    return false;
  }
}
