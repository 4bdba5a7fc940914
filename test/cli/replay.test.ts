// Role: `drover replay` on a ledger, beside a daemon that has it open.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { packInputs } from '../../src/app/plan-inputs.ts';
import { planAndCheck } from '../../src/app/plan-job.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { cli } from '../support/cli.ts';
import { aDecision } from '../support/ledger-records.ts';
import { manualClock } from '../support/manual-clock.ts';
import { aPlanJob } from '../support/plan-job.ts';

const JOB = aPlanJob();
const { result } = planAndCheck(JOB);
const { id: plan } = result.plan;

let folder: string;
let ledger: Ledger;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'drover-replay-'));
  const clock = manualClock(1_700_000_000);
  ledger = await openSqliteLedger({ file: join(folder, 'ledger.db'), clock });
  await ledger.recordDecision({ ...aDecision(plan, clock.now()), result });
  const bounds = { since: epochSeconds(0), bytes: 1e9 };
  await ledger.keepInputs({ plan, at: clock.now(), packed: packInputs(JOB) }, bounds);
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true });
});

const replay = (...more: string[]) => cli(['replay', ...more, '--state', folder]);

function change(statement: string): void {
  const db = new Database(join(folder, 'ledger.db'));
  db.exec(statement);
  db.close();
}

describe('a decision that is none', () => {
  it.each(['', 'a\nb'])('%j is refused with where to look', async (name) => {
    const { code, err } = await cli(['replay', name, '--state', folder]);
    expect([code, err]).toEqual([2, expect.stringMatching(/is no id of a plan/)]);
    expect(err).toContain('drover replay lists');
  });
});

describe('drover replay', () => {
  it('plans it again: the same, byte for byte', async () => {
    const run = await replay(plan);
    expect(run).toMatchObject({ code: 0, err: '' });
    expect(run.out).toMatch(/^plan-[0-9a-f]+ of .*: 1 move, policy r1\n/);
    expect(run.out).toMatch(/with seed 1 and 0 steps: the same, byte for byte \(\d+ bytes\)\n$/);
    const { same, bytes, plan: output } = JSON.parse((await replay(plan, '--json')).out);
    expect([same, bytes.recorded]).toEqual([true, JSON.stringify(result).length]);
    expect(output.moves).toHaveLength(1);
  });

  it('says where and why it differs, with exit code 1', async () => {
    await ledger.close();
    change(`update decisions set body = replace(body, '"to":"h2"', '"to":"h7"')`);
    const run = await replay(plan);
    expect(run.code).toBe(1);
    expect(run.out).toContain('\n  plan.moves[0].to: "h7" then, "h2" now\n');
    expect(run.out).toContain('why: nothing that is known: it is the same code, so the record');
  });

  it('says what is missing, with exit code 3', async () => {
    expect(await replay('plan-0')).toMatchObject({
      code: 3,
      err: expect.stringContaining('plan-0: the ledger has no such decision'),
    });
    await ledger.close();
    change(`update decision_inputs set plan = 'other', at = at + 60`);
    expect((await replay(plan)).err).toContain('had to go (replay.keepFor, replay.keepAtMost');
    change(`update decision_inputs set plan = '${plan}', body = x'00'`);
    expect(await replay(plan)).toMatchObject({
      code: 3,
      err: expect.stringContaining('cannot be planned again:'),
    });
  });

  it('lists the newest decisions where none is named', async () => {
    const run = await replay();
    expect(run.out).toMatch(/^DECISION +AT +MOVES +FINDINGS +POLICY\n/);
    expect(run.out).toContain(plan);
    expect(JSON.parse((await replay('--json')).out)).toMatchObject([{ decision: plan, moves: 1 }]);
  });
});
