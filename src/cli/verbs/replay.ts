/**
 * `drover replay`: plans a recorded decision again and compares, byte for byte. Read from the
 * ledger itself, so that it also works without a daemon.
 */

import type { Command } from 'commander';

import type { Replay } from '../../app/replay.ts';
import { formatPlanOutput } from '../../config/plan-output.ts';
import { isIdText, planId } from '../../domain/ids.ts';
import type { Decision } from '../../domain/journal.ts';
import type { Replayable } from '../../ports/ledger.ts';
import { CliError, EXIT, type ExitCode, type Io, printJson, messageOf } from '../io.ts';
import { ledgerOptions, type LedgerOptions, withLedger } from '../ledger.ts';
import { countOf, formatLines, formatTable, formatTime, type Column } from '../table.ts';

const HELP = `
A decision is named by its plan. Exit code 0: the same, byte for byte; 1: it differs, and where and
why is said; 3: what it was planned from is not there any more (replay.keepFor and
replay.keepAtMost of drover.yaml).

Examples:
  drover replay                          the newest decisions
  drover replay plan-3f9c2a1b70de4c58`;

const LIST_HINT = 'drover replay lists the newest decisions';
/** Without a name so many are listed. */
const LISTED = 20;

export function addReplay(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  ledgerOptions(program.command('replay'))
    .description('plan a recorded decision again: does the same come out, byte for byte?')
    .argument('[decision]', 'its plan; without: the newest decisions are listed')
    .addHelpText('after', HELP)
    .action((decision: string | undefined, options: LedgerOptions) =>
      decision === undefined ? list(io, options) : again(io, options, { decision, setExit }),
    );
}

interface Asked {
  readonly decision: string;
  readonly setExit: (code: ExitCode) => void;
}

async function again(io: Io, options: LedgerOptions, { decision, setExit }: Asked): Promise<void> {
  if (!isIdText(decision))
    throw new CliError(EXIT.usage, `${JSON.stringify(decision)} is no id of a plan`, LIST_HINT);
  const found = await withLedger(io, options, (ledger) => ledger.replayable(planId(decision)));
  const { recorded, replay } = await replayed(decision, found);
  if (options.json === true) printJson(io, replayOutput(recorded, replay));
  else io.out(replayText(recorded, replay));
  if (!replay.same) setExit(EXIT.findings);
}

async function replayed(
  name: string,
  found: Replayable,
): Promise<{ readonly recorded: Decision; readonly replay: Replay }> {
  const { replay, whyNot } = await import('../../app/replay.ts');
  const { decision: recorded, inputs } = found;
  if (recorded === undefined || inputs === undefined) {
    throw new CliError(EXIT.unavailable, `${name}: ${whyNot(found) ?? ''}`, LIST_HINT);
  }
  try {
    return { recorded, replay: replay(recorded.result, inputs) };
  } catch (error) {
    throw new CliError(EXIT.unavailable, `${name} cannot be planned again: ${messageOf(error)}`);
  }
}

function replayOutput(recorded: Decision, replay: Replay): object {
  const { result, ...rest } = replay;
  const { plan, at, policyRevision } = recorded;
  return { decision: plan, at, policyRevision, ...rest, plan: formatPlanOutput(result) };
}

function replayText({ plan, at, policyRevision, result }: Decision, replay: Replay): string {
  const moves = countOf(result.plan.moves.length, 'move');
  const head = `${plan} of ${formatTime(at)}: ${moves}, policy ${policyRevision}`;
  const { seed, stepsGranted } = result.report.stats;
  const from = `planned again with seed ${seed} and ${countOf(stepsGranted, 'step')}`;
  const { bytes, differences, reasons, violations } = replay;
  if (replay.same) {
    return formatLines([head, `${from}: the same, byte for byte (${bytes.recorded} bytes)`]);
  }
  return formatLines([
    head,
    `${from}: it differs (${bytes.recorded} bytes then, ${bytes.replayed} now)`,
    ...differences.map(({ path, recorded, replayed: now }) => {
      return `  ${path}: ${valueText(recorded)} then, ${valueText(now)} now`;
    }),
    ...(reasons.length > 0 ? reasons : [SAME_CODE]).map((reason) => `why: ${reason}`),
    ...violations.map(({ detail }) => `the checker of now says: ${detail}`),
  ]);
}

const SAME_CODE =
  'nothing that is known: it is the same code, so the record was changed (drover audit verify), ' +
  'or the planner is not deterministic, which is a bug';

const LONGEST_VALUE = 80;

function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`;
}

const COLUMNS: readonly Column<Decision>[] = [
  { title: 'DECISION', cell: ({ plan }) => plan },
  { title: 'AT', cell: ({ at }) => formatTime(at) },
  { title: 'MOVES', align: 'right', cell: ({ result }) => String(result.plan.moves.length) },
  { title: 'FINDINGS', align: 'right', cell: ({ findings }) => String(findings.length) },
  { title: 'POLICY', cell: ({ policyRevision }) => policyRevision },
];

async function list(io: Io, options: LedgerOptions): Promise<void> {
  const decisions = await withLedger(io, options, (ledger) => ledger.decisions(LISTED));
  if (options.json === true) {
    const rows = decisions.map(({ plan, at, policyRevision, findings, result }) => {
      const { length: moves } = result.plan.moves;
      return { decision: plan, at, moves, findings: findings.length, policyRevision };
    });
    printJson(io, rows);
  } else io.out(decisions.length === 0 ? 'no decisions yet\n' : formatTable(decisions, COLUMNS));
}
