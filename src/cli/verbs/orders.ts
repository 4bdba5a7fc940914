/** `drover evacuate`, `maintenance enter|exit`, `pause`, `resume`, `approve`: a person's orders. */

import type { Command } from 'commander';

import { DURATION } from '../../config/quantities.ts';
import type { ApprovalView, EstimateView, HostView, OrderView } from '../../ports/api.ts';
import { makeClient, type Client } from '../client.ts';
import { estimateText, summaryLines } from '../estimate-text.ts';
import { CliError, EXIT, type ExitCode, printJson, type Io } from '../io.ts';
import { refuseUnknown } from '../known-hosts.ts';
import { formatLines } from '../table.ts';
import { areaOf, type AreaOptions, evacuateArea, returnArea } from './areas.ts';
import { addRolling } from './rolling.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

interface OrderOptions extends RemoteOptions {
  readonly reason: string;
  readonly deadline?: string;
  readonly dryRun?: boolean;
  readonly hook?: string;
}

export function addOrders(program: Command, io: Io, setExit: (code: ExitCode) => void): void {
  remoteOptions(program.command('evacuate'))
    .description('move every VM off the hosts, mission-critical first')
    .argument('[host...]', 'hosts, by id or name')
    .option('--site <id>', 'all hosts of the site, to what is elsewhere')
    .option('--cluster <id>', 'all hosts of the cluster, to what is elsewhere')
    .option('--reason <text>', 'for the record', 'ordered by an operator')
    .option('--deadline <time>', 'to be empty within this time: 2h, 90m')
    .option('--dry-run', 'only tell what it would take')
    .addHelpText('after', '\nExample:\n  drover evacuate h3 --reason "disk is dying"')
    .action(async (hosts: string[], options: OrderOptions & AreaOptions) => {
      const area = areaOf(hosts, options);
      const wanted = { kind: 'evacuate', hosts } as const;
      const code =
        area === undefined
          ? await giveOrders(io, options, wanted)
          : await evacuateArea(
              io,
              { ...options, deadlineSeconds: deadlineOf(options.deadline) },
              area,
            );
      setExit(code);
    });
  const maintenance = program.command('maintenance').description('drain a host and return it');
  remoteOptions(maintenance.command('enter'))
    .description('empty the host and keep it empty')
    .argument('<host...>', 'hosts, by id or name')
    .option('--reason <text>', 'for the record', 'maintenance')
    .option('--deadline <time>', 'to be empty within this time: 2h, 90m')
    .option('--dry-run', 'only tell what it would take')
    .option(
      '--hook <name>',
      'what to run when it is empty (drover.yaml); it returns by itself then',
    )
    .addHelpText('after', '\nExample:\n  drover maintenance enter h3 --reason "firmware update"')
    .action(async (hosts: string[], options: OrderOptions) =>
      setExit(await giveOrders(io, options, { kind: 'maintenance', hosts })),
    );
  remoteOptions(maintenance.command('exit'))
    .description('return the host to service; its VMs come home')
    .argument('<host...>', 'hosts, by id or name')
    .addHelpText('after', '\nExample:\n  drover maintenance exit h3')
    .action(async (hosts: string[], options: RemoteOptions) =>
      setExit(await returnHosts(io, options, hosts)),
    );
  remoteOptions(program.command('return'))
    .description('return hosts to service, or a whole site or cluster; VMs come home')
    .argument('[host...]', 'hosts, by id or name')
    .option('--site <id>', 'all hosts of the site')
    .option('--cluster <id>', 'all hosts of the cluster')
    .addHelpText('after', '\nExample:\n  drover return --site east')
    .action(async (hosts: string[], options: RemoteOptions & AreaOptions) => {
      const area = areaOf(hosts, options);
      if (area === undefined) setExit(await returnHosts(io, options, hosts));
      else await returnArea(io, options, area);
    });
  addRolling(maintenance, io, setExit);
  addSwitches(program, io);
}

const APPROVE_HELP = `
The approval is given to the moves: the next plans may carry them out for 30 minutes, whatever else
they change. Another target, method or reason asks again. A move that has run has used it up.`;

function addSwitches(program: Command, io: Io): void {
  for (const [verb, description] of [
    ['pause', 'kill switch: nothing new is started; what moves goes on'],
    ['resume', 'take up work again after a pause'],
  ] as const) {
    remoteOptions(program.command(verb))
      .description(description)
      .action((options: RemoteOptions) =>
        showView(
          io,
          options,
          (client) => client.post<{ paused: boolean }>(`/api/v1/${verb}`),
          (view) => (view.paused ? 'paused: nothing new is started\n' : 'resumed\n'),
        ),
      );
  }
  remoteOptions(program.command('approve'))
    .description('approve the waiting moves of a plan (mode approve)')
    .argument('<plan>', 'id of the plan, as drover status has shown it in the last 30 minutes')
    .addHelpText('after', APPROVE_HELP)
    .action((plan: string, options: RemoteOptions) =>
      showView(
        io,
        options,
        (client) => client.post<ApprovalView>(`/api/v1/plans/${segment(plan)}/approve`),
        (view) => `${view.text}\n`,
      ),
    );
}

interface Wanted {
  readonly kind: 'evacuate' | 'maintenance';
  readonly hosts: readonly string[];
}

async function giveOrders(io: Io, options: OrderOptions, wanted: Wanted): Promise<ExitCode> {
  const { kind, hosts } = wanted;
  const deadlineSeconds = deadlineOf(options.deadline);
  const client = await makeClient(io, options);
  const ask = (): Promise<EstimateView> =>
    client.post<EstimateView>('/api/v1/orders/estimate', { kind, hosts, deadlineSeconds });
  if (options.dryRun === true) {
    const view = await ask();
    if (options.json === true) printJson(io, view);
    else io.out(estimateText(view));
    return view.fits && view.meetsDeadline !== false ? EXIT.done : EXIT.findings;
  }
  const { reason, hook } = options;
  const rest = { kind, reason, deadlineSeconds, hook };
  const code =
    hosts.length > 1
      ? await giveTogether(io, options, { ...rest, hosts })
      : await forEachHost(io, options, hosts, (daemon, host) =>
          daemon.post<OrderView>('/api/v1/orders', { ...rest, host }),
        );
  // An order needs no estimate: where there is none, it is carried out all the same.
  const view = options.json === true ? undefined : await ask().catch(() => undefined);
  if (view !== undefined) io.out(formatLines(summaryLines(view)));
  return code;
}

const UNTOUCHED = '; nothing was ordered';

/** In one call: acted upon at once, no host is taken for a refuge that is to be emptied, too. */
async function giveTogether(
  io: Io,
  options: OrderOptions,
  orders: Wanted & Readonly<Record<string, unknown>>,
): Promise<ExitCode> {
  const client = await makeClient(io, options);
  refuseUnknown(await client.get<HostView[]>('/api/v1/hosts'), orders.hosts, UNTOUCHED);
  const views = await client.post<OrderView[]>('/api/v1/orders/batch', orders);
  if (options.json === true) printJson(io, views);
  else io.out(formatLines(views.map(({ text }) => text)));
  return EXIT.done;
}

async function returnHosts(io: Io, options: RemoteOptions, hosts: string[]): Promise<ExitCode> {
  return forEachHost(io, options, hosts, (client, host) =>
    client.post<OrderView>(`/api/v1/hosts/${segment(host)}/return`),
  );
}

/** What became of a host for which the order was refused. */
interface RefusedOrder {
  readonly host: string;
  readonly problem: { readonly detail: string; readonly hint: string; readonly exitCode: ExitCode };
}

/**
 * Looks all hosts up before the first order is given, so that a slip of the pen leaves nothing
 * half-applied. What fails after that fails for its own host only; each one's result is told.
 */
async function forEachHost(
  io: Io,
  options: RemoteOptions,
  hosts: readonly string[],
  order: (client: Client, host: string) => Promise<OrderView>,
): Promise<ExitCode> {
  const client = await makeClient(io, options);
  const known = hosts.length > 1 ? await client.get<HostView[]>('/api/v1/hosts') : undefined;
  if (known !== undefined) refuseUnknown(known, hosts, UNTOUCHED);
  const results: (OrderView | RefusedOrder)[] = [];
  for (const host of new Set(hosts)) {
    const result = await order(client, host).catch((error: unknown) => refusedOrder(host, error));
    results.push(result);
    if (options.json !== true) tellResult(io, result);
  }
  if (options.json === true) printJson(io, results);
  const codes = results.map(exitCodeOf);
  return codes.toSorted((a, b) => b - a)[0] ?? EXIT.done;
}

/** Only what the daemon answered, or that it did not: anything else is a fault of ours. */
function refusedOrder(host: string, error: unknown): RefusedOrder {
  if (!(error instanceof CliError)) throw error;
  return { host, problem: { detail: error.message, hint: error.hint, exitCode: error.exitCode } };
}

function exitCodeOf(result: OrderView | RefusedOrder): ExitCode {
  return 'problem' in result ? result.problem.exitCode : EXIT.done;
}

function tellResult(io: Io, result: OrderView | RefusedOrder): void {
  if (!('problem' in result)) {
    io.out(formatLines([result.text]));
    return;
  }
  const { detail, hint } = result.problem;
  io.err(formatLines([`drover: ${result.host}: ${detail}`]));
  if (hint !== '') io.err(formatLines([`hint: ${hint}`]));
}

function deadlineOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const parsed = DURATION.parse(text);
  const value = parsed.ok ? parsed.value : Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new CliError(EXIT.usage, `--deadline ${text}: expected ${DURATION.expected}, above 0`);
  return value;
}
