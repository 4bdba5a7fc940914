// Role: what housekeeping takes away from the audit trail, where clocks were wrong and where
// somebody has tampered with it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { AuditFault } from '../../../src/domain/audit.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { AuditJudge } from '../../../src/ledger/audit-chain.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Ledger, Pruned } from '../../../src/ports/ledger.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

const DAY = 86_400;
const KEPT = 90 * DAY;

let folder: string;
let clock: ManualClock;
let ledger: Ledger;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drover-audit-cut-'));
  clock = manualClock(1_700_000_000);
  ledger = await openSqliteLedger({ file: join(folder, 'ledger.db'), clock });
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

async function write(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1)
    await ledger.setPaused(turn % 2 === 0, 'ada', clock.now());
}

function tamper(statement: string): void {
  const db = new Database(join(folder, 'ledger.db'));
  db.exec(statement);
  db.close();
}

/** As the daemon does it. */
function keepHouse(keep = 0): Promise<Pruned> {
  return ledger.prune({ before: epochSeconds(clock.now() - KEPT), keep });
}

async function seqs(): Promise<readonly number[]> {
  return (await ledger.audit(0, 10_000)).map(({ seq }) => seq);
}

async function fault(): Promise<AuditFault | undefined> {
  const judge = new AuditJudge();
  for (const entry of await ledger.audit(0, 10_000)) judge.see(entry);
  return judge.verdict(await ledger.auditHead()).fault;
}

/** Written while the clock was ahead. */
async function writeAhead(by: number): Promise<void> {
  clock.jump(by);
  await write(1);
  clock.jump(-by);
}

describe('entries of a clock that was wrong', () => {
  it('go with those around them where it was ahead by more than all is kept', async () => {
    await write(1);
    await writeAhead(5 * 365 * DAY);
    await write(1);
    clock.jump(KEPT + 1);
    await writeAhead(5 * 365 * DAY);
    await write(1);
    expect((await keepHouse()).removed).toBe(3);
    expect(await seqs()).toEqual([4, 5, 6]);
    expect(await fault()).toBeUndefined();
  });

  it('stay as long as their time says where it was ahead by less', async () => {
    await write(1);
    await writeAhead(DAY);
    await write(1);
    clock.jump(KEPT + 1);
    expect((await keepHouse()).removed).toBe(1);
    clock.jump(DAY);
    expect((await keepHouse()).removed).toBe(2);
    expect(await fault()).toBeUndefined();
  });

  it('take nothing with them that is young where it was set back', async () => {
    await write(2);
    await writeAhead(-10 * KEPT);
    await write(1);
    expect(await keepHouse()).toEqual({ removed: 0, auditFault: undefined });
    expect(await seqs()).toEqual([1, 2, 3, 4]);
  });
});

describe('a trail that was tampered with', () => {
  it('is not made whole by taking away what shows it', async () => {
    await write(9);
    tamper('update audit set at = 0 where seq <= 3');
    const before = await fault();
    expect(before).toMatchObject({ seq: 1, what: 'changed' });
    expect(await keepHouse()).toEqual({ removed: 0, auditFault: before });
    expect(await fault()).toEqual(before);
    expect(await seqs()).toHaveLength(9);
  });

  it.each([
    ['one taken out', 'delete from audit where seq = 3', { seq: 3, what: 'missing' }],
    ['its beginning taken away', 'delete from audit where seq < 3', { seq: 3, what: 'missing' }],
    [
      'the last old one exchanged',
      `update audit set body = '{}', hash = '${'0'.repeat(64)}' where seq = 5`,
      { seq: 5, what: 'changed' },
    ],
  ])('keeps its old part: %s', async (_name, statement, shown) => {
    await write(5);
    clock.jump(KEPT + 1);
    await write(4);
    tamper(statement);
    expect(await keepHouse()).toMatchObject({ removed: 0, auditFault: shown });
    expect(await fault()).toMatchObject(shown);
  });

  it('keeps it also where housekeeping had shortened it before', async () => {
    await write(5);
    clock.jump(KEPT + 1);
    await write(5);
    expect((await keepHouse()).removed).toBe(5);
    clock.jump(KEPT + 1);
    await write(1);
    tamper('delete from audit where seq < 8');
    const shown = { seq: 8, what: 'missing' };
    expect(await keepHouse()).toMatchObject({ removed: 0, auditFault: shown });
    expect(await fault()).toMatchObject(shown);
  });
});

it('takes away more than is taken at once, and tells where the trail begins', async () => {
  const writes = Array.from({ length: 11_000 }, () => ledger.setPaused(true, 'ada', clock.now()));
  await Promise.all(writes);
  clock.jump(KEPT + 1);
  await write(1);
  expect((await keepHouse()).removed).toBe(11_000);
  // What was written last, and an entry of each of the eleven cuts.
  expect(await seqs()).toEqual(Array.from({ length: 12 }, (_none, index) => 11_001 + index));
  expect(await fault()).toBeUndefined();
});
