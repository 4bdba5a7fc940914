/** What emptying hosts would take, for people: the verdict first, then moves and who stays. */

import { own } from '../domain/own.ts';
import { REFUSAL_CODES } from '../domain/refusal.ts';
import type { EstimateView } from '../ports/api.ts';
import {
  type Column,
  countOf,
  formatBytes,
  formatDuration,
  formatLines,
  formatTable,
} from './table.ts';

type MoveRow = EstimateView['moves'][number];

/** As `--dry-run` prints it. */
export function estimateText(view: EstimateView): string {
  const columns: readonly Column<MoveRow>[] = [
    { title: 'VM', cell: (move) => move.name },
    { title: 'FROM', cell: (move) => move.from },
    { title: 'TO', cell: (move) => move.to },
    { title: 'METHOD', cell: (move) => move.method },
    { title: 'CRITICALITY', cell: (move) => move.criticality },
    { title: 'START', align: 'right', cell: (move) => formatDuration(move.startSeconds) },
    { title: 'TAKES', align: 'right', cell: (move) => formatDuration(move.seconds) },
    { title: 'DOWNTIME', align: 'right', cell: (move) => formatDuration(move.downtimeSeconds) },
    { title: 'BYTES', align: 'right', cell: (move) => formatBytes(move.bytes) },
  ];
  const moves = view.moves.length === 0 ? '' : `${formatTable(view.moves, columns)}\n`;
  return `${moves}${formatLines(summaryLines(view))}`;
}

/** Without the moves: what is told with an order. */
export function summaryLines(view: EstimateView): readonly string[] {
  const names = view.hosts.map(({ name }) => name).join(', ');
  const vms = view.hosts.reduce((sum, host) => sum + host.vms, 0);
  const lines = [`${names}: ${verdictText(view, vms)}`];
  if (view.meetsDeadline === false) {
    lines.push(`not by the deadline in ${formatDuration(view.deadlineSeconds ?? 0)}`);
  }
  for (const { name, host, code, detail, proof } of view.stays) {
    lines.push(`cannot leave ${host}: ${name} (${code})`, `  ${detail}`);
    if (proof !== null) lines.push(`  because ${proof}`);
  }
  for (const rule of view.breaks) lines.push(`the rule ${rule} would be broken meanwhile`);
  for (const { code, detail, moves } of view.held) {
    const why = detail === '' ? meaningOf(code) : `${meaningOf(code)}: ${detail}`;
    lines.push(`held back now: ${countOf(moves, 'move')} (${code}): ${why}`);
  }
  return lines;
}

const BY_MODE: Readonly<Record<string, string>> = {
  'would-execute': 'mode observe: nothing is moved',
  'needs-approval': 'mode approve: somebody has to say yes first',
};

function meaningOf(code: string): string {
  const refusal = own<{ readonly meaning: string }>(REFUSAL_CODES, code);
  return refusal?.meaning ?? own<string>(BY_MODE, code) ?? '';
}

function verdictText({ fits, seconds, stays }: EstimateView, vms: number): string {
  if (vms === 0) return 'empty already';
  if (!fits || seconds === null) return `${stays.length} of ${countOf(vms, 'VM')} cannot leave`;
  return `${countOf(vms, 'VM')} leave in about ${formatDuration(seconds)}, and all have a place`;
}
