/** `drover plan`: one dry tick on a file or on live sources, or the newest plan of the daemon. */

import type { Command } from 'commander';

import type { DryTick } from '../../app/dry-tick.ts';
import { findNamed } from '../../app/views.ts';
import type { PlanOutput } from '../../config/plan-output.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { HostId } from '../../domain/ids.ts';
import { seconds } from '../../domain/units.ts';
import type { HostView, VmView } from '../../ports/api.ts';
import { makeClient } from '../client.ts';
import type { FleetInput } from '../inputs.ts';
import { CliError, EXIT, printJson, type ExitCode, type Io } from '../io.ts';
import { planText } from '../plan-text.ts';
import { formatLines } from '../table.ts';
import { remoteOptions, type RemoteOptions } from './remote.ts';

interface PlanOptions extends RemoteOptions {
  readonly fleet?: string;
  readonly config?: string;
  readonly policy?: string[];
  readonly seed: string;
  readonly assumeHeld: boolean;
  readonly evacuate?: string[];
}

const EXAMPLES = `
Examples:
  drover plan --fleet fleet.json                    what would be moved, and why
  drover plan --fleet fleet.json --evacuate h3      what emptying h3 would take
  drover plan --config drover.yaml                  read the real cluster, move nothing
  drover plan                                       the newest plan of the running daemon`;

export function addPlan(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  remoteOptions(program.command('plan'), { config: false })
    .description('one dry tick with reasons; nothing is moved')
    .option('--fleet <file>', 'plan for the fleet in this file')
    .option('--config <file>', 'read the sources of this drover.yaml, and plan for them')
    .option(
      '--policy <file...>',
      'policy files (default: those of --config, else the shipped default policy)',
    )
    .option('--evacuate <host...>', 'as if these hosts were ordered empty')
    .option('--seed <n>', 'of the search', '1')
    .option('--no-assume-held', 'values of a fleet file are one sample, not a held window')
    .addHelpText('after', EXAMPLES)
    .action(async (options: PlanOptions) => setExit(await planVerb(io, options)));
}

async function planVerb(io: Io, options: PlanOptions): Promise<ExitCode> {
  refuseContradictions(options);
  if (options.fleet === undefined && options.config === undefined) return newestPlan(io, options);
  const { dryTick } = await import('../../app/dry-tick.ts');
  const { formatPlanOutput } = await import('../../config/plan-output.ts');
  const { loadPolicySet } = await import('../inputs.ts');
  const { snapshot, notes, orders, policyFiles } = await readInput(io, options);
  const started = performance.now();
  const { policies, rules } = await loadPolicySet(options.policy ?? policyFiles);
  const evacuate = (options.evacuate ?? []).map((name) => hostNamed(snapshot, name));
  const seed = seedOf(options.seed);
  const tick = await dryTick({ snapshot, policies, rules, seed, orders, evacuate });
  const output = formatPlanOutput(
    tick.result,
    seconds((performance.now() - started) / 1000),
    notes,
  );
  if (options.json === true) printJson(io, output);
  else io.out(`${findingsText(tick)}${planText(output, namesOf(tick.snapshot))}`);
  return violationsExit(io, tick);
}

async function newestPlan(io: Io, options: PlanOptions): Promise<ExitCode> {
  const client = await makeClient(io, options);
  const plan = await client.get<PlanOutput>('/api/v1/plan');
  if (options.json === true) {
    printJson(io, plan);
    return EXIT.done;
  }
  const hosts = await client.get<HostView[]>('/api/v1/hosts');
  const vms = await client.get<VmView[]>('/api/v1/vms');
  io.out(planText(plan, namesOf({ hosts, vms })));
  return EXIT.done;
}

/** An option that would have no effect is refused: its author believes that it has one. */
function refuseContradictions({ fleet, config, policy, evacuate }: PlanOptions): void {
  if (fleet !== undefined && config !== undefined)
    throw new CliError(EXIT.usage, '--fleet and --config: give one of them');
  if (fleet !== undefined || config !== undefined) return;
  const idle = policy === undefined ? evacuate && '--evacuate' : '--policy';
  if (idle !== undefined)
    throw new CliError(
      EXIT.usage,
      `${idle} needs --fleet or --config: without them the running daemon's own plan is shown`,
    );
}

async function readInput(io: Io, options: PlanOptions): Promise<FleetInput> {
  const { loadFleet, readLiveFleet } = await import('../inputs.ts');
  if (options.fleet !== undefined)
    return loadFleet(options.fleet, { assumeHeld: options.assumeHeld });
  return readLiveFleet(io, options.config ?? '');
}

/** A plan that the checker faults is a bug of ours: said loudly, and never carried out. */
function violationsExit(io: Io, tick: DryTick): ExitCode {
  for (const { code, move, detail } of tick.violations)
    io.err(formatLines([`violation: ${code} ${move ?? ''}: ${detail}`]));
  return tick.violations.length === 0 ? EXIT.done : EXIT.findings;
}

function hostNamed(snapshot: Snapshot, name: string): HostId {
  const host = findNamed(snapshot.hosts, name);
  if (host === undefined)
    throw new CliError(EXIT.usage, `--evacuate ${name}: no host has this id or (unique) name`);
  return host.id;
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff)
    throw new CliError(EXIT.usage, `--seed ${text}: expected a whole number from 0 to 2^32 - 1`);
  return seed;
}

function findingsText({ findings }: DryTick): string {
  if (findings.length === 0) return 'no findings\n';
  return `${formatLines(findings.map((finding) => `[${finding.tier}] ${finding.text}`))}\n`;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

function namesOf(fleet: {
  readonly hosts: readonly Named[];
  readonly vms: readonly Named[];
}): ReadonlyMap<string, string> {
  return new Map([...fleet.hosts, ...fleet.vms].map(({ id, name }) => [id, name]));
}
