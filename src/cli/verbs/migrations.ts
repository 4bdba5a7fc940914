/** `drover migrations`, `drover history` and `drover locate`: where VMs went and are going. */

import { setTimeout as sleep } from 'node:timers/promises';

import type { Command } from 'commander';

import type { HistoryEntry } from '../../domain/journal.ts';
import type { LocateView, MigrationView } from '../../ports/api.ts';
import { makeClient } from '../client.ts';
import { CliError, EXIT, printJson, type Io } from '../io.ts';
import {
  formatBytes,
  formatDuration,
  formatLines,
  formatRatio,
  formatTable,
  formatTime,
} from '../table.ts';
import type { Column } from '../table.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

const WATCH_EVERY_MS = 1000;

interface MigrationsOptions extends RemoteOptions {
  readonly watch?: boolean;
  readonly limit: string;
}

interface HistoryOptions extends RemoteOptions {
  readonly plan?: string;
  readonly limit: string;
}

const HISTORY_HELP = `
Examples:
  drover history web-1
  drover history --plan plan-3f9c2a1b70de4c58`;

export function addMigrations(program: Command, io: Io): void {
  remoteOptions(program.command('migrations'))
    .description('moves in flight and the latest that ended')
    .option('-w, --watch', 'again every second, until Ctrl-C')
    .option('--limit <n>', 'how many', '20')
    .addHelpText('after', '\nExample:\n  drover migrations -w')
    .action((options: MigrationsOptions) => showMigrations(io, options));
  remoteOptions(program.command('history'))
    .description('what happened to a VM or host, or became of a plan, newest first')
    .argument('[name]', 'VM or host, by id or name; without: everything')
    .option('--plan <id>', 'what became of this plan, move by move')
    .option('--limit <n>', 'how many', '50')
    .addHelpText('after', HISTORY_HELP)
    .action((name: string | undefined, options: HistoryOptions) =>
      showView(
        io,
        options,
        (client) => client.get<HistoryEntry[]>(historyPath(name, options)),
        historyText,
      ),
    );
  remoteOptions(program.command('locate'))
    .description('where a VM really is, by asking every host now')
    .argument('<vm>', 'VM, by id or name')
    .addHelpText('after', '\nExample:\n  drover locate web-1')
    .action((vm: string, options: RemoteOptions) =>
      showView(
        io,
        options,
        (client) => client.get<LocateView>(`/api/v1/locate/${segment(vm)}`),
        locateText,
      ),
    );
}

async function showMigrations(io: Io, options: MigrationsOptions): Promise<void> {
  const client = await makeClient(io, options);
  const path = `/api/v1/migrations?limit=${limitOf(options.limit)}`;
  do {
    const view = await client.get<MigrationView[]>(path);
    if (options.json === true) printJson(io, view);
    else io.out(`${clearText(io, options)}${migrationsText(view)}`);
    if (options.watch === true) await sleepUntilStop(io);
  } while (options.watch === true && !io.stop.aborted);
}

/** Resolves early, without an error, when the user stops. */
async function sleepUntilStop(io: Io): Promise<void> {
  await sleep(WATCH_EVERY_MS, undefined, { signal: io.stop }).catch((error: unknown) => {
    if (!io.stop.aborted) throw error;
  });
}

function clearText(io: Io, options: MigrationsOptions): string {
  return options.watch === true && io.isTty ? '\u001b[2J\u001b[H' : '';
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
    throw new CliError(EXIT.usage, `--limit ${text}: expected a whole number from 1 to 10000`);
  return limit;
}

function historyPath(name: string | undefined, { plan, limit }: HistoryOptions): string {
  if (name !== undefined && plan !== undefined)
    throw new CliError(EXIT.usage, `${name} and --plan: give one of them`);
  const about = name === undefined ? '' : `&about=${segment(name)}`;
  const of = plan === undefined ? '' : `&plan=${segment(plan)}`;
  return `/api/v1/history?limit=${limitOf(limit)}${about}${of}`;
}

const MIGRATION_COLUMNS: readonly Column<MigrationView>[] = [
  { title: 'VM', cell: (view) => view.record.vmName },
  { title: 'FROM', cell: (view) => view.fromName },
  { title: 'TO', cell: (view) => view.toName },
  { title: 'METHOD', cell: (view) => view.record.move.method },
  { title: 'TIER', cell: (view) => view.record.move.tier },
  { title: 'STARTED', cell: (view) => formatTime(view.record.openedAt) },
  { title: 'STATE', cell: stateText },
  { title: 'TOOK', align: 'right', cell: tookText },
  { title: 'DOWNTIME', align: 'right', cell: downtimeText },
  { title: 'SENT', align: 'right', cell: sentText },
];

function stateText(view: MigrationView): string {
  const { result } = view.record;
  if (result !== undefined)
    return result.detail === '' ? result.outcome : `${result.outcome}: ${result.detail}`;
  if (view.progress === null) return view.record.stages.at(-1)?.stage ?? 'opened';
  return `${view.progress.phase} ${formatRatio(view.progress.done)}`;
}

function tookText(view: MigrationView): string {
  const took = view.record.result?.seconds ?? view.progress?.elapsedSeconds;
  return took === undefined ? '' : formatDuration(took);
}

function downtimeText(view: MigrationView): string {
  const downtime = view.record.result?.downtimeSeconds;
  return downtime === undefined ? '' : formatDuration(downtime);
}

function sentText(view: MigrationView): string {
  const sent = view.record.result?.bytes ?? view.progress?.bytesSent;
  return sent === undefined ? '' : formatBytes(sent);
}

export function migrationsText(view: readonly MigrationView[]): string {
  return view.length === 0 ? 'no moves yet\n' : formatTable(view, MIGRATION_COLUMNS);
}

export function historyText(entries: readonly HistoryEntry[]): string {
  if (entries.length === 0) return 'nothing recorded\n';
  return formatLines(entries.map((entry) => `${formatTime(entry.at)}  ${entry.text}`));
}

export function locateText(view: LocateView): string {
  const lines = view.sightings.map(
    ({ hostName, state, persistent }) =>
      `${view.name} ${state} on ${hostName}${persistent ? ', defined there' : ''}`,
  );
  if (lines.length === 0) lines.push(`${view.name} was found nowhere`);
  if (view.blind.length > 0) lines.push(`these hosts did not answer: ${view.blind.join(', ')}`);
  return `${formatLines(lines)}${view.lastMoves.length > 0 ? historyText(view.lastMoves) : ''}`;
}
