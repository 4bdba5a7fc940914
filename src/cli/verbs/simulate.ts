/** `drover simulate`: an operator's scenario, played on virtual time through the whole daemon. */

import type { Command } from 'commander';

import type { Simulation } from '../../app/scenario/simulate.ts';
import { formatProblem } from '../../config/problem.ts';
import { summaryLines } from '../estimate-text.ts';
import { CliError, EXIT, type ExitCode, type Io, printJson } from '../io.ts';
import { countOf, formatDuration, formatLines } from '../table.ts';

interface SimulateVerbOptions {
  readonly scenario: string;
  readonly days?: string;
  readonly seed: string;
  readonly json?: boolean;
}

const HELP = `
The file: a fleet, policies and what happens when (policies/examples/scenario.yaml; its schema:
src/app/scenario/scenario.schema.json). Nothing real is asked or moved, and the same file and seed
give the same run. Exit code 1: Drover itself did something wrong (a VM ran twice, a plan had a
fault).

Example:
  drover simulate --scenario policies/examples/scenario.yaml`;

export function addSimulate(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  program
    .command('simulate')
    .description('play a scenario file on virtual time: what would Drover do?')
    .requiredOption('--scenario <file>', 'the scenario: a fleet, policies, what happens when')
    .option('--days <n>', 'play for so long, whatever the file says')
    .option('--seed <n>', 'another seed: other loads and noise, another generated fleet', '1')
    .option('--json', 'print JSON')
    .addHelpText('after', HELP)
    .action((options: SimulateVerbOptions) => run(io, options, setExit));
}

async function run(
  io: Io,
  options: SimulateVerbOptions,
  setExit: (code: ExitCode) => void,
): Promise<void> {
  const seed = seedOf(options.seed);
  const { loadScenario } = await import('../../app/scenario/file.ts');
  const loaded = await loadScenario(options.scenario, seed);
  if (!loaded.ok) throw new CliError(EXIT.usage, loaded.error.map(formatProblem).join('\n'));
  const { simulate } = await import('../../app/scenario/simulate.ts');
  const seconds = secondsOf(options.days) ?? loaded.value.seconds;
  const { stop } = io;
  const how = { seed, summary: summaryLines, stop };
  const played = await simulate({ ...loaded.value, seconds }, how).catch((error: unknown) => {
    if (!stop.aborted) throw error;
    throw new CliError(EXIT.unavailable, 'stopped before the scenario was over');
  });
  const { lines, ...view } = played;
  if (options.json === true) printJson(io, view);
  else io.out(formatLines([...lines, ...sumUp(played)]));
  if (played.faults.length > 0) setExit(EXIT.findings);
}

function sumUp({ seconds, seed, moves, outcomes, down, faults }: Simulation): readonly string[] {
  const counts = Object.entries(outcomes).filter(([, count]) => count > 0);
  const how = counts.map(([outcome, count]) => `${count} ${outcome}`).join(', ');
  const stops = moves.flatMap(({ downtimeSeconds }) => downtimeSeconds ?? []);
  const longest =
    stops.length === 0 ? '' : `; longest downtime ${formatDuration(Math.max(...stops))}`;
  const told = how === '' ? '' : `: ${how}${longest}`;
  return [
    '',
    `${formatDuration(seconds)} with seed ${seed}: ${countOf(moves.length, 'move')}${told}`,
    ...(down.length === 0 ? [] : [`down in the end: ${down.join(', ')}`]),
    ...faults.map((fault) => `FAULT of Drover: ${fault}`),
  ];
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0 && seed <= 0xffff_ffff) return seed;
  throw new CliError(EXIT.usage, `--seed ${text}: expected a whole number from 0 to 4294967295`);
}

const DAY_SECONDS = 86_400;
const MOST_DAYS = 366;

function secondsOf(days: string | undefined): number | undefined {
  if (days === undefined) return undefined;
  const count = Number(days);
  if (count > 0 && count <= MOST_DAYS) return count * DAY_SECONDS;
  throw new CliError(EXIT.usage, `--days ${days}: expected a number above 0, at most ${MOST_DAYS}`);
}
