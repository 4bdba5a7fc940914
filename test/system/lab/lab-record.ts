// Role: what a lab is, written beside it (lab.json), so that another process can find it, use it
// and take it down. A lab belongs to the process that made it, or to nobody, until somebody takes
// it down by hand; a lab whose owner is gone is rubbish that eats the machine's CPU.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Guest } from './guest.ts';
import { LAB_PREFIX, LAB_ROOTS, runDir } from './paths.ts';
import { isAlive, type ProcessRecord, recordOf } from './processes.ts';

export interface LabRecord {
  readonly hosts: number;
  readonly guests: readonly Guest[];
  readonly owner: ProcessRecord | undefined;
}

function fileOf(id: string): string {
  return join(runDir(id), 'lab.json');
}

export function writeRecord(id: string, record: LabRecord): void {
  mkdirSync(runDir(id), { recursive: true });
  writeFileSync(fileOf(id), JSON.stringify(record, undefined, 2));
}

export function readRecord(id: string): LabRecord | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(id), 'utf8')) as LabRecord;
  } catch {
    return undefined; // no such lab, or it died before it was written
  }
}

export function updateRecord(id: string, change: Partial<LabRecord>): void {
  const record = readRecord(id);
  if (record !== undefined) writeRecord(id, { ...record, ...change });
}

export function thisProcess(): ProcessRecord {
  return recordOf(process.pid);
}

export function knownLabs(): string[] {
  const ids = LAB_ROOTS.flatMap((root) => readdirSync(root))
    .filter((name) => name.startsWith(LAB_PREFIX))
    .map((name) => name.slice(LAB_PREFIX.length));
  return [...new Set(ids)];
}

/** Its maker is gone, or the machine has been rebooted under it. */
export function isAbandoned(id: string): boolean {
  const owner = readRecord(id)?.owner;
  return owner === undefined ? !existsSync(runDir(id)) : !isAlive(owner);
}
