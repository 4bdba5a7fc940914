/** `drover doctor`: is everything reachable, permitted and in time? One line per check. */

import { access, constants, mkdir } from 'node:fs/promises';

import type { Command } from 'commander';

import { VERSION } from '../../app/version.ts';
import type { DaemonConfig } from '../../config/daemon.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import { makeClient, messageOf } from '../client.ts';
import type { RulesInForce } from '../../app/policy-store.ts';
import { EXIT, printJson, type ExitCode, type Io } from '../io.ts';
import { remoteOptions, type RemoteOptions } from './remote.ts';

interface DoctorOptions extends RemoteOptions {
  readonly config?: string;
}

interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
}

export function addDoctor(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  remoteOptions(program.command('doctor'))
    .description('is everything reachable, permitted and in time?')
    .option('--config <file>', 'also try the sources and policies of this drover.yaml')
    .addHelpText('after', '\nExample:\n  drover doctor --config drover.yaml')
    .action(async (options: DoctorOptions) => setExit(await doctor(io, options)));
}

async function doctor(io: Io, options: DoctorOptions): Promise<ExitCode> {
  const findings = [ok('version', `drover ${VERSION}, node ${process.versions.node}`)];
  findings.push(await checkDaemon(io, options));
  if (options.config !== undefined) findings.push(...(await checkConfig(io, options.config)));
  if (options.json === true) printJson(io, findings);
  else for (const { check, state, detail } of findings) io.out(line(check, state, detail));
  return findings.some(({ state }) => state === 'failed') ? EXIT.findings : EXIT.done;
}

function line(check: string, state: Finding['state'], detail: string): string {
  return `${state.padEnd(8)}${check.padEnd(12)}${detail}\n`;
}

async function checkDaemon(io: Io, options: RemoteOptions): Promise<Finding> {
  try {
    await makeClient(io, options).get('/readyz');
    return ok('daemon', 'answers and is ready');
  } catch (error) {
    return { check: 'daemon', state: 'warning', detail: messageOf(error) };
  }
}

async function checkConfig(io: Io, file: string): Promise<readonly Finding[]> {
  const { loadConfig, loadPolicySet } = await import('../inputs.ts');
  const config = await attempt('config', () => loadConfig(file));
  if (!config.ok) return [config.finding];
  const state = await attempt('state', () => checkFolder(config.value.stateDir));
  const policies = await attempt('policies', () => loadPolicySet(config.value.policies));
  return [
    ok('config', file),
    state.ok ? ok('state', config.value.stateDir) : state.finding,
    policies.ok ? ok('policies', policiesText(policies.value)) : policies.finding,
    ...(await checkSources(io, config.value)),
  ];
}

function policiesText({ policies }: RulesInForce): string {
  return `${policies.rules.length} rules, revision ${policies.revision.slice(0, 12)}`;
}

async function checkFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await access(folder, constants.W_OK);
}

async function checkSources(io: Io, config: DaemonConfig): Promise<readonly Finding[]> {
  const { readFleet } = await import('../../app/live-fleet.ts');
  const { systemClock } = await import('../../app/system-clock.ts');
  const read = await attempt('sources', () => readFleet(config, systemClock(), io.stop));
  if (!read.ok) return [read.finding];
  const { statuses, snapshot, warnings } = read.value;
  return [
    ...statuses.map(({ source, state, detail }) =>
      state === 'up'
        ? ok('source', `${source} answers`)
        : failed('source', `${source} is ${state}: ${detail}`),
    ),
    ...warnings.map((detail): Finding => ({ check: 'source', state: 'warning', detail })),
    ...checkFleet(snapshot),
  ];
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
