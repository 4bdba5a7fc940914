/** `drover why VM|HOST`, `drover why VM HOST`: why it (not) moved, and what would change that. */

import type { Command } from 'commander';

import type { WhyHostView, WhyView, WhyVmView } from '../../ports/api.ts';
import type { Client } from '../client.ts';
import type { Io } from '../io.ts';
import { formatLines } from '../table.ts';
import { historyText } from './migrations.ts';
import { breakerLine } from './breaker.ts';
import { remoteOptions, segment, showView, type RemoteOptions } from './remote.ts';

export function addWhy(program: Command, io: Io): void {
  remoteOptions(program.command('why'))
    .description('why a VM or host was (not) moved or relieved')
    .argument('<name>', 'VM or host, by id or name')
    .argument('[host]', 'of a VM: only what speaks against this host')
    .addHelpText('after', '\nExamples:\n  drover why web-1\n  drover why web-1 host-7')
    .action((name: string, host: string | undefined, options: RemoteOptions) =>
      showView(io, options, (client) => askWhy(client, name, host), whyText),
    );
}

/** One path answers for both; the daemon looks among the VMs first. */
function askWhy(client: Client, name: string, host: string | undefined): Promise<WhyView> {
  const only = host === undefined ? '' : `?host=${segment(host)}`;
  return client.get<WhyView>(`/api/v1/why/${segment(name)}${only}`);
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
    ...view.breakers.map((one) => `breaker: ${breakerLine(one)}`),
    ...view.unresolved.flatMap(openLines),
  ];
  return formatLines(lines);
}

function whyVmText(view: WhyVmView): string {
  const lines = [`VM ${view.vm.name} on ${view.vm.hostName}, ${view.vm.criticality}`];
  for (const move of view.planned) {
    lines.push(`planned to ${move.to}: ${move.text} (${move.gate})`, ...gainLines(move.terms));
  }
  if (view.planned.length === 0) lines.push('the last plan does not move it');
  lines.push(...view.unresolved.flatMap(openLines));
  lines.push(...targetLines(view.hosts));
  for (const hint of hintsOf(view)) lines.push(`hint: ${hint}`);
  return `${formatLines(lines)}${historyText(view.history)}`;
}

function openLines({ code, detail, proof }: WhyHostView['unresolved'][number]): string[] {
  const said = `left open: ${code}: ${detail}`;
  return proof === undefined ? [said] : [said, `  because ${proof.text}`];
}

/** Changes of the objective that are worth a word. */
const LEAST_CHANGE = 0.0005;

function gainLines(terms: Readonly<Record<string, number>>): string[] {
  const changes = Object.entries(terms).filter(([, change]) => Math.abs(change) >= LEAST_CHANGE);
  if (changes.length === 0) return [];
  const told = changes.map(([term, by]) => `${term} ${by > 0 ? '+' : ''}${by.toFixed(3)}`);
  return [`  objective (lower is better): ${told.join(', ')}`];
}

/** Hosts with the same reasons stand together: a cluster is often refused as a whole. */
function targetLines(hosts: WhyVmView['hosts']): readonly string[] {
  const free = namesOf(hosts.filter(({ refusals }) => refusals.length === 0));
  const lines = [`it could go to: ${free === '' ? 'no host' : free}`];
  const refused = hosts.filter(({ refusals }) => refusals.length > 0);
  const byReasons = Map.groupBy(refused, ({ refusals }) => refusals.map(refusalText).join('\n'));
  for (const alike of byReasons.values()) {
    const reasons = alike[0]?.refusals ?? [];
    lines.push(`not to ${namesOf(alike)}:`, ...reasons.map((one) => `  ${refusalText(one)}`));
  }
  return lines;
}

function namesOf(hosts: WhyVmView['hosts']): string {
  return hosts.map(({ name }) => name).join(', ');
}

function refusalText(refusal: WhyVmView['hosts'][number]['refusals'][number]): string {
  const { code, meaning, detail } = refusal;
  return `${code}: ${meaning}${detail === '' ? '' : ` (${detail})`}`;
}

/** Each hint once, however many hosts it is about. */
function hintsOf(view: WhyVmView): readonly string[] {
  const hints = view.hosts.flatMap((host) => host.refusals.map((refusal) => refusal.hint));
  return [...new Set(hints)].filter((hint) => hint !== '');
}
