// Role: what durable records cost on this disk: whole moves, as the executor writes them, several
// at a time. Every write waits for its flush; the group commit lets those of one moment share it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { hostId, moveId, vmId } from '../../src/domain/ids.ts';
import { STAGES } from '../../src/domain/journal.ts';
import { bytes, cores, GIB } from '../../src/domain/units.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { aRecord, aResult, aStage } from '../support/ledger-records.ts';
import { manualClock } from '../support/manual-clock.ts';

export interface LedgerBench {
  readonly moves: number;
  /** Moves under way at the same time. */
  readonly lanes: number;
}

/** Writes of one move: opened, reserved, twelve stage entries, closed. */
const WRITES_PER_MOVE = 3 + 2 * STAGES.length;

export async function benchLedger(options: LedgerBench): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-bench-'));
  try {
    const ledger = await openSqliteLedger({ file: join(folder, 'l.db'), clock: manualClock() });
    const longest: number[] = [];
    const before = process.cpuUsage();
    const started = performance.now();
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < options.moves) {
        next += 1;
        longest.push(await writeMove(ledger, next));
      }
    };
    await Promise.all(Array.from({ length: options.lanes }, lane));
    const wallSeconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(before);
    const writes = options.moves * WRITES_PER_MOVE;
    await ledger.close();
    return {
      moves: options.moves,
      lanes: options.lanes,
      writes,
      wallSeconds: rounded(wallSeconds),
      writesPerSecond: Math.round(writes / wallSeconds),
      cpuMsPerWrite: rounded((user + system) / 1000 / writes),
      longestWriteMs: rounded(Math.max(0, ...longest)),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns the longest time that one write took, in milliseconds. */
async function writeMove(ledger: Ledger, index: number): Promise<number> {
  const [id, vm] = [`m${index}`, `vm${index}`];
  let longest = 0;
  const timed = async (write: Promise<unknown>): Promise<void> => {
    const started = performance.now();
    await write;
    longest = Math.max(longest, performance.now() - started);
  };
  await timed(ledger.openMove(aRecord(id, vm)));
  const need = { memoryBytes: bytes(4 * GIB), cpu: cores(1) };
  const held = { move: moveId(id), vm: vmId(vm), host: hostId('h2'), ...need };
  await timed(ledger.addStages([], held));
  for (const stage of STAGES) {
    await timed(ledger.addStages([aStage(id, stage, 'before')]));
    await timed(ledger.addStages([aStage(id, stage, 'after')]));
  }
  await timed(ledger.closeMove(moveId(id), aResult()));
  return longest;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
