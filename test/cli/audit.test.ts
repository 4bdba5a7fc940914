// Role: `drover audit` beside a daemon that has the ledger open, and without one.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { moveId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { cli, cliHeard } from '../support/cli.ts';
import { aDecision, aRecord, aResult } from '../support/ledger-records.ts';
import { manualClock } from '../support/manual-clock.ts';
import { ROOT } from '../tools/repository.ts';

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

  it.each(['x', '9e999', "x'00'"])('names an entry whose moment is now %s', async (at) => {
    await tamper(`update audit set at = ${at === 'x' ? "'x'" : at} where seq = 2`);
    expect(await verify()).toEqual({
      code: 1,
      out: 'the audit trail is broken at entry 2: entry 2 was changed\n',
      err: '',
    });
    const { code, out } = await cli([
      'audit',
      'export',
      '--state',
      folder,
      '--since',
      '2020-01-01',
    ]);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toMatchObject([{ seq: 1 }, { seq: 2, time: null }, { seq: 3 }]);
    expect(code).toBe(0);
  });

  it('compares the decisions that are kept with what the trail tells of them', async () => {
    const odd = 'a\0b \ud800';
    const decision = aDecision('p1', 1_700_000_000);
    await ledger.recordDecision(decision);
    await ledger.recordDecision({ ...decision, policyRevision: odd });
    for (const plan of ['p2', 'p3', 'p4']) await ledger.recordDecision(aDecision(plan, 9));
    expect((await verify()).code).toBe(0);
    await tamper(`delete from decisions where plan = 'p2';
      update decisions set body = replace(body, '"to":"h2"', '"to":"h9"') where plan <> 'p1'`);
    expect(await verify()).toEqual({
      code: 1,
      out:
        'entry 7 shows that the record of p3 (and of 1 more) was changed; ' +
        'the audit trail itself is whole\n',
      err: '',
    });
    const { out } = await verify('--json');
    expect(JSON.parse(out)).toMatchObject({ fault: { seq: 7, what: 'record-changed' } });
    await tamper(`update audit set body = replace(body, 'p3', 'p4') where seq = 7`);
    expect((await verify()).out).toContain('broken at entry 7: entry 7 was changed');
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

  /** A few pieces' worth of entries. */
  const grow = async (): Promise<void> => {
    for (let turn = 0; turn < 4; turn += 1)
      await ledger.setPaused(true, 'a'.repeat(1_000_000), epochSeconds(turn));
  };

  const exporting = (): ChildProcessWithoutNullStreams => {
    const main = join(ROOT, 'src/cli/main.ts');
    const child = spawn(process.execPath, [main, 'audit', 'export', '--state', folder]);
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  };

  it('goes no further than its reader, and keeps no file by name', async () => {
    await grow();
    let untaken = 0;
    let most = 0;
    const named: unknown[] = [];
    const heard = await cliHeard(['audit', 'export', '--state', folder], {
      hear: () => {
        most = Math.max(most, (untaken += 1));
        named.push(...readdirSync(tmpdir()).filter((name) => name.startsWith('drover-export-')));
      },
      drained: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        untaken -= 1;
      },
    });
    expect([heard.code, heard.out.split('\n').length]).toEqual([0, 8]);
    expect({ most, named }).toEqual({ most: 1, named: [] });
  });

  it('ends when it is asked to while its reader takes nothing', async () => {
    await grow();
    const stop = new AbortController();
    const ended = await cliHeard(['audit', 'export', '--state', folder], {
      stop: stop.signal,
      hear: () => setImmediate(() => stop.abort()),
      drained: () => new Promise(() => undefined),
    });
    expect(ended).toMatchObject({
      code: 3,
      err: expect.stringContaining('stopped before all entries were written'),
    });
  });

  it('reads the ledger no further than to the page at which it is asked to stop', async () => {
    const ended = await cli(['audit', 'export', '--state', folder], {}, AbortSignal.abort());
    expect(ended).toMatchObject({ code: 3, out: '' });
  });

  it('ends as a process, too, with a reader that has stopped reading', async () => {
    await grow();
    const child = exporting();
    const exited = once(child, 'exit');
    await once(child.stdout, 'readable');
    child.kill('SIGINT');
    expect(await exited).toEqual([3, null]);
    child.stdout.destroy();
  }, 60_000);

  it('takes a reader that has read enough for no failure', async () => {
    await grow();
    const child = exporting();
    let said = '';
    child.stderr.on('data', (text) => (said += String(text)));
    const exited = once(child, 'exit');
    await once(child.stdout, 'readable');
    child.stdout.destroy();
    expect([await exited, said]).toEqual([[0, null], '']);
  }, 60_000);

  it('says what a moment looks like', async () => {
    const wrong = await cli(['audit', 'export', '--state', folder, '--since', 'lately']);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('--since lately: expected a date or moment');
  });
});
