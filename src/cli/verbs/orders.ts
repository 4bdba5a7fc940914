/** `drover evacuate`, `maintenance enter|exit`, `pause`, `resume`, `approve`: a person's orders. */

import type { Command } from 'commander';

import type { OrderView } from '../../ports/api.ts';
import { makeClient, type Client } from '../client.ts';
import { CliError, EXIT, printJson, type Io } from '../io.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

interface OrderOptions extends RemoteOptions {
  readonly reason: string;
  readonly deadline?: string;
}

export function addOrders(program: Command, io: Io): void {
  remoteOptions(program.command('evacuate'))
    .description('move every VM off the hosts, mission-critical first')
    .argument('<host...>', 'hosts, by id or name')
    .option('--reason <text>', 'for the record', 'ordered by an operator')
    .option('--deadline <seconds>', 'to be empty within this many seconds')
    .addHelpText('after', '\nExample:\n  drover evacuate h3 --reason "disk is dying"')
    .action((hosts: string[], options: OrderOptions) =>
      giveOrders(io, options, { kind: 'evacuate', hosts }),
    );
  const maintenance = program.command('maintenance').description('drain a host and return it');
  remoteOptions(maintenance.command('enter'))
    .description('empty the host and keep it empty')
    .argument('<host...>', 'hosts, by id or name')
    .option('--reason <text>', 'for the record', 'maintenance')
    .option('--deadline <seconds>', 'to be empty within this many seconds')
    .addHelpText('after', '\nExample:\n  drover maintenance enter h3 --reason "firmware update"')
    .action((hosts: string[], options: OrderOptions) =>
      giveOrders(io, options, { kind: 'maintenance', hosts }),
    );
  remoteOptions(maintenance.command('exit'))
    .description('return the host to service; its VMs come home')
    .argument('<host...>', 'hosts, by id or name')
    .addHelpText('after', '\nExample:\n  drover maintenance exit h3')
    .action((hosts: string[], options: RemoteOptions) => returnHosts(io, options, hosts));
  addSwitches(program, io);
}

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
    .argument('<plan>', 'id of the plan, as drover status shows it')
    .action((plan: string, options: RemoteOptions) =>
      showView(
        io,
        options,
        (client) => client.post<{ moves: number }>(`/api/v1/plans/${segment(plan)}/approve`),
        (view) => `approved: ${view.moves} moves\n`,
      ),
    );
}

async function giveOrders(
  io: Io,
  options: OrderOptions,
  what: { readonly kind: 'evacuate' | 'maintenance'; readonly hosts: readonly string[] },
): Promise<void> {
  const deadlineSeconds = deadlineOf(options.deadline);
  await forEachHost(io, options, what.hosts, (client, host) =>
    client.post<OrderView>('/api/v1/orders', {
      kind: what.kind,
      host,
      reason: options.reason,
      deadlineSeconds,
    }),
  );
}

async function returnHosts(io: Io, options: RemoteOptions, hosts: string[]): Promise<void> {
  await forEachHost(io, options, hosts, (client, host) =>
    client.post<OrderView>(`/api/v1/hosts/${segment(host)}/return`),
  );
}

async function forEachHost(
  io: Io,
  options: RemoteOptions,
  hosts: readonly string[],
  order: (client: Client, host: string) => Promise<OrderView>,
): Promise<void> {
  const client = makeClient(io, options);
  const views: OrderView[] = [];
  for (const host of hosts) {
    const view = await order(client, host);
    views.push(view);
    if (options.json !== true) io.out(`${view.text}\n`);
  }
  if (options.json === true) printJson(io, views);
}

function deadlineOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new CliError(EXIT.usage, `--deadline ${text}: expected a number of seconds above 0`);
  return value;
}
