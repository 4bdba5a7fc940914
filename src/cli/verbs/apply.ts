/** `drover apply`: has the daemon carry out a saved plan, and follows it to its end. */

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Command } from 'commander';

import type { AppliedMove, ApplyView } from '../../ports/api.ts';
import { askAgain } from '../ask-again.ts';
import { makeClient } from '../client.ts';
import { CliError, EXIT, type ExitCode, printJson, type Io, messageOf } from '../io.ts';
import { formatLines } from '../table.ts';
import { remoteOptions, type RemoteOptions, segment } from './remote.ts';

interface ApplyOptions extends RemoteOptions {
  readonly wait: boolean;
}

const LOOK_EVERY_MS = 1000;

const HELP = `
The order is its own approval. The plan is refused as a whole where the fleet has moved on: a VM
is elsewhere, a host is gone or closed, a limit or rule would be broken now. What is done already
is left alone, so the same plan may be applied twice. Guards hold (pause, budgets, windows); what
they keep back for 30 minutes is given up. After a restart of the daemon what was not begun goes
on (another controller does not take it up). A move is as urgent as the finding that it names is
now; where that is over, it can wait, but what "plan --evacuate" empties cannot. In mode observe
nothing is carried out.

Exit codes: 0 every move succeeded; 1 not every one; 2 refused; 3 no daemon.

Example:
  drover plan --config drover.yaml --json > plan.json
  drover apply plan.json`;

export function addApply(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  remoteOptions(program.command('apply'))
    .description('carry out a saved plan (the output of plan --json)')
    .argument('<plan>', 'file')
    .option('--no-wait', 'do not follow it: print its state and end')
    .addHelpText('after', HELP)
    .action(async (file: string, options: ApplyOptions) => setExit(await apply(io, file, options)));
}

async function apply(io: Io, file: string, options: ApplyOptions): Promise<ExitCode> {
  const body = await planIn(file);
  const client = await makeClient(io, options);
  let view = await client.post<ApplyView>('/api/v1/apply', body);
  const isQuiet = options.json === true;
  let told = isQuiet ? new Map<string, string>() : tell(io, view, new Map());
  while (options.wait && !view.over && !io.stop.aborted) {
    await pause(io);
    view = (await look(io, options, view.id)) ?? view;
    if (!isQuiet) told = tell(io, view, told);
  }
  if (isQuiet) printJson(io, view);
  else io.out(`${summary(view)}\n`);
  const isFine = options.wait ? view.moves.every(({ state }) => state === 'succeeded') : true;
  return isFine ? EXIT.done : EXIT.findings;
}

async function pause({ stop }: Io): Promise<void> {
  // Aborted: it is over at once, and whoever called sees why.
  await sleep(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => undefined);
}

/** Undefined: stopped. A daemon that was started anew has another token: it is read each time. */
function look(io: Io, options: ApplyOptions, id: string): Promise<ApplyView | undefined> {
  const ask = async (): Promise<ApplyView> => {
    const client = await makeClient(io, options);
    return client.get<ApplyView>(`/api/v1/apply/${segment(id)}`);
  };
  return askAgain(ask, {
    stop: io.stop,
    pause: () => pause(io),
    tell: (failure) => io.err(formatLines([`drover: ${failure}; asking again`])),
  });
}

async function planIn(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError(EXIT.usage, `cannot read the plan: ${messageOf(error)}`);
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(EXIT.usage, `${file} is not JSON: ${messageOf(error)}`);
  }
}

/** A line for each move whose state is another than the one that was told. */
function tell(
  io: Io,
  { moves }: ApplyView,
  told: ReadonlyMap<string, string>,
): Map<string, string> {
  const now = new Map(moves.map((move) => [`${move.vm} ${move.from} ${move.to}`, lineOf(move)]));
  const news = [...now].filter(([key, line]) => told.get(key) !== line).map(([, line]) => line);
  if (news.length > 0) io.out(formatLines(news));
  return now;
}

function lineOf({ vm, from, to, state, detail }: AppliedMove): string {
  return `${vm}  ${from} -> ${to}  ${state}${detail === '' ? '' : `: ${detail}`}`;
}

function summary({ id, moves, over }: ApplyView): string {
  const done = moves.filter(({ state }) => state === 'succeeded').length;
  return `${id}: ${done} of ${moves.length} moves done${over ? '' : ', the others go on'}`;
}
