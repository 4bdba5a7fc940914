// Role: the part of the ledger's contract that is about what mode observe would have done
// (ledger-contract.ts).
import { describe, expect, it } from 'vitest';

import { openedLine, settledLine } from '../../src/app/observed-lines.ts';
import { findingId, hostId, sourceId, vmId } from '../../src/domain/ids.ts';
import type { ObservedMove, SettledMove } from '../../src/domain/observed-move.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import type { LedgerInHand } from './ledger-approvals.ts';

function wanted(vm: string, at: number): ObservedMove {
  const moment = epochSeconds(at);
  return {
    id: `${vm} ${at}`,
    vm: vmId(vm),
    vmName: vm,
    source: sourceId('lab'),
    from: hostId('h1'),
    to: hostId('h2'),
    finding: findingId('f1'),
    why: 'h1 is overloaded',
    firstAt: moment,
    lastAt: moment,
    retargets: 0,
    lookedAt: moment,
  };
}

function settled(move: ObservedMove, at: number): SettledMove {
  const end = { outcome: 'moved-there', at: epochSeconds(at), host: hostId('h2') } as const;
  return { ...move, lookedAt: end.at, end };
}

const opening = (...moves: ObservedMove[]) => ({
  opened: moves.map((move) => ({ move, line: openedLine(move) })),
  settled: [],
  kept: [],
});
const settling = (...moves: SettledMove[]) => ({
  settled: moves.map((move) => ({ move, line: settledLine(move) })),
  opened: [],
  kept: [],
});

export function observedCases({ ledger, reopen }: LedgerInHand): void {
  const lines = async () => (await ledger().history({ limit: 99 })).length;
  const since = (at: number, limit = 99) => ledger().settledObserved(epochSeconds(at), limit);

  describe('what mode observe would have done', () => {
    it('is open until it is settled, over a restart, each with its line', async () => {
      await ledger().putObserved(opening(wanted('v1', 100), wanted('v2', 100)));
      await reopen();
      expect(await ledger().openObserved()).toEqual([wanted('v1', 100), wanted('v2', 100)]);
      const over = settled(wanted('v1', 100), 200);
      await ledger().putObserved(settling(over));
      await reopen();
      expect(await ledger().openObserved()).toEqual([wanted('v2', 100)]);
      expect(await since(0)).toEqual([over]);
      const told = await ledger().history({ vm: vmId('v1'), limit: 9 });
      expect(told).toEqual([settledLine(over), openedLine(wanted('v1', 100))]);
      // They are no moves.
      expect(await ledger().history({ vm: vmId('v1'), movesOnly: true, limit: 9 })).toEqual([]);
    });

    it('is opened once of each VM, and again when that is settled', async () => {
      await ledger().putObserved(opening(wanted('v1', 100)));
      await ledger().putObserved(opening(wanted('v1', 150), wanted('v2', 150)));
      expect(await ledger().openObserved()).toEqual([wanted('v1', 100), wanted('v2', 150)]);
      expect(await lines()).toBe(2);
      const both = settling(settled(wanted('v1', 100), 200));
      await ledger().putObserved({ ...both, opened: opening(wanted('v1', 200)).opened });
      expect(await ledger().openObserved()).toEqual([wanted('v2', 150), wanted('v1', 200)]);
      expect(await lines()).toBe(4);
    });

    it('is settled once, whoever comes second', async () => {
      await ledger().putObserved(opening(wanted('v1', 100)));
      const first = settled(wanted('v1', 100), 200);
      await ledger().putObserved(settling(first));
      await ledger().putObserved(settling(settled(wanted('v1', 100), 300)));
      await ledger().putObserved({ ...opening(), kept: [wanted('v1', 100)] });
      expect(await since(0)).toEqual([first]);
      expect(await ledger().openObserved()).toEqual([]);
      expect(await lines()).toBe(2);
      const trail = await ledger().audit(0, 9);
      expect(trail.map(({ kind, body }) => [kind, JSON.parse(body)])).toMatchObject([
        ['observed', { vm: 'v1', from: 'h1', to: 'h2', outcome: 'moved-there', at: 200 }],
      ]);
    });

    it('is kept as it is by now, without a line', async () => {
      await ledger().putObserved(opening(wanted('v1', 100)));
      const later = { ...wanted('v1', 100), to: hostId('h3'), retargets: 1 };
      await ledger().putObserved({ ...opening(), kept: [later, wanted('v9', 100)] });
      expect(await ledger().openObserved()).toEqual([later]);
      expect(await lines()).toBe(1);
    });

    it('is told newest first, as far as asked; what is old goes, what is open stays', async () => {
      const all = Array.from({ length: 600 }, (_none, index) => wanted(`v${index}`, 100 + index));
      await ledger().putObserved(opening(...all));
      const [first, ...rest] = all;
      await ledger().putObserved(settling(...rest.map((move) => settled(move, move.firstAt + 50))));
      expect((await since(700, 2)).map(({ vm }) => vm)).toEqual(['v599', 'v598']);
      expect(await since(700)).toHaveLength(50);
      await ledger().prune({ before: epochSeconds(700), keep: 0 });
      expect(await since(0, 1000)).toHaveLength(50);
      expect(await ledger().openObserved()).toEqual([first]);
    });
  });
}
