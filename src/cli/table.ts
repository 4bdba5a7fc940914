/** Plain tables and figures for people. Everything numeric is aligned right. */

import Table from 'cli-table3';

import { GIB, MIB } from '../domain/units.ts';
import { printable } from '../observe/printable.ts';

export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  readonly cell: (row: Row) => string;
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** The rows under their titles, without rules or colours: readable, and easy to cut and grep. */
export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const table = new Table({
    head: columns.map((column) => column.title),
    colAligns: columns.map((column) => column.align ?? 'left'),
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(columns.map((column) => printable(column.cell(row))));
  const lines = table.toString().split('\n');
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** "3.5 GiB", "512 MiB". */
export function formatBytes(bytes: number): string {
  if (bytes >= GIB) return `${(bytes / GIB).toFixed(1)} GiB`;
  return `${Math.round(bytes / MIB)} MiB`;
}

/** "83 %"; unknown is "?", never 0. */
export function formatRatio(ratio: number | null): string {
  return ratio === null ? '?' : `${Math.round(ratio * 100)} %`;
}

/** "1.25"; unknown is "?". */
export function formatCores(cores: number | null): string {
  return cores === null ? '?' : cores.toFixed(2);
}

/** "1 move", "2 moves". */
export function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** "150 ms", "45 s", "3 min 20 s", "2 h 05 min". */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

/** One text a line. Names and reasons come from outside: they forge no line and move no cursor. */
export function formatLines(lines: readonly string[]): string {
  return `${lines.map(printable).join('\n')}\n`;
}

/** UTC, to the second: "2026-11-21 20:40:05". */
export function formatTime(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().replace('T', ' ').slice(0, 19);
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
