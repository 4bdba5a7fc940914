/** `drover observed`: what mode observe would have done, beside what really happened. */

import type { Command } from 'commander';

import type { ObservedMoveView, ObservedView } from '../../ports/api.ts';
import { CliError, EXIT, type Io } from '../io.ts';
import { formatLines, formatTable, formatTime, type Column } from '../table.ts';
import { remoteOptions, showView, type RemoteOptions } from './remote.ts';

interface ObservedOptions extends RemoteOptions {
  readonly days: string;
  readonly limit: string;
}

const HELP = `
Examples:
  drover observed
  drover observed --days 1 --limit 500`;

export function addObserved(program: Command, io: Io): void {
  remoteOptions(program.command('observed'))
    .description('what mode observe would have moved, and what really happened')
    .option('--days <n>', 'settled within so many days', '14')
    .option('--limit <n>', 'how many to list; all are counted', '50')
    .addHelpText('after', HELP)
    .action((options: ObservedOptions) =>
      showView(
        io,
        options,
        (client) => client.get<ObservedView>(pathOf(options)),
        (view) => observedText(view),
      ),
    );
}

function pathOf({ days, limit }: ObservedOptions): string {
  const [asked, most] = [wholeOf('--days', days, 90), wholeOf('--limit', limit, 10_000)];
  return `/api/v1/observed?days=${asked}&limit=${most}`;
}

function wholeOf(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new CliError(EXIT.usage, `${option} ${text}: expected a whole number from 1 to ${most}`);
}

const COLUMNS: readonly Column<ObservedMoveView>[] = [
  { title: 'FIRST WANTED', cell: ({ firstAt }) => formatTime(firstAt) },
  { title: 'VM', cell: ({ name }) => name },
  { title: 'FROM', cell: ({ fromName }) => fromName },
  { title: 'TO', cell: ({ toName }) => toName },
  { title: 'REALLY', cell: ({ text }) => text },
  { title: 'WHY', cell: ({ why }) => why },
];

export function observedText({ since, summary, open, settled }: ObservedView): string {
  const lines = [
    formatLines([`since ${formatTime(since)}, ${summary.text}`]),
    part('open', open, summary.open),
    part('settled, newest first', settled, summary.settled),
  ];
  return lines.join('');
}

function part(title: string, moves: readonly ObservedMoveView[], count: number): string {
  if (moves.length === 0) return '';
  const more = count > moves.length ? ` (${moves.length} of ${count})` : '';
  return `\n${title}${more}:\n${formatTable(moves, COLUMNS)}`;
}
