// Role: a backup that is put in the place of a lost ledger is not opened together with the log of
// the lost one; what does belong together is opened, wherever it was copied to.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { aRecord } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-owner-'));
  file = join(folder, 'ledger.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (path = file): Promise<Ledger> =>
  openSqliteLedger({ file: path, clock: manualClock(5000) });
async function moves(ledger: Ledger): Promise<readonly string[]> {
  const open = await ledger.openMoves();
  await ledger.close();
  return open.map(({ move }) => move.id);
}

/** A backup with m1, and a ledger with m1 and m2 whose process was killed: its log is there. */
async function crash(): Promise<void> {
  const first = await open();
  await first.openMove(aRecord('m1', 'vm1'));
  await first.close();
  copyFileSync(file, join(folder, 'backup'));
  const second = await open();
  await second.openMove(aRecord('m2', 'vm2'));
  // What a killed process leaves: the files as they are, by the same names.
  const kept = readdirSync(folder).filter((name) => /-(?:wal|shm)$/u.test(name));
  for (const name of kept) renameSync(join(folder, name), join(folder, `${name}.kept`));
  renameSync(file, `${file}.kept`);
  await second.close();
  for (const name of ['ledger.db', ...kept])
    renameSync(join(folder, `${name}.kept`), join(folder, name));
}

describe('a ledger beside a log', () => {
  it('that was killed is opened with it, and so is a copy of its folder', async () => {
    await crash();
    const copy = `${folder}-copy`;
    cpSync(folder, copy, { recursive: true });
    expect(await moves(await open(join(copy, 'ledger.db')))).toEqual(['m1', 'm2']);
    rmSync(copy, { recursive: true });
    expect(await moves(await open())).toEqual(['m1', 'm2']);
  });

  it.each(['copied', 'moved', 'not put there yet'])(
    'of a lost one is not opened where a backup was %s',
    async (how) => {
      await crash();
      renameSync(file, `${file}.lost`);
      if (how === 'copied') copyFileSync(join(folder, 'backup'), file);
      if (how === 'moved') renameSync(join(folder, 'backup'), file);
      await expect(open()).rejects.toMatchObject({
        code: 'io',
        message: expect.stringContaining(`Move ${file}-wal and ${file}-shm away`),
      });
      expect(existsSync(file)).toBe(how !== 'not put there yet');
      for (const side of ['-wal', '-shm']) renameSync(`${file}${side}`, `${file}${side}.lost`);
      const expected = how === 'not put there yet' ? [] : ['m1'];
      expect(await moves(await open())).toEqual(expected);
    },
  );

  it('is opened where the note is none, or was removed', async () => {
    for (const spoil of [
      (note: string) => writeFileSync(note, '1:2'),
      (note: string) => rmSync(note),
    ]) {
      await crash();
      copyFileSync(file, `${file}.same`);
      renameSync(`${file}.same`, file);
      await expect(open()).rejects.toThrow('is not the file that');
      spoil(`${file}-wal-of`);
      expect(await moves(await open())).toEqual(['m1', 'm2']);
      for (const name of readdirSync(folder)) rmSync(join(folder, name));
    }
  });
});
