/** `drover hosts` and `drover vms`: what there is, where it runs and how loaded it is. */

import type { Command } from 'commander';

import type { HostView, VmView } from '../../ports/api.ts';
import type { Client } from '../client.ts';
import type { Io } from '../io.ts';
import { knownHost } from '../known-hosts.ts';
import { formatBytes, formatCores, formatRatio, formatTable, type Column } from '../table.ts';
import { remoteOptions, showView, type RemoteOptions } from './remote.ts';

export function addInventory(program: Command, io: Io): void {
  remoteOptions(program.command('hosts'))
    .description('hosts with state, load and findings')
    .addHelpText('after', '\nExample:\n  drover hosts')
    .action((options: RemoteOptions) =>
      showView(io, options, (client) => client.get<HostView[]>('/api/v1/hosts'), hostsText),
    );
  remoteOptions(program.command('vms'))
    .description('VMs with host, criticality, size and load')
    .option('--host <host>', 'only those on this host (id or name)')
    .addHelpText('after', '\nExample:\n  drover vms --host h3')
    .action((options: RemoteOptions & { readonly host?: string }) =>
      showView(io, options, (client) => vmsOn(client, options.host), vmsText),
    );
}

/** A host that is not there is refused: it is no empty one, whose power could be switched off. */
async function vmsOn(client: Client, host: string | undefined): Promise<readonly VmView[]> {
  const ask = (): Promise<VmView[]> => client.get<VmView[]>('/api/v1/vms');
  if (host === undefined) return ask();
  const { id } = knownHost(await client.get<HostView[]>('/api/v1/hosts'), host);
  return (await ask()).filter((vm) => vm.host === id);
}

const HOST_COLUMNS: readonly Column<HostView>[] = [
  { title: 'HOST', cell: (host) => host.name },
  { title: 'CLUSTER', cell: (host) => host.cluster ?? '-' },
  { title: 'STATE', cell: stateText },
  { title: 'CPU', align: 'right', cell: (host) => formatRatio(host.cpuRatio) },
  { title: 'MEMORY', align: 'right', cell: (host) => formatRatio(host.memoryRatio) },
  { title: 'OF', align: 'right', cell: (host) => formatBytes(host.memoryBytes) },
  { title: 'THREADS', align: 'right', cell: (host) => String(host.threads) },
  { title: 'VMS', align: 'right', cell: (host) => String(host.vms) },
  { title: 'FINDINGS', cell: (host) => host.findings.join(', ') },
];

function stateText(host: HostView): string {
  return host.connection === 'connected' ? host.state : `${host.state}, ${host.connection}`;
}

export function hostsText(hosts: readonly HostView[]): string {
  return formatTable(hosts, HOST_COLUMNS);
}

const VM_COLUMNS: readonly Column<VmView>[] = [
  { title: 'VM', cell: (vm) => vm.name },
  { title: 'HOST', cell: (vm) => vm.hostName },
  { title: 'CRITICALITY', cell: (vm) => vm.criticality },
  { title: 'STATE', cell: (vm) => (vm.moving ? 'moving' : vm.powerState) },
  { title: 'MAY', cell: (vm) => vm.permission },
  { title: 'VCPUS', align: 'right', cell: (vm) => String(vm.vcpus) },
  { title: 'CPU', align: 'right', cell: (vm) => formatCores(vm.cpuCores) },
  { title: 'MEMORY', align: 'right', cell: (vm) => formatBytes(vm.memoryBytes) },
];

export function vmsText(vms: readonly VmView[]): string {
  return formatTable(vms, VM_COLUMNS);
}
