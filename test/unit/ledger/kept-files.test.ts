// Role: a ledger whose file or folder is taken away or replaced while it lives says so, writes
// nothing more into nothing, and leaves alone what another Drover has made in its place.
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ledgerReasons, LedgerWatch } from '../../../src/app/ledger-watch.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { aRecord } from '../../support/ledger-records.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';
import { recordingEvents } from '../../support/recording-events.ts';

let folder: string;
let file: string;
let clock: ManualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-kept-'));
  file = join(folder, 'ledger.db');
  clock = manualClock(5000);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

for (const inThread of [false, true]) {
  describe(`a living ledger${inThread ? ' in a thread' : ''}`, () => {
    const open = (): Promise<Ledger> => openSqliteLedger({ file, clock, inThread });
    const lost = (what: string) => ({
      name: 'LedgerError',
      code: 'io',
      message: expect.stringContaining(`was ${what} under the living ledger`),
    });

    it('whose file is removed begins nothing, and says so', async () => {
      const watch = new LedgerWatch(recordingEvents());
      const ledger = watch.over(await open());
      await ledger.openMove(aRecord('m1', 'vm1'));
      for (const side of ['', '-wal', '-shm']) rmSync(`${file}${side}`);
      await clock.pass(1);
      await expect(ledger.openMove(aRecord('m2', 'vm2'))).rejects.toMatchObject(lost('removed'));
      await expect(ledger.openMoves()).rejects.toMatchObject(lost('removed'));
      expect(ledgerReasons(watch).join()).toContain(file);
      expect(existsSync(file)).toBe(false);
      await ledger.close();
    });

    it('does not go on beside a second one in the place of its folder', async () => {
      const first = await open();
      rmSync(folder, { recursive: true });
      const second = await open();
      await clock.pass(1);
      await expect(first.openMove(aRecord('m1', 'vm1'))).rejects.toMatchObject(lost('replaced'));
      expect(await second.openMove(aRecord('m2', 'vm1'))).toBe('opened');
      await first.close();
      expect(readFileSync(join(folder, 'drover.pid'), 'utf8')).toBe(`${process.pid}\n`);
      await second.close();
    });

    it('is not called removed where only its folder cannot be looked into', async () => {
      const ledger = await open();
      renameSync(folder, `${folder}.old`);
      symlinkSync(folder, folder); // leads to itself
      await clock.pass(1);
      const message = expect.stringMatching(/cannot be looked at .*ELOOP/);
      await expect(ledger.openMoves()).rejects.toMatchObject({ code: 'io', message });
      unlinkSync(folder);
      renameSync(`${folder}.old`, folder);
      await clock.pass(1);
      expect(await ledger.openMoves()).toEqual([]);
      await ledger.close();
    });

    it('whose file is removed says how a backup is put there unharmed', async () => {
      const first = await open();
      await first.openMove(aRecord('m1', 'vm1'));
      await first.close();
      copyFileSync(file, join(folder, 'backup'));
      const second = await open();
      await second.openMove(aRecord('m2', 'vm2'));
      rmSync(file);
      await clock.pass(1);
      const told = await second.openMoves().then(
        () => '',
        (error: Error) => error.message,
      );
      await second.close();
      // SQLite leaves them there: what they were made for is not.
      const left = [`${file}-wal`, `${file}-shm`].filter((side) => existsSync(side));
      expect(left).not.toEqual([]);
      const [, named = ''] = /stop Drover and move (.*) away/u.exec(told) ?? [];
      for (const side of named.split(' and ')) renameSync(side, `${side}.old`);
      copyFileSync(join(folder, 'backup'), file);
      const third = await open();
      expect((await third.openMoves()).map(({ move }) => move.id)).toEqual(['m1']);
      await third.close();
    });

    it.each(['-wal', '-shm'])(
      'whose %s is removed promises no more, and loses nothing',
      async (side) => {
        const first = await open();
        await first.openMove(aRecord('m1', 'vm1'));
        rmSync(`${file}${side}`);
        await clock.pass(1);
        await expect(first.openMove(aRecord('m2', 'vm2'))).rejects.toMatchObject(lost('removed'));
        await first.close();
        const second = await open();
        expect((await second.openMoves()).map(({ move }) => move.id)).toEqual(['m1']);
        await second.close();
      },
    );

    it('takes it for no loss that the log is emptied and cut short', async () => {
      const ledger = await open();
      await ledger.openMove(aRecord('m1', 'vm1'));
      const other = new Database(file);
      for (const how of ['passive', 'restart', 'truncate']) other.pragma(`wal_checkpoint(${how})`);
      other.close();
      expect(statSync(`${file}-wal`).size).toBe(0);
      await clock.pass(1);
      expect(await ledger.openMove(aRecord('m2', 'vm2'))).toBe('opened');
      await ledger.close();
      expect(existsSync(`${file}-wal`)).toBe(false);
      const again = await open();
      await clock.pass(1);
      expect(await again.openMoves()).toHaveLength(2);
      await again.close();
    });

    it('that a backup is moved over writes no more, and goes on when it is back', async () => {
      const ledger = await open();
      await ledger.openMove(aRecord('m1', 'vm1'));
      copyFileSync(file, `${file}.backup`);
      renameSync(file, `${file}.old`);
      renameSync(`${file}.backup`, file);
      await clock.pass(1);
      await expect(ledger.openMove(aRecord('m2', 'vm2'))).rejects.toMatchObject(lost('replaced'));
      renameSync(`${file}.old`, file);
      await clock.pass(1);
      expect(await ledger.openMove(aRecord('m2', 'vm2'))).toBe('opened');
      await ledger.close();
    });
  });
}
