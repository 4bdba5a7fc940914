/**
 * `drover doctor`: is everything reachable, permitted and in time? One line per check, each fault
 * once and with what to do. It only looks: no folder, file or lock is made.
 */

import type { Command } from 'commander';

import { VERSION } from '../../app/version.ts';
import type { DaemonConfig } from '../../config/daemon.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { LiveFleet } from '../../app/live-fleet.ts';
import type { RulesInForce } from '../../app/policy-store.ts';
import { checkDaemon, sourceFault } from '../doctor/check-daemon.ts';
import { checkStart } from '../doctor/check-start.ts';
import { checkNamed } from '../doctor/check-named.ts';
import { attempt, type Attempted, failed, type Finding, good, warning } from '../doctor/finding.ts';
import { EXIT, type ExitCode, type Io, printJson } from '../io.ts';
import { formatLines } from '../table.ts';
import { remoteOptions, type RemoteOptions } from './remote.ts';

interface DoctorOptions extends RemoteOptions {
  readonly config?: string;
}

export function addDoctor(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  remoteOptions(program.command('doctor'), { config: false })
    .description('is everything reachable, permitted and in time?')
    .option('--config <file>', 'also try the sources and policies of this drover.yaml')
    .addHelpText('after', '\nExample:\n  drover doctor --config drover.yaml')
    .action(async (options: DoctorOptions) => setExit(await doctor(io, options)));
}

async function doctor(io: Io, options: DoctorOptions): Promise<ExitCode> {
  const findings = [good('version', `drover ${VERSION}, node ${process.versions.node}`)];
  if (options.config === undefined) findings.push(...(await checkDaemon(io, options, true)));
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
  const asked = options.server === undefined ? options : others;
  const policies = await attempt('policies', () => loadPolicySet(config.value.policies));
  const rules = policies.ok ? policies.value : undefined;
  const fleet = await lookAround(config.value, io);
  return [
    // A configuration is looked at before its daemon runs: that it does not is no fault.
    ...(await checkDaemon(io, asked, false)),
    good('config', file),
    ...(await checkStart(config.value)),
    policies.ok ? good('policies', policiesText(policies.value)) : policies.finding,
    ...(fleet.ok ? await checkSources(fleet.value, config.value, rules) : [fleet.finding]),
    ...(await checkNamed(config.value, fleet.ok ? fleet.value.snapshot : undefined, rules)),
  ];
}

function policiesText({ policies }: RulesInForce): string {
  return `${policies.rules.length} rules, revision ${policies.revision.slice(0, 12)}`;
}

async function lookAround(config: DaemonConfig, io: Io): Promise<Attempted<LiveFleet>> {
  const { readFleet } = await import('../../app/live-fleet.ts');
  const { systemClock } = await import('../../app/system-clock.ts');
  return attempt('sources', () => readFleet(config, systemClock(), io.stop));
}

async function checkSources(
  { statuses, snapshot, warnings }: LiveFleet,
  config: DaemonConfig,
  rules: RulesInForce | undefined,
): Promise<readonly Finding[]> {
  const { ownNotes } = await import('../../rules/own-vms.ts');
  const { modeNotes } = await import('../../app/policy-notes.ts');
  const kinds = new Map(config.sources.map(({ id, kind }) => [id, kind]));
  return [
    ...statuses.map((status) =>
      status.state === 'up'
        ? good('source', `${status.source} answers`)
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
      ? good('own', 'no VM here carries this machine unnamed')
      : warning('own', text),
  ];
}

/** What would make moves impossible although everything answers. */
function checkFleet({ hosts, vms }: Snapshot): readonly Finding[] {
  const findings = [good('fleet', `${hosts.length} hosts, ${vms.length} VMs`)];
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
