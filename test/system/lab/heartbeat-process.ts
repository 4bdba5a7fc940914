// Role: the process that reads the guests' consoles. It does nothing else and runs before all
// others, because the moment at which it reads a heartbeat is the measurement.
// inotify wakes it when a console grows; a slow round besides, should a wake-up ever be lost.
import { closeSync, fstatSync, openSync, readdirSync, readSync, watch } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';

import { ConsoleLines } from './console-lines.ts';
import { type Arrival, type GuestReport, HeartbeatLedger, parseBeat } from './heartbeat-ledger.ts';
import type { HostNumber } from './paths.ts';
import { tryRun } from './shell.ts';

export interface WatchInput {
  readonly consoles: readonly { readonly host: HostNumber; readonly dir: string }[];
  readonly gapMs: number;
}

export interface WatchReport {
  readonly nowMs: number;
  /** The longest that this process was kept waiting for the CPU: how wrong a stamp can be. */
  readonly lagMaxMs: number;
  readonly guests: readonly GuestReport[];
}

interface Console {
  readonly guest: string;
  readonly host: HostNumber;
  readonly file: number;
  offset: number;
}

/** The longest that a heartbeat can lie unread if a wake-up is lost. */
const ROUND_MS = 20;
const NICE_BEST = -20;

const { consoles: places, gapMs } = JSON.parse(process.argv[2] ?? '') as WatchInput;
const ledger = new HeartbeatLedger(gapMs);
const consoles = new Map<string, Console>();
const linesOf = new Map<string, ConsoleLines>();
const buffer = Buffer.alloc(1 << 16);
let lagMaxMs = 0;

/** Or the work of the guests on a busy machine would be measured as their downtime. */
async function takePrecedence(): Promise<void> {
  const { code } = await tryRun('chrt', ['--fifo', '--pid', '1', String(process.pid)]);
  if (code !== 0) setPriority(NICE_BEST); // real time is forbidden here
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Finds consoles; what stood in them before the watch began is not its business. */
function discover(fromEnd: boolean): void {
  for (const { host, dir } of places) {
    for (const name of readdirSync(dir).filter((entry) => entry.endsWith('.log'))) {
      const path = join(dir, name);
      if (consoles.has(path)) continue;
      const guest = name.slice(0, -'.log'.length);
      const file = openSync(path, 'r');
      consoles.set(path, { guest, host, file, offset: fromEnd ? fstatSync(file).size : 0 });
      if (!linesOf.has(guest)) linesOf.set(guest, new ConsoleLines(isBeat));
    }
  }
}

function isBeat(line: string): boolean {
  return parseBeat(line) !== undefined;
}

function newText(from: Console): string {
  let text = '';
  for (;;) {
    const length = readSync(from.file, buffer, 0, buffer.length, from.offset);
    if (length === 0) return text;
    from.offset += length;
    text += buffer.toString('latin1', 0, length);
  }
}

function readConsole(from: Console, atMs: number): Arrival[] {
  const text = newText(from);
  if (text === '') return [];
  const lines = linesOf.get(from.guest)?.feed(from.host, text) ?? [];
  const beats = lines.map(parseBeat).filter((beat) => beat !== undefined);
  return beats.map((beat) => ({ beat, host: from.host, atMs }));
}

function readAll(): void {
  const atMs = nowMs();
  ledger.add([...consoles.values()].flatMap((console) => readConsole(console, atMs)));
}

function report(): WatchReport {
  readAll();
  return { nowMs: nowMs(), lagMaxMs, guests: ledger.report() };
}

await takePrecedence();
discover(true);
const watchers = places.map(({ dir }) =>
  watch(dir, (event) => {
    if (event === 'rename') discover(false);
    readAll();
  }),
);
let lastRoundMs = nowMs();
const round = setInterval(() => {
  lagMaxMs = Math.max(lagMaxMs, nowMs() - lastRoundMs - ROUND_MS);
  lastRoundMs = nowMs();
  readAll();
}, ROUND_MS);

process.on('message', (message: 'report' | 'stop') => {
  process.send?.(report());
  if (message === 'stop') process.disconnect();
});
process.on('disconnect', () => {
  clearInterval(round);
  for (const watcher of watchers) watcher.close();
  for (const { file } of consoles.values()) closeSync(file);
});
process.send?.('ready');
