/**
 * A plan for people: its moves under the reasons that they serve. A plan of many moves is told by
 * source host instead of move by move.
 */

import { listed } from '../../domain/listed.ts';
import type { EventMap } from '../../domain/events.ts';
import { TIERS } from '../../domain/finding.ts';
import type { GateVerdict } from '../../domain/journal.ts';
import { own } from '../../domain/own.ts';
import type { Move, Unresolved } from '../../domain/plan.ts';
import { REFUSAL_CODES } from '../../domain/refusal.ts';
import { CRITICALITIES } from '../../domain/vm.ts';
import { printable } from '../printable.ts';
import type { Names } from './names.ts';
import { countText, durationText, nameText, percentText, sizeText, tallyText } from './text.ts';

/** Up to so many moves are listed one by one. */
const MOST_LISTED = 12;
const MOST_NAMES = 6;

type VmNames = EventMap['planned']['vmNames'];

/** "5 moves (2 mandatory, 3 optional), 20.0 GiB in about 2 min". */
export function planHeadline(moves: readonly Move[]): string {
  const tiers = tallyText(
    moves.map(({ tier }) => tier),
    TIERS,
  );
  const end = Math.max(
    ...moves.map((move) => move.predicted.startSeconds + move.predicted.seconds),
  );
  const size = sizeText(sumOf(moves.map((move) => move.predicted.bytes)));
  return `${countText(moves.length, 'move')} (${tiers}), ${size} in about ${durationText(end)}`;
}

/** The lines below the headline. `moves` are those that are new. */
export function planLines(moves: readonly Move[], vmNames: VmNames, names: Names): string[] {
  const tell = moves.length > MOST_LISTED ? groupLines : moveLines;
  const byReason = Map.groupBy(moves, ({ reason }) => reason.text);
  return [...byReason].flatMap(([reason, served]) => [
    `because ${printable(reason)}`,
    ...tell(served, vmNames, names).map((line) => `  ${line}`),
  ]);
}

function moveLines(moves: readonly Move[], vmNames: VmNames, names: Names): string[] {
  const rows = moves.map((move) => [
    nameText(own(vmNames, move.vm) ?? names.vm(move.vm)),
    `${names.host(move.from)} → ${names.host(move.to)}`,
    move.method,
    move.criticality,
    sizeText(move.predicted.bytes),
    `about ${durationText(move.predicted.seconds)}, ` +
      `downtime ${durationText(move.predicted.downtimeSeconds)}`,
  ]);
  return aligned(rows);
}

function groupLines(moves: readonly Move[], vmNames: VmNames, names: Names): string[] {
  return [...Map.groupBy(moves, ({ from }) => from)].map(([from, leaving]) => {
    const targets = [...Map.groupBy(leaving, ({ to }) => to)]
      .map(([to, arriving]) => `${names.host(to)} ×${arriving.length}`)
      .toSorted();
    const ranks = tallyText(
      leaving.map(({ criticality }) => criticality),
      CRITICALITIES,
    );
    const vms = leaving.map(({ vm }) => nameText(own(vmNames, vm) ?? names.vm(vm)));
    return (
      `${names.host(from)} → ${listed(targets, MOST_NAMES)}: ${ranks}; ` +
      `first ${listed(vms, MOST_NAMES)}`
    );
  });
}

/** Columns as wide as their widest cell. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Smaller gains are not worth a word. */
const LEAST_GAIN = 0.01;

/** "objective 12.30 → 4.10 (-67 %)"; undefined where the plan is not for the objective's sake. */
export function objectiveText(before: number, after: number): string | undefined {
  if (!(before > 0) || !((before - after) / before >= LEAST_GAIN)) return undefined;
  const share = percentText((after - before) / before);
  return `objective ${before.toFixed(2)} → ${after.toFixed(2)} (${share})`;
}

/** What cannot be done, by reason: "db-1, db-2: memory (needs 8.0 GiB, 3.1 GiB free)". */
export function unresolvedLines(open: readonly Unresolved[], names: Names): string[] {
  return [...Map.groupBy(open, ({ code }) => code)].map(([code, items]) => {
    const who = items.map(({ subject }) =>
      subject.kind === 'host' ? `host ${names.host(subject.host)}` : names.vm(subject.vm),
    );
    const figures = items.find(({ detail }) => detail !== '')?.detail;
    const why = printable(figures ?? REFUSAL_CODES[code].meaning);
    return `${listed([...new Set(who)], MOST_NAMES)}: ${code} (${why})`;
  });
}

/** What the gate does not let through, by what it said. */
export function gateLines(
  verdicts: readonly GateVerdict[],
  nameOf: (move: string) => string,
): string[] {
  const said = verdicts.flatMap((verdict) => {
    const words = gateWords(verdict);
    return words === undefined ? [] : [[words, nameOf(verdict.move)] as const];
  });
  return [...Map.groupBy(said, ([words]) => words)].map(
    ([words, pairs]) =>
      `${countText(pairs.length, 'move')} ${words}: ` +
      listed(
        pairs.map(([, name]) => name),
        MOST_NAMES,
      ),
  );
}

function gateWords({ verdict, refusals }: GateVerdict): string | undefined {
  if (verdict === 'execute') return undefined;
  if (verdict === 'would-execute') return 'not carried out (mode observe)';
  if (verdict === 'needs-approval') return 'waiting for an approval';
  const [first] = refusals;
  // A VM that moves already is no news: its progress is on the screen.
  if (first?.code === 'in-flight') return undefined;
  if (first === undefined) return 'held back';
  const detail = first.detail === '' ? '' : `: ${printable(first.detail)}`;
  return `held back (${REFUSAL_CODES[first.code].meaning}${detail})`;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
