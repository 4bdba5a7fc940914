// Role: what the ledger keeps of capacity that is held for moves (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import { hostId, moveId, vmId } from '../../src/domain/ids.ts';
import type { Reservation } from '../../src/domain/snapshot.ts';
import { bytes, cores } from '../../src/domain/units.ts';
import { aRecord, aResult, aStage } from '../support/ledger-records.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

export function reservationCases({ ledger, reopen }: LedgerInHand): void {
  describe('reservations', () => {
    const reservation: Reservation = {
      move: moveId('m1'),
      vm: vmId('vm1'),
      host: hostId('h2'),
      memoryBytes: bytes(2 ** 41 + 1),
      cpu: cores(1.25),
    };

    it('holds one per move, and releases it on demand', async () => {
      await ledger().openMove(aRecord('m1', 'vm1'));
      await ledger().addStages([], { ...reservation, cpu: cores(1) });
      await ledger().addStages([], reservation);
      await reopen();
      expect(await ledger().reservations()).toEqual([reservation]);
      await ledger().release(moveId('m1'));
      await ledger().release(moveId('m1'));
      expect(await ledger().reservations()).toEqual([]);
    });

    it('releases it with the move', async () => {
      await ledger().openMove(aRecord('m1', 'vm1'));
      await ledger().addStages([], reservation);
      await ledger().closeMove(moveId('m1'), aResult({ outcome: 'failed' }));
      expect(await ledger().reservations()).toEqual([]);
    });

    it('writes stages and what is held for the move together, or nothing of it', async () => {
      await ledger().openMove(aRecord('m1', 'vm1'));
      const stages = [aStage('m1', 'reservation', 'before'), aStage('m1', 'pre-copy', 'before')];
      await ledger().addStages(stages, reservation);
      await reopen();
      expect((await ledger().move(moveId('m1')))?.stages).toEqual(stages);
      expect(await ledger().reservations()).toEqual([reservation]);
      const mixed = [aStage('m1', 'pre-copy', 'after'), aStage('nobody', 'pre-copy', 'before')];
      const written = ledger().addStages(mixed, { ...reservation, cpu: cores(2) });
      await expect(written).rejects.toMatchObject({ name: 'LedgerError' });
      expect((await ledger().move(moveId('m1')))?.stages).toEqual(stages);
      expect(await ledger().reservations()).toEqual([reservation]);
    });
  });
}
