/** `drover why VM|HOST`: why it moved, why it did not, and what would have to change. */

import type { Command } from 'commander';

import type { WhyHostView, WhyView, WhyVmView } from '../../ports/api.ts';
import type { Client } from '../client.ts';
import type { Io } from '../io.ts';
import { formatLines } from '../table.ts';
import { historyText } from './migrations.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

export function addWhy(program: Command, io: Io): void {
  remoteOptions(program.command('why'))
    .description('why a VM or host was (not) moved or relieved')
    .argument('<name>', 'VM or host, by id or name')
    .addHelpText('after', '\nExample:\n  drover why web-1')
    .action((name: string, options: RemoteOptions) =>
      showView(io, options, (client) => askWhy(client, name), whyText),
    );
}

/** One path answers for both; the daemon looks among the VMs first. */
function askWhy(client: Client, name: string): Promise<WhyView> {
  return client.get<WhyView>(`/api/v1/why/${segment(name)}`);
}

export function whyText(view: WhyView): string {
  return view.about === 'host' ? whyHostText(view) : whyVmText(view);
}

function whyHostText(view: WhyHostView): string {
  const lines = [
    `host ${view.host.name}: ${view.host.state}, ${view.host.vms} VMs`,
    'rules:',
    ...view.rules.map((rule) => `  ${rule.truth.padEnd(8)}${rule.rule}: ${rule.text}`),
    view.findings.length === 0 ? 'findings: none' : 'findings:',
    ...view.findings.map((finding) => `  [${finding.tier}] ${finding.text}`),
    ...view.unresolved.map((open) => `left open: ${open.code}: ${open.detail}`),
  ];
  return formatLines(lines);
}

function whyVmText(view: WhyVmView): string {
  const lines = [`VM ${view.vm.name} on ${view.vm.hostName}, ${view.vm.criticality}`];
  for (const move of view.planned) lines.push(`planned to ${move.to}: ${move.text} (${move.gate})`);
  if (view.planned.length === 0) lines.push('the last plan does not move it');
  lines.push(...targetLines(view.hosts));
  for (const hint of hintsOf(view)) lines.push(`hint: ${hint}`);
  return `${formatLines(lines)}${historyText(view.history)}`;
}

/** Hosts with the same reasons stand together: a cluster is often refused as a whole. */
function targetLines(hosts: WhyVmView['hosts']): readonly string[] {
  const byReasons = new Map<string, string[]>();
  for (const { name, refusals } of hosts) {
    const reasons = refusals.map(refusalText).join('');
    byReasons.set(reasons, [...(byReasons.get(reasons) ?? []), name]);
  }
  const free = byReasons.get('') ?? [];
  byReasons.delete('');
  const lines = [`it could go to: ${free.length === 0 ? 'no host' : free.join(', ')}`];
  for (const [reasons, names] of byReasons) lines.push(`not to ${names.join(', ')}:${reasons}`);
  return lines;
}

function refusalText(refusal: WhyVmView['hosts'][number]['refusals'][number]): string {
  const { code, meaning, detail } = refusal;
  return `\n  ${code}: ${meaning}${detail === '' ? '' : ` (${detail})`}`;
}

/** Each hint once, however many hosts it is about. */
function hintsOf(view: WhyVmView): readonly string[] {
  const hints = view.hosts.flatMap((host) => host.refusals.map((refusal) => refusal.hint));
  return [...new Set(hints)].filter((hint) => hint !== '');
}
