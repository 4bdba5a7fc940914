/**
 * `drover doctor`: is everything reachable, permitted and in time? One line per check, each fault
 * once and with what to do. It only looks: no folder, file or lock is made.
 */

import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { Command } from 'commander';

import { VERSION } from '../../app/version.ts';
import type { DaemonConfig } from '../../config/daemon.ts';
import { hostId } from '../../domain/ids.ts';
import type { SourceStatus } from '../../domain/measured.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { StatusView } from '../../ports/api.ts';
import { makeClient } from '../client.ts';
import type { RulesInForce } from '../../app/policy-store.ts';
import { CliError, EXIT, printJson, type ExitCode, type Io, messageOf } from '../io.ts';
import { formatLines } from '../table.ts';
import { remoteOptions, type RemoteOptions } from './remote.ts';

interface DoctorOptions extends RemoteOptions {
  readonly config?: string;
}

interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string;
}

export function addDoctor(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  remoteOptions(program.command('doctor'), { config: false })
    .description('is everything reachable, permitted and in time?')
    .option('--config <file>', 'also try the sources and policies of this drover.yaml')
    .addHelpText('after', '\nExample:\n  drover doctor --config drover.yaml')
    .action(async (options: DoctorOptions) => setExit(await doctor(io, options)));
}

async function doctor(io: Io, options: DoctorOptions): Promise<ExitCode> {
  const findings = [ok('version', `drover ${VERSION}, node ${process.versions.node}`)];
  if (options.config === undefined) findings.push(...(await checkDaemon(io, options)));
  else findings.push(...(await checkConfig(io, options, options.config)));
  if (options.json === true) printJson(io, findings);
  else for (const finding of findings) io.out(formatLines(linesOf(finding)));
  return findings.some(({ state }) => state === 'failed') ? EXIT.findings : EXIT.done;
}

const STATE_WIDTH = 8;
const CHECK_WIDTH = 12;

function linesOf({ check, state, detail, hint = '' }: Finding): readonly string[] {
  const head = `${state.padEnd(STATE_WIDTH)}${check.padEnd(CHECK_WIDTH)}`;
  const [first = '', ...more] = detail.split('\n');
  const below = [...more.map((line) => line.trim()), ...(hint === '' ? [] : [`hint: ${hint}`])];
  return [`${head}${first}`, ...below.map((line) => `${' '.repeat(head.length)}${line}`)];
}

async function checkDaemon(io: Io, options: DoctorOptions): Promise<readonly Finding[]> {
  try {
    const client = await makeClient(io, options);
    await client.get('/readyz');
    const status = await client.get<StatusView>('/api/v1/status');
    return [ok('daemon', 'answers and is ready'), ...checkStatus(status)];
  } catch (error) {
    const hint = error instanceof CliError ? { hint: error.hint } : {};
    return [{ ...failed('daemon', messageOf(error)), ...hint }];
  }
}

function checkStatus(view: StatusView): readonly Finding[] {
  const faults = [
    ...view.sources.filter(({ state }) => state !== 'up').map((source) => sourceFault(source)),
    ...view.policyErrors.map((error) => failed('policies', `refused edit: ${error}`)),
  ];
  if (view.paused)
    faults.push({ ...warning('daemon', `paused by ${view.pausedBy}`), hint: 'drover resume' });
  return faults;
}

async function checkConfig(
  io: Io,
  options: DoctorOptions,
  file: string,
): Promise<readonly Finding[]> {
  const { loadConfig, loadPolicySet } = await import('../inputs.ts');
  const config = await attempt('config', () => loadConfig(file));
  if (!config.ok) return [config.finding];
  // --server names the daemon that is meant, whatever the configuration says.
  const { config: _file, ...others } = options;
  const daemon = await checkDaemon(io, options.server === undefined ? options : others);
  const state = await attempt('state', () => checkFolder(config.value.stateDir));
  const policies = await attempt('policies', () => loadPolicySet(config.value.policies));
  return [
    // A configuration is looked at before its daemon runs: that it does not is no fault.
    ...daemon.map((finding) =>
      isAbsent(finding) ? { ...finding, state: 'warning' as const } : finding,
    ),
    ok('config', file),
    state.ok ? ok('state', state.value) : state.finding,
    policies.ok ? ok('policies', policiesText(policies.value)) : policies.finding,
    ...(await checkSources(io, config.value, policies.ok ? policies.value : undefined)),
    ...(await checkPower(config.value)),
  ];
}

function isAbsent({ check, state }: Finding): boolean {
  return check === 'daemon' && state === 'failed';
}

function policiesText({ policies }: RulesInForce): string {
  return `${policies.rules.length} rules, revision ${policies.revision.slice(0, 12)}`;
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

/** Asks each device for the power of its host; switches nothing. */
async function checkPower(config: DaemonConfig): Promise<readonly Finding[]> {
  if (config.fencing.length === 0) return [];
  const { powerOf } = await import('../../app/build-sources.ts');
  const { fencing } = powerOf(config);
  const asked = config.fencing.map(async ({ host, timeoutSeconds }): Promise<Finding> => {
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    const power = await attempt('fencing', async () =>
      fencing?.status({ id: hostId(host), name: host }, signal),
    );
    if (!power.ok) return { ...power.finding, hint: FENCING_HINT };
    return ok('fencing', `${host}: its device says that the power is ${power.value}`);
  });
  return Promise.all(asked);
}

const FENCING_HINT = 'until it answers, nothing of this host is restarted should it die';

async function checkSources(
  io: Io,
  config: DaemonConfig,
  rules: RulesInForce | undefined,
): Promise<readonly Finding[]> {
  const { ownNotes } = await import('../../rules/own-vms.ts');
  const { readFleet } = await import('../../app/live-fleet.ts');
  const { modeNotes } = await import('../../app/policy-notes.ts');
  const { systemClock } = await import('../../app/system-clock.ts');
  const read = await attempt('sources', () => readFleet(config, systemClock(), io.stop));
  if (!read.ok) return [read.finding];
  const { statuses, snapshot, warnings } = read.value;
  const kinds = new Map(config.sources.map(({ id, kind }) => [id, kind]));
  return [
    ...statuses.map((status) =>
      status.state === 'up'
        ? ok('source', `${status.source} answers`)
        : sourceFault(status, kinds.get(status.source)),
    ),
    // Each look at the sources says again what is wrong.
    ...[...new Set(warnings)].map((detail) => warning('source', detail)),
    ...checkFleet(snapshot),
    ...ownNotes(rules?.policies.own ?? [], snapshot, undefined).map((note) => warning('own', note)),
    ...(rules === undefined ? [] : modeNotes(rules.policies, snapshot)).map((note) =>
      warning('mode', note),
    ),
    ...(await checkMachine(config, snapshot, rules)),
  ];
}

/** Whether the machine that this runs on is one of the VMs. */
async function checkMachine(
  config: DaemonConfig,
  snapshot: Snapshot,
  rules: RulesInForce | undefined,
): Promise<readonly Finding[]> {
  const { findsOwnVm, ownText } = await import('../../app/own-finder.ts');
  if (!findsOwnVm(config)) return [];
  const { readMachine } = await import('../../app/own-machine.ts');
  const { classify } = await import('../../rules/classify.ts');
  const classified = rules === undefined ? snapshot : classify(snapshot, rules.policies);
  const text = ownText(await readMachine(), classified);
  return [
    text === undefined
      ? ok('own', 'no VM here carries this machine unnamed')
      : warning('own', text),
  ];
}

/** @param kind of a hypervisor connection; undefined: not known, or a metric store. */
function sourceFault({ source, state, detail }: SourceStatus, kind?: string): Finding {
  const guide = kind === undefined ? '' : `; what it needs: adapters/${kind}/README.md`;
  const hint = `is its service up, its address right, and may this user connect?${guide}`;
  return { ...failed('source', `${source} is ${state}: ${detail}`), hint };
}

/** What would make moves impossible although everything answers. */
function checkFleet({ hosts, vms }: Snapshot): readonly Finding[] {
  const findings = [ok('fleet', `${hosts.length} hosts, ${vms.length} VMs`)];
  for (const host of hosts) {
    if (host.connection === 'disconnected')
      findings.push(failed('host', `${host.name} does not answer`));
    else if (host.cpu.vendor === undefined || host.cpu.features === undefined)
      findings.push(warning('host', `${host.name}: CPU unknown, so nothing can move to it live`));
    else if (host.metrics['cpu.used']?.last.kind !== 'known')
      findings.push(warning('host', `${host.name}: no CPU load, so no optional move goes there`));
  }
  const unknown = vms.filter((vm) => vm.cpu.vendor === undefined || vm.cpu.features === undefined);
  if (unknown.length > 0)
    findings.push(warning('vm', `${unknown.length} VMs with an unknown CPU cannot move live`));
  return findings;
}

type Attempted<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly finding: Finding };

async function attempt<Value>(
  check: string,
  work: () => Promise<Value>,
): Promise<Attempted<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, finding: failed(check, messageOf(error)) };
  }
}

function ok(check: string, detail: string): Finding {
  return { check, state: 'ok', detail };
}

function warning(check: string, detail: string): Finding {
  return { check, state: 'warning', detail };
}

function failed(check: string, detail: string): Finding {
  return { check, state: 'failed', detail };
}
