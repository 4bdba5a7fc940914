// Role: writes of one moment share a commit, and an error stays with the write that made it.
import Database from 'better-sqlite3';
import { Kysely, sql, SqliteDialect } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';

import { GroupCommit, type Reach } from '../../../src/ledger/group-commit.ts';

interface Schema {
  numbers: { value: number };
}

let db: Kysely<Schema>;
let commits: GroupCommit<Schema, number>;
let refuse = false;
/** Met at the seal, as those are that were opened together and are held by somebody. */
let held: number | undefined;
let heldByAll = false;
let reach: Reach;
let hurried: number;
const sealed: (readonly number[])[] = [];
const statements: string[] = [];

beforeEach(() => {
  statements.length = 0;
  const database = new Database(':memory:', { verbose: (sql) => statements.push(String(sql)) });
  database.exec('create table numbers (value integer primary key)');
  db = new Kysely<Schema>({ dialect: new SqliteDialect({ database }) });
  sealed.length = 0;
  refuse = false;
  held = undefined;
  heldByAll = false;
  reach = 'unknown';
  hurried = 0;
  commits = new GroupCommit<Schema, number>({
    db,
    seal: (_trx, notes, common) => {
      const isMet = held !== undefined && notes.includes(held);
      if (refuse || isMet) return Promise.reject(new Error('cannot be sealed'));
      common();
      if (heldByAll) return Promise.reject(new Error('the trail is held'));
      sealed.push(notes);
      return Promise.resolve();
    },
    reachOf: () => reach,
    hurry: async (trx) => {
      hurried += 1;
      await sql`select 'hurry'`.execute(trx);
    },
  });
});

function insert(value: number): Promise<number> {
  return commits.write(async (trx, note) => {
    await trx.insertInto('numbers').values({ value }).execute();
    note(value);
    return value;
  });
}

async function stored(): Promise<number[]> {
  const rows = await db.selectFrom('numbers').selectAll().orderBy('value').execute();
  return rows.map((row) => row.value);
}

function commitCount(): number {
  return statements.filter((statement) => statement === 'commit').length;
}

describe('GroupCommit', () => {
  it('puts writes of one moment into one commit', async () => {
    const values = Array.from({ length: 100 }, (_, index) => index);
    expect(await Promise.all(values.map((value) => insert(value)))).toEqual(values);
    expect(await stored()).toEqual(values);
    expect(commitCount()).toBe(1);
  });

  it('resolves after the commit, not before', async () => {
    await insert(1);
    expect(statements.at(-1)).toBe('commit');
  });

  it('bounds a group', async () => {
    await Promise.all(Array.from({ length: 600 }, (_, index) => insert(index)));
    expect(commitCount()).toBe(3);
  });

  it('gives an error to the write that made it, and commits the others', async () => {
    await insert(2);
    const results = await Promise.allSettled([insert(1), insert(2), insert(3)]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await stored()).toEqual([1, 2, 3]);
  });

  it('seals the notes of what is committed, once for each commit', async () => {
    await insert(2);
    await Promise.allSettled([insert(1), insert(2), insert(3)]);
    await Promise.all([insert(8), insert(9)]);
    // The group with the error was tried as one, which sealed nothing, and then one by one.
    expect(sealed).toEqual([[2], [1], [3], [8, 9]]);
  });

  it('takes back what was written when the sealing fails', async () => {
    refuse = true;
    await expect(insert(1)).rejects.toThrow('cannot be sealed');
    refuse = false;
    await insert(2);
    expect(await stored()).toEqual([2]);
  });

  it('lets only who met a held row fail, and tries the others in a hurry', async () => {
    await insert(2);
    reach = 'one';
    const results = await Promise.allSettled([insert(1), insert(2), insert(3)]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    // Once to begin with, and once in the group: it was not tried again.
    expect(statements.filter((text) => text.endsWith('values (2.0)'))).toHaveLength(2);
    expect(hurried).toBe(2);
  });

  it('finds out one by one who met a held row at the seal', async () => {
    reach = 'one';
    held = 2;
    const results = await Promise.allSettled([insert(1), insert(2), insert(3)]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(hurried).toBe(3);
    expect(await stored()).toEqual([1, 3]);
    // Who is alone has waited, and is not tried again.
    await expect(insert(2)).rejects.toThrow('cannot be sealed');
    expect(hurried).toBe(3);
  });

  it('tries nobody again after a held row that every seal needs', async () => {
    reach = 'one';
    heldByAll = true;
    const results = await Promise.allSettled([insert(1), insert(2)]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
    expect(hurried).toBe(0);
  });

  it('tries nobody again after what concerns the whole store', async () => {
    await insert(2);
    reach = 'all';
    const before = statements.length;
    const results = await Promise.allSettled([insert(1), insert(2), insert(3)]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(statements.slice(before).filter((text) => text === 'begin')).toHaveLength(1);
    expect(await stored()).toEqual([2]);
  });

  it('goes on after an error, and is idle in the end', async () => {
    await insert(1);
    await expect(insert(1)).rejects.toThrow(/UNIQUE/);
    void insert(5);
    await commits.idle();
    expect(await stored()).toEqual([1, 5]);
  });
});
