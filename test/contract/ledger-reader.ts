// Role: what reading a ledger beside its daemon must do, whatever it is stored in; also through
// the verbs that do it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { packInputs } from '../../src/app/plan-inputs.ts';
import { planAndCheck } from '../../src/app/plan-job.ts';
import { moveId, planId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { AuditJudge } from '../../src/ledger/audit-chain.ts';
import { type LedgerPlace, type LedgerReader, readLedger } from '../../src/ledger/ledger-reader.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { cli } from '../support/cli.ts';
import { aDecision, aRecord, aResult } from '../support/ledger-records.ts';
import { aPlanJob } from '../support/plan-job.ts';

export interface LedgerToRead {
  open(): Promise<Ledger>;
  place(): Promise<LedgerPlace>;
  /** Of drover.yaml, that it lies there. */
  config(): Promise<string>;
  dispose(): Promise<void>;
}

const JOB = aPlanJob();

export async function verdictOf(reader: LedgerReader) {
  const { pages, head } = await reader.audit();
  const judge = new AuditJudge(undefined);
  for await (const page of pages) for (const entry of page) judge.see(entry);
  return judge.verdict(head);
}

export function ledgerReaderContract(name: string, make: () => LedgerToRead): void {
  describe(`reading a ledger: ${name}`, { timeout: 60_000 }, () => {
    let store: LedgerToRead;
    let ledger: Ledger;
    let folder: string;
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'drover-reading-'));
      store = make();
      ledger = await store.open();
    });
    afterEach(async () => {
      await ledger.close();
      await store.dispose();
      rmSync(folder, { recursive: true });
    });

    it('sees the trail and the decisions of one moment, while the daemon goes on', async () => {
      await ledger.openMove(aRecord('m1', 'vm1'));
      await ledger.recordDecision(aDecision('p1', 10));
      await readLedger(await store.place(), async (reader) => {
        expect(await verdictOf(reader)).toMatchObject({ entries: 2, fault: undefined });
        await ledger.closeMove(moveId('m1'), aResult());
        await ledger.recordDecision(aDecision('p2', 20));
        expect(await verdictOf(reader)).toMatchObject({ entries: 2, fault: undefined });
        expect(await reader.decisions(9)).toEqual([aDecision('p1', 10)]);
        expect((await reader.replayable(planId('p2'))).decision).toBeUndefined();
      });
      await readLedger(await store.place(), async (reader) => {
        expect(await verdictOf(reader)).toMatchObject({ entries: 4, fault: undefined });
        expect(await reader.decisions(1)).toEqual([aDecision('p2', 20)]);
      });
    });

    it('lets through what the reader itself throws', async () => {
      const failing = readLedger(await store.place(), () => Promise.reject(new RangeError('mine')));
      await expect(failing).rejects.toThrow(new RangeError('mine'));
    });

    it('serves audit verify, audit export and replay by drover.yaml', async () => {
      const { result } = planAndCheck(JOB);
      const { id: plan } = result.plan;
      await ledger.recordDecision({ ...aDecision(plan, 10), result });
      // More than are read at once, with what not every store takes for text.
      for (let more = 0; more < 60; more += 1)
        await ledger.recordDecision({ ...aDecision(`p${more}`, 9), policyRevision: 'a\0 \ud800' });
      const kept = { plan, at: epochSeconds(10), packed: packInputs(JOB) };
      await ledger.keepInputs(kept, { since: epochSeconds(0), bytes: 1e6 });
      const file = join(folder, 'drover.yaml');
      const head = 'apiVersion: drover/v1\nkind: Daemon\n';
      writeFileSync(file, `${head}${await store.config()}\n`);
      const verb = (...words: string[]) => cli([...words, '--config', file]);
      expect(await verb('audit', 'verify')).toMatchObject({
        code: 0,
        out: expect.stringContaining('the audit trail is whole: 61 entries, 1 to 61\n'),
      });
      const { out: lines } = await verb('audit', 'export');
      const [first = ''] = lines.split('\n');
      expect(JSON.parse(first)).toMatchObject({ seq: 1, kind: 'decision' });
      expect(await verb('replay', plan)).toMatchObject({
        code: 0,
        out: expect.stringContaining('the same, byte for byte'),
      });
    });
  });
}
