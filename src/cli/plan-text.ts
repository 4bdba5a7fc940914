/** A plan for people: the moves in order with their reasons, and what is left open. */

import type { PlanOutput } from '../config/plan-output.ts';
import { own } from '../domain/own.ts';
import { REFUSAL_CODES } from '../domain/refusal.ts';
import {
  countOf,
  formatBytes,
  formatDuration,
  formatLines,
  formatTable,
  type Column,
} from './table.ts';

type MoveRow = PlanOutput['moves'][number];

/** @param names of hosts and VMs by id; ids are shown where it has none. */
export function planText(plan: PlanOutput, names: ReadonlyMap<string, string>): string {
  const name = (id: string): string => names.get(id) ?? id;
  const parts = [movesText(plan.moves, name), summaryText(plan), openText(plan, name)];
  return parts.filter((part) => part !== '').join('\n');
}

function movesText(moves: readonly MoveRow[], name: (id: string) => string): string {
  if (moves.length === 0) return '';
  // The reason is often one sentence for dozens of moves: said once, below.
  const reasons = [...new Set(moves.map(({ reason }) => reason.text))];
  const columns: readonly Column<MoveRow>[] = [
    { title: 'VM', cell: (move) => name(move.vm) },
    { title: 'FROM', cell: (move) => name(move.from) },
    { title: 'TO', cell: (move) => name(move.to) },
    { title: 'METHOD', cell: (move) => move.method },
    { title: 'TIER', cell: (move) => move.tier },
    { title: 'CRITICALITY', cell: (move) => move.criticality },
    { title: 'START', align: 'right', cell: (move) => formatDuration(move.predicted.startSeconds) },
    { title: 'TAKES', align: 'right', cell: (move) => formatDuration(move.predicted.seconds) },
    {
      title: 'DOWNTIME',
      align: 'right',
      cell: (move) => formatDuration(move.predicted.downtimeSeconds),
    },
    { title: 'BYTES', align: 'right', cell: (move) => formatBytes(move.predicted.bytes) },
    { title: 'EFFECT', cell: (move) => effectText(move, name) },
    { title: 'WHY', cell: (move) => `(${reasons.indexOf(move.reason.text) + 1})` },
  ];
  const legend = reasons.map((text, index) => `(${index + 1}) ${text}`);
  return `${formatTable(moves, columns)}\n${formatLines(legend)}`;
}

/** What gets better by the move: "h1 CPU 91 -> 84 %"; what it costs its target is not repeated. */
export function effectText({ from, reason }: MoveRow, name: (id: string) => string): string {
  const better = (reason.effects ?? []).filter(({ before, after }) => after < before);
  const [left] = better.filter(({ term }) => term === 'to-leave');
  const saved = better.find(({ term }) => term === 'power');
  if (left !== undefined) {
    const watts = saved === undefined ? '' : `, saves ${Math.round(saved.before)} W`;
    return `${left.after} left on ${name(from)}${watts}`;
  }
  const rules = better.filter(({ term }) => term === 'rule');
  if (rules.length > 0) {
    return rules.map(({ rule, before, after }) => `${rule} ${before} -> ${after}`).join(', ');
  }
  const isOwn = (term: string, host: string | undefined): boolean =>
    host === from && (term === 'cpu' || term === 'resource');
  const [own, scarce] = better.filter(({ term, host }) => isOwn(term, host));
  // A resource is told of where there is too little of it: then it is what the move is about.
  const use = scarce ?? own;
  if (use === undefined) return '';
  const [was, now] = [use.before, use.after].map((share) => Math.round(100 * share));
  return `${name(from)} ${use.resource ?? 'CPU'} ${was} -> ${now} %`;
}

function summaryText(plan: PlanOutput): string {
  const { before, after } = plan.objective;
  const bytes = plan.moves.reduce((sum, move) => sum + move.predicted.bytes, 0);
  const ends = plan.moves.map(({ predicted }) => predicted.startSeconds + predicted.seconds);
  const lines = plan.notes.map((note) => note);
  if (plan.moves.length > 0) {
    const takes = formatDuration(Math.max(...ends));
    const moves = countOf(plan.moves.length, 'move');
    lines.push(`${moves}, ${formatBytes(bytes)} to send, done in about ${takes}`);
    lines.push(`objective ${before.toFixed(3)} -> ${after.toFixed(3)} (lower is better)`);
  }
  return lines.length === 0 ? '' : formatLines(lines);
}

function openText(plan: PlanOutput, name: (id: string) => string): string {
  const contradictory = (plan.contradictions ?? []).map(
    ({ text }) => `contradictory rules: ${text}`,
  );
  const open = plan.unresolved.flatMap(({ host, vm, code, detail, proof }) => {
    const subject = host === undefined ? `VM ${name(vm ?? '?')}` : name(host);
    const because = proof === undefined ? [] : [`  because ${proof.text}`];
    return [`left open: ${subject} (${code})`, `  ${detail}`, ...because];
  });
  const lines = [...contradictory, ...open];
  // That a VM is where it is tells nobody why it stays there.
  const refusals = Object.entries(plan.refusals).filter(([code]) => code !== 'same-host');
  if (refusals.length > 0) {
    lines.push('pairs of VM and host that were refused:');
    for (const [code, count] of refusals) lines.push(`  ${count} ${code}: ${meaningOf(code)}`);
  }
  return lines.length === 0 ? '' : formatLines(lines);
}

function meaningOf(code: string): string {
  return own<{ readonly meaning: string }>(REFUSAL_CODES, code)?.meaning ?? '';
}
