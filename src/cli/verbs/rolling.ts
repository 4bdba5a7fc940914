/** `drover maintenance rolling|status|pause|resume|cancel`: many hosts, group after group. */

import type { Command } from 'commander';

import type { RollingPlanView, RollingView } from '../../ports/api.ts';
import { makeClient } from '../client.ts';
import { CliError, EXIT, type ExitCode, printJson, type Io } from '../io.ts';
import { formatDuration, formatLines } from '../table.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

interface RollingOptions extends RemoteOptions {
  readonly reason: string;
  readonly batch: string;
  readonly hook?: string;
  readonly dryRun?: boolean;
}

export function addRolling(maintenance: Command, io: Io, setExit: (code: ExitCode) => void): void {
  remoteOptions(maintenance.command('rolling'))
    .description('maintenance of many hosts, one group after the other')
    .argument('<name...>', 'hosts or clusters; their turn is in this order')
    .option('--reason <text>', 'for the record', 'maintenance')
    .option('--batch <hosts>', 'at most so many at once, where they fit', '1')
    .option('--hook <name>', 'what to run on each when it is empty (drover.yaml)')
    .option('--dry-run', 'only tell the groups')
    .addHelpText('after', '\nExample:\n  drover maintenance rolling c1 --batch 2 --hook patch')
    .action(async (names: string[], options: RollingOptions) =>
      setExit(await startRolling(io, options, names)),
    );
  remoteOptions(maintenance.command('status'))
    .description('how far rolling maintenance is')
    .action((options: RemoteOptions) =>
      showView(
        io,
        options,
        (client) => client.get<RollingView[]>('/api/v1/rollings'),
        (views) => formatLines(views.length === 0 ? ['none is under way'] : views.flatMap(linesOf)),
      ),
    );
  for (const [verb, description] of [
    ['pause', 'rolling maintenance takes on no further host'],
    ['resume', 'rolling maintenance goes on, also after it has stopped by itself'],
    ['cancel', 'rolling maintenance ends with the hosts that it has begun'],
  ] as const) {
    remoteOptions(maintenance.command(verb))
      .description(description)
      .argument('<id>', 'of the rolling maintenance')
      .action((id: string, options: RemoteOptions) =>
        showView(
          io,
          options,
          (client) => client.post<RollingView>(`/api/v1/rollings/${segment(id)}/${verb}`),
          (view) => formatLines(linesOf(view)),
        ),
      );
  }
}

async function startRolling(io: Io, options: RollingOptions, names: string[]): Promise<ExitCode> {
  const { reason, hook, dryRun } = options;
  const batch = Number(options.batch);
  if (!Number.isInteger(batch) || batch < 1) {
    throw new CliError(EXIT.usage, `--batch ${options.batch}: expected a number of hosts from 1`);
  }
  const client = await makeClient(io, options);
  const wanted = { names, batch, hook, reason, dryRun };
  const view = await client.post<RollingPlanView>('/api/v1/rollings', wanted);
  if (options.json === true) printJson(io, view);
  else io.out(formatLines(planLines(view, dryRun === true)));
  return view.groups.every(({ fits }) => fits) ? EXIT.done : EXIT.findings;
}

function planLines({ id, groups }: RollingPlanView, isDry: boolean): readonly string[] {
  const lines = groups.flatMap(({ hosts, fits, seconds, reasons }, index) => {
    const takes = seconds === null ? '' : `, empty in about ${formatDuration(seconds)}`;
    const verdict = fits ? `fits${takes}` : 'does not fit';
    return [
      `group ${index + 1}: ${hosts.join(', ')}: ${verdict}`,
      ...reasons.map((one) => `  ${one}`),
    ];
  });
  if (id !== null) return [...lines, `begun as ${id}: drover maintenance status`];
  return isDry ? lines : [...lines, 'nothing was ordered: not every host can be emptied'];
}

function linesOf(view: RollingView): readonly string[] {
  const list = (hosts: readonly string[]): string => (hosts.length === 0 ? '-' : hosts.join(', '));
  const active = view.active.map(({ host, state }) => `${host} (${state})`);
  const held = view.heldBy === null ? [] : [`  held: ${view.heldBy}`];
  return [
    `${view.id}: ${view.reason}, by ${view.by}`,
    `  done: ${list(view.done)}`,
    `  under way: ${list(active)}`,
    `  waiting: ${list(view.waiting)}`,
    ...held,
  ];
}
