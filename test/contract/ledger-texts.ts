// Role: what every ledger must do with words that not every store can hold (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import { hostId, moveId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { AuditJudge } from '../../src/ledger/audit-chain.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import { aRecord, aStage } from '../support/ledger-records.ts';

export function textCases(inHand: () => Ledger): void {
  describe('words that are no text', () => {
    it('are kept, with what is no text replaced, the same in every store', async () => {
      const ledger = inHand();
      const odd = 'a\0b \ud800 c\udc00 \ud83d\ude00';
      const sound = 'a\ufffdb \ufffd c\ufffd \ud83d\ude00';
      await ledger.openMove({ ...aRecord('m1', 'vm1'), vmName: odd });
      await ledger.addStages([{ ...aStage('m1', 'pre-migration', 'before'), detail: odd }]);
      await ledger.setPaused(true, odd, epochSeconds(7));
      expect(await ledger.move(moveId('m1'))).toMatchObject({
        vmName: sound,
        stages: [{ detail: sound }],
      });
      const alert = { name: 'HostDown', labels: {}, since: epochSeconds(1) };
      const heardAt = epochSeconds(2);
      await ledger.putAlert({ fingerprint: odd, host: hostId('h1'), alert, heardAt });
      // In a body JSON has a spelling of its own for them.
      expect(await ledger.paused()).toEqual({ paused: true, by: odd });
      expect((await ledger.keptAlerts()).map(({ fingerprint }) => fingerprint)).toEqual([odd]);
      await ledger.dropAlert(odd);
      expect(await ledger.keptAlerts()).toEqual([]);
      const judge = new AuditJudge();
      for (const entry of await ledger.audit(0, 100)) judge.see(entry);
      expect(judge.verdict(await ledger.auditHead()).fault).toBeUndefined();
    });
  });
}
