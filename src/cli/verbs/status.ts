/** `drover status`: one screen on how the daemon and the fleet are. */

import type { Command } from 'commander';

import type { SourceStatus } from '../../domain/measured.ts';
import type { LeaseView, StatusView } from '../../ports/api.ts';
import type { Io } from '../io.ts';
import { countOf, formatDuration, formatLines, formatTime } from '../table.ts';
import { breakerLine } from './breaker.ts';
import { remoteOptions, showView, type RemoteOptions } from './remote.ts';

export function addStatus(program: Command, io: Io): void {
  remoteOptions(program.command('status'))
    .description('how the daemon, its sources and the fleet are')
    .addHelpText('after', '\nExample:\n  drover status --json | jq .findings')
    .action((options: RemoteOptions) =>
      showView(io, options, (client) => client.get<StatusView>('/api/v1/status'), statusText),
    );
}

export function statusText(view: StatusView): string {
  const lines = [
    `drover ${view.version}, up ${formatDuration(view.now - view.startedAt)}`,
    view.paused ? `PAUSED by ${view.pausedBy}: nothing moves (drover resume)` : '',
    `mode      ${Object.entries(view.modes).map(pairText).join(', ')}`,
    `policy    ${view.policyRevision.slice(0, 12)}`,
    ...view.policyErrors.map((error) => `          REFUSED edit: ${error}`),
    `fleet     ${view.hosts} hosts, ${view.vms} VMs, ${snapshotText(view)}`,
    ...view.sources.map((source) => `source    ${sourceText(source)}`),
    ...view.leases.map((lease) => `lease     ${leaseText(lease)}`),
    view.ledger.writable ? '' : `ledger    STOPPED, nothing is begun: ${view.ledger.detail}`,
    ...view.breakers.map((one) => `breaker   ${breakerLine(one)}`),
    `moving    ${countOf(view.movesInFlight, 'VM')}${withoutPlace(view)}`,
    ...lastPlanLines(view),
    ...view.notes.map((note) => `          ${note}`),
    view.findings.length === 0 ? 'findings  none' : 'findings',
    ...view.findings.map((finding) => `  [${finding.tier}] ${finding.text}`),
  ];
  return formatLines(lines.filter((line) => line !== ''));
}

function withoutPlace({ movesWithoutPlace: count }: StatusView): string {
  if (count === 0) return '';
  const wait = count === 1 ? '1 move waits' : `${count} moves wait`;
  return `; ${wait} for a place (limits.concurrency.total, of all controllers together)`;
}

function lastPlanLines({ lastPlan, rejectedPlan }: StatusView): readonly string[] {
  if (rejectedPlan === null) return lastPlan === null ? ['last plan none yet'] : linesOf(lastPlan);
  const { id, at, faults } = rejectedPlan;
  return [
    `last plan REJECTED at ${formatTime(at)}, id ${id}: nothing of it runs`,
    ...faults.map((fault) => `          ${fault}`),
    ...(lastPlan === null ? [] : linesOf(lastPlan, 'what cannot wait, alone: ')),
  ];
}

function linesOf(
  { id, at, moves, waiting }: NonNullable<StatusView['lastPlan']>,
  what = '',
): readonly string[] {
  const text = `last plan ${what}${countOf(moves, 'move')} at ${formatTime(at)}, id ${id}`;
  if (waiting === 0) return [text];
  const wait = waiting === 1 ? '1 waits' : `${waiting} wait`;
  return [text, `          ${wait} for an approval: drover approve ${id}`];
}

function pairText([name, mode]: readonly [string, string]): string {
  return `${name}: ${mode}`;
}

function snapshotText(view: StatusView): string {
  if (view.snapshotAt === null) return 'no snapshot yet';
  return `seen ${formatDuration(Math.max(0, view.now - view.snapshotAt))} ago`;
}

function sourceText(source: SourceStatus): string {
  const trouble = source.detail === '' ? '' : `: ${source.detail}`;
  return `${source.source} ${source.state}${trouble}`;
}

function leaseText({ cluster, holder, token, mine, steppedBack }: LeaseView): string {
  if (steppedBack) {
    return `${cluster} STOPPED: the ledger is an older copy (drover lease confirm ${cluster})`;
  }
  const here = mine ? ' (this controller)' : '';
  return `${cluster} ${holder ?? 'nobody'}${here}, token ${token}`;
}
