// Role: writes of one moment share a commit, and an error stays with the write that made it.
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';

import { GroupCommit } from '../../../src/ledger/group-commit.ts';

interface Schema {
  numbers: { value: number };
}

let db: Kysely<Schema>;
let commits: GroupCommit<Schema, number>;
let refuse = false;
const sealed: (readonly number[])[] = [];
const statements: string[] = [];

beforeEach(() => {
  statements.length = 0;
  const database = new Database(':memory:', { verbose: (sql) => statements.push(String(sql)) });
  database.exec('create table numbers (value integer primary key)');
  db = new Kysely<Schema>({ dialect: new SqliteDialect({ database }) });
  sealed.length = 0;
  refuse = false;
  commits = new GroupCommit(db, (_trx, notes) => {
    if (refuse) return Promise.reject(new Error('cannot be sealed'));
    sealed.push(notes);
    return Promise.resolve();
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

  it('goes on after an error, and is idle in the end', async () => {
    await insert(1);
    await expect(insert(1)).rejects.toThrow(/UNIQUE/);
    void insert(5);
    await commits.idle();
    expect(await stored()).toEqual([1, 5]);
  });
});
