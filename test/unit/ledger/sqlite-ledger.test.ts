// Role: what is special about SQLite as a ledger: files, locks, damage, and a killed process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { hostId, moveId, orderId } from '../../../src/domain/ids.ts';
import { bytes, epochSeconds } from '../../../src/domain/units.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import { anOrder, aRecord } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

const CHILD = fileURLToPath(new URL('../../support/ledger-child.ts', import.meta.url));
const clock = manualClock();

let folder: string;
let file: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-sqlite-'));
  file = join(folder, 'state', 'ledger.db');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

async function startChild(task: string): Promise<{ child: ChildProcess; lines: () => string[] }> {
  const child = spawn(process.execPath, [CHILD, file, task], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let text = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    text += chunk;
  });
  while (!text.includes('open\n')) await once(child.stdout, 'data');
  // The last line may have been cut off: what was not printed whole was not promised.
  return { child, lines: () => text.split('\n').slice(1, -1) };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

async function damaged(change: () => void): Promise<void> {
  const ledger = await openSqliteLedger({ file, clock });
  await ledger.openMove(aRecord('m1', 'vm1'));
  await ledger.close();
  change();
}

describe('files', () => {
  it('keeps everything private', async () => {
    const ledger = await openSqliteLedger({ file, clock });
    await ledger.openMove(aRecord('m1', 'vm1'));
    const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
    expect(mode(join(folder, 'state'))).toBe('700');
    for (const name of ['ledger.db', 'ledger.db-wal', 'drover.lock', 'drover.pid']) {
      expect([name, mode(join(folder, 'state', name))]).toEqual([name, '600']);
    }
    await ledger.close();
  });

  it('leaves the permissions of a folder alone that was there before', async () => {
    mkdirSync(join(folder, 'state'), { mode: 0o755 });
    await (await openSqliteLedger({ file, clock })).close();
    expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o755);
  });

  it('refuses a file that is no database, and one that is damaged', async () => {
    await damaged(() => writeFileSync(file, 'this is not a database, but long enough to be one'));
    await expect(openSqliteLedger({ file, clock })).rejects.toMatchObject({ code: 'corrupt' });
    rmSync(file);
    await damaged(() => {
      const content = readFileSync(file);
      content.fill(0xaa, 4096 + 8, 4096 * 3);
      writeFileSync(file, content);
    });
    await expect(openSqliteLedger({ file, clock })).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('says what is wrong with a ledger that cannot be written', async () => {
    await damaged(() => {
      // Byte 18 of the header: a write version above 2 makes the file read-only to SQLite.
      writeSync(openSync(file, 'r+'), Buffer.from([3]), 0, 1, 18);
    });
    await expect(openSqliteLedger({ file, clock })).rejects.toMatchObject({ code: 'read-only' });
  });

  it('says so when its folder cannot be made', async () => {
    writeFileSync(join(folder, 'state'), 'a file where the folder should be');
    await expect(openSqliteLedger({ file, clock })).rejects.toMatchObject({ code: 'io' });
  });

  it('refuses what a newer version has written', async () => {
    await damaged(() => {
      const db = new Database(file);
      db.exec(`insert into kysely_migration values ('9999-later', '2030-01-01')`);
      db.close();
    });
    await expect(openSqliteLedger({ file, clock })).rejects.toMatchObject({ code: 'newer-schema' });
  });

  it('finishes a migration that a crash cut short', async () => {
    await damaged(() => {
      const db = new Database(file);
      db.exec('drop table history; drop index moves_one_open_per_vm; delete from kysely_migration');
      db.close();
    });
    const ledger = await openSqliteLedger({ file, clock });
    expect(await ledger.openMove(aRecord('m2', 'vm1'))).toBe('in-flight');
    expect(await ledger.history({ limit: 1 })).toEqual([]);
    await ledger.close();
  });

  it('rejects writes when it is full, reads on, and recovers when there is room', async () => {
    const ledger = await openSqliteLedger({ file, clock, maxBytes: bytes(450_000) });
    const entry = {
      at: epochSeconds(1),
      kind: 'error',
      vm: undefined,
      host: undefined,
      from: undefined,
      move: undefined,
      text: 'x'.repeat(50_000),
    } as const;
    const fill = async (): Promise<void> => {
      for (let index = 0; index < 20; index += 1) await ledger.addHistory([entry]);
    };
    await expect(fill()).rejects.toMatchObject({ code: 'full' });
    expect((await ledger.history({ limit: 100 })).length).toBeGreaterThan(2);
    expect((await ledger.prune({ before: epochSeconds(2), keep: 0 })).removed).toBeGreaterThan(2);
    expect(await ledger.openMove(aRecord('m1', 'vm1'))).toBe('opened');
    await ledger.close();
  });
});

describe('older files', () => {
  async function fileOfBeforeJoinedLines(fill: (db: Database.Database) => void): Promise<void> {
    await (await openSqliteLedger({ file, clock })).close();
    const db = new Database(file);
    db.exec(`
      drop index history_from_host_at;
      alter table history drop column from_host;
      delete from kysely_migration where name > '0002';
    `);
    fill(db);
    db.close();
  }

  it('joins the two lines that a move once had', async () => {
    await fileOfBeforeJoinedLines((db) =>
      db.exec(`
        insert into history (at, kind, vm, host, move, text) values
          (5, 'move', 'v1', 'h2', 'm1', 'v1 moved from h1 to h2'),
          (5, 'move', null, 'h1', 'm1', 'v1 left for h2'),
          (6, 'state', null, 'h1', null, 'h1: healthy');
      `),
    );
    const ledger = await openSqliteLedger({ file, clock });
    const history = await ledger.history({ limit: 9 });
    expect(history.map(({ text, host, from }) => [text, host, from])).toEqual([
      ['h1: healthy', 'h1', undefined],
      ['v1 moved from h1 to h2', 'h2', 'h1'],
    ]);
    await ledger.close();
  });

  it('keeps the first of two orders that were open for one host', async () => {
    const first = await openSqliteLedger({ file, clock });
    await first.putOrder(anOrder('o2', { createdAt: epochSeconds(2) }));
    await first.putOrder(anOrder('o3', { host: hostId('h2'), createdAt: epochSeconds(3) }));
    await first.close();
    const db = new Database(file);
    const body = JSON.stringify(anOrder('o1', { createdAt: epochSeconds(1) }));
    db.exec(`
      drop index orders_one_open_per_host;
      delete from kysely_migration where name > '0009';
      insert into orders values ('o1', 'h1', 'open', 1, 1, '${body}');
    `);
    db.close();
    const ledger = await openSqliteLedger({ file, clock });
    expect((await ledger.orders(false)).map(({ id }) => id)).toEqual(['o1', 'o3']);
    expect(await ledger.order(orderId('o2'))).toMatchObject({ state: 'closed', host: 'h1' });
    await ledger.close();
  });

  it('joins the lines of a quarter without comparing each with each', async () => {
    // Compared with each other, so many lines take minutes, and those of a quarter hours.
    const moves = 40_000;
    await fileOfBeforeJoinedLines((db) => {
      const numbers = `select 1 union all select i + 1 from n where i < ${moves}`;
      const counted = `with recursive n(i) as (${numbers})`;
      const columns = 'insert into history (at, kind, vm, host, move, text)';
      db.exec(`${counted} ${columns} select i, 'move', 'v', 'h2', 'm' || i, '' from n`);
      db.exec(`${counted} ${columns} select i, 'move', null, 'h1', 'm' || i, '' from n`);
    });
    const ledger = await openSqliteLedger({ file, clock });
    expect(await ledger.history({ limit: 1 })).toMatchObject([{ host: 'h2', from: 'h1' }]);
    await ledger.close();
  });
});

describe('one instance', () => {
  it('locks out a second one in the same process, and leaves the first alone', async () => {
    const first = await openSqliteLedger({ file, clock });
    await expect(openSqliteLedger({ file, clock })).rejects.toMatchObject({ code: 'in-use' });
    expect(await first.openMove(aRecord('m1', 'vm1'))).toBe('opened');
    await first.close();
    await (await openSqliteLedger({ file, clock })).close();
  });

  it('names the process that holds the folder, and takes over when that was killed', async () => {
    const { child } = await startChild('hold');
    await expect(openSqliteLedger({ file, clock })).rejects.toThrow(
      `in use by another Drover, process ${child.pid}`,
    );
    await kill(child);
    const ledger = await openSqliteLedger({ file, clock });
    const pid = readFileSync(join(folder, 'state', 'drover.pid'), 'utf8');
    expect(Number(pid)).toBe(process.pid);
    await ledger.close();
  });

  it('waits once for who holds its file, however many writes wait with it', async () => {
    const ledger = await openSqliteLedger({ file, clock });
    const other = new Database(file);
    other.exec('begin immediate');
    const held = (id: string): Promise<unknown> =>
      ledger.openMove(aRecord(id, id)).catch((error: unknown) => {
        if (other.inTransaction) other.exec('rollback');
        return error;
      });
    // From the first answer on the file is free: whoever was tried again would come through.
    const answers = await Promise.all(['m1', 'm2', 'm3'].map((id) => held(id)));
    for (const answer of answers) expect(answer).toMatchObject({ code: 'in-use' });
    expect(await ledger.openMove(aRecord('m4', 'vm4'))).toBe('opened');
    other.close();
    await ledger.close();
  });

  it('cuts its log back when a reader that held it has gone', async () => {
    const ledger = await openSqliteLedger({ file, clock });
    const log = (): number => statSync(`${file}-wal`).size / 2 ** 20;
    const write = (by: string) => ledger.setPaused(true, by, epochSeconds(1));
    const reader = new Database(file, { readonly: true });
    reader.exec('begin');
    reader.prepare('select count(*) from moves').get();
    for (let round = 0; round < 40; round += 1) await write('x'.repeat(2 ** 20));
    expect(log()).toBeGreaterThan(40);
    reader.close();
    for (let round = 0; round < 3; round += 1) await write('y');
    expect(log()).toBeLessThanOrEqual(16);
    await ledger.close();
  });

  it('needs no lock in memory', async () => {
    const first = await openSqliteLedger({ file: ':memory:', clock });
    const second = await openSqliteLedger({ file: ':memory:', clock });
    await first.openMove(aRecord('m1', 'vm1'));
    expect(await second.openMoves()).toEqual([]);
    await first.close();
    await second.close();
  });
});

describe('kill -9', () => {
  it.each([3, 40, 150])('loses nothing that was promised, after %i writes', async (writes) => {
    const { child, lines } = await startChild('write');
    while (lines().length < writes) await once(child.stdout!, 'data');
    await kill(child);
    const ledger = await openSqliteLedger({ file, clock });
    const lost: string[] = [];
    for (const line of lines()) {
      const [what, id = ''] = line.split(' ');
      const record = await ledger.move(moveId(id));
      const isThere = record !== undefined;
      const isStaged = record?.stages.length === 1;
      const isClosed = record?.result?.outcome === 'succeeded';
      if (!{ opened: isThere, staged: isStaged, closed: isClosed }[what ?? '']) lost.push(line);
    }
    expect(lost).toEqual([]);
    // Each of the four lanes moves its VM again and again, one after the other.
    expect((await ledger.openMoves()).length).toBeLessThanOrEqual(4);
    await ledger.close();
  });
});
