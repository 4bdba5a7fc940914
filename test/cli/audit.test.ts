// Role: `drover audit` beside a daemon that has the ledger open, and without one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { moveId } from '../../src/domain/ids.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { cli, cliHeard } from '../support/cli.ts';
import { aRecord, aResult } from '../support/ledger-records.ts';
import { manualClock } from '../support/manual-clock.ts';

let folder: string;
let ledger: Ledger;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drover-audit-'));
  const clock = manualClock(1_700_000_000);
  ledger = await openSqliteLedger({ file: join(folder, 'ledger.db'), clock });
  await ledger.openMove(aRecord('m1', 'vm1'));
  clock.jump(3600);
  await ledger.setPaused(true, 'ada', clock.now());
  await ledger.closeMove(moveId('m1'), aResult());
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

async function tamper(statement: string): Promise<void> {
  await ledger.close();
  const db = new Database(join(folder, 'ledger.db'));
  db.exec(statement);
  db.close();
}
const verify = (...more: string[]) => cli(['audit', 'verify', '--state', folder, ...more]);

describe('drover audit verify', () => {
  it('finds a trail whole while the ledger is open, and after it was closed', async () => {
    const open = await verify();
    expect(open.out).toMatch(/^the audit trail is whole: 3 entries, 1 to 3\nend 3:[0-9a-f]{64}\n$/);
    expect(open.code).toBe(0);
    await ledger.close();
    expect(await verify()).toEqual(open);
  });

  it('names the first entry that is wrong, with exit code 1', async () => {
    await tamper(`update audit set body = replace(body, 'ada', 'bob') where seq = 2`);
    expect(await verify()).toEqual({
      code: 1,
      out: 'the audit trail is broken at entry 2: entry 2 was changed\n',
      err: '',
    });
    expect(JSON.parse((await verify('--json')).out)).toMatchObject({
      entries: 3,
      fault: { seq: 2, what: 'changed' },
    });
  });

  it('finds a trail that was cut off with its head beside a head that was noted', async () => {
    const noted = (await verify()).out.split('\nend ')[1]?.trim() ?? '';
    await tamper(`delete from audit where seq = 3;
      update audit_head set seq = 2, hash = (select hash from audit where seq = 2)`);
    expect((await verify()).code).toBe(0);
    const beside = await verify('--head', noted);
    expect(beside.code).toBe(1);
    expect(beside.out).toContain('the trail ends at entry 2, and went on to 3: it was cut off');
  });

  it('says what is missing where there is no ledger, or no such head', async () => {
    const nowhere = await cli(['audit', 'verify', '--state', join(folder, 'nowhere')]);
    expect(nowhere).toMatchObject({ code: 3, out: '' });
    expect(nowhere.err).toContain('there is no ledger at');
    expect(nowhere.err).toContain('PostgreSQL');
    const typo = await verify('--head', '3:abc');
    expect(typo.code).toBe(2);
    expect(typo.err).toContain('--head 3:abc: expected what verify prints after "end"');
  });
});

describe('drover audit export', () => {
  const lines = async (...more: string[]): Promise<Record<string, unknown>[]> => {
    const run = await cli(['audit', 'export', '--state', folder, ...more]);
    expect(run).toMatchObject({ code: 0, err: '' });
    const texts = run.out.split('\n').filter((line) => line !== '');
    return texts.map((line) => JSON.parse(line));
  };

  it('writes one line for each entry, oldest first', async () => {
    const all = await lines();
    expect(all.map(({ seq, kind, time }) => [seq, kind, time])).toEqual([
      [1, 'move-opened', '2023-11-14T22:13:20.000Z'],
      [2, 'pause', '2023-11-14T23:13:20.000Z'],
      [3, 'move-closed', '2023-11-14T23:13:20.000Z'],
    ]);
    expect(all[1]).toMatchObject({ body: '{"paused":true,"by":"ada"}', prev: all[0]?.['hash'] });
  });

  it('writes those of a span of time', async () => {
    expect(await lines('--since', '2023-11-14T23:00Z')).toHaveLength(2);
    expect(await lines('--until', '2023-11-14T23:00Z')).toHaveLength(1);
  });

  it('holds the ledger no more when it tells: who reads the words may be slow', async () => {
    const busy: unknown[] = [];
    const db = new Database(join(folder, 'ledger.db'));
    const heard = await cliHeard(['audit', 'export', '--state', folder], {
      hear: () => busy.push(db.pragma('wal_checkpoint(restart)')),
    });
    db.close();
    expect([heard.code, heard.out.split('\n').length]).toEqual([0, 4]);
    expect(busy).toEqual([[expect.objectContaining({ busy: 0 })]]);
  });

  it('says what a moment looks like', async () => {
    const wrong = await cli(['audit', 'export', '--state', folder, '--since', 'lately']);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('--since lately: expected a date or moment');
  });
});
