// Role: what mode observe has settled does not grow without end, however young it is; and what a
// tick asks of it is found by an index.
import { expect, it } from 'vitest';

import { openedLine } from '../../../src/app/observed-lines.ts';
import { MOST_SETTLED, selectOpenObserved } from '../../../src/ledger/observed-moves.ts';
import type { ObservedMove } from '../../../src/domain/observed-move.ts';
import { vmId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { momentAt, ObservedLife } from '../../support/observed.ts';
import { watchedLedger } from '../../support/watched-ledger.ts';

function wanted(count: number): readonly ObservedMove[] {
  const [move] = new ObservedLife().tick({ at: 0, wishes: [{ vm: 'v1', to: 'h2' }] }).open;
  if (move === undefined) throw new Error('nothing is open');
  return Array.from({ length: count }, (_none, at) => ({
    ...move,
    id: `${at}`,
    vm: vmId(`${at}`),
  }));
}

it('keeps the newest that are settled', async () => {
  const watched = await watchedLedger();
  const all = wanted(MOST_SETTLED + 20);
  const settled = all.map((move, at) => {
    return { ...move, end: { outcome: 'ended', at: momentAt(at) } as const };
  });
  const none = { opened: [], settled: [], kept: [] };
  await watched.fill(async (ledger) => {
    const opened = all.map((move) => ({ move, line: openedLine(move) }));
    await ledger.putObserved({ ...none, opened });
    const over = settled.map((move) => ({ move, line: openedLine(move) }));
    await ledger.putObserved({ ...none, settled: over });
    await ledger.prune({ before: epochSeconds(0), keep: 10 });
  });
  const left = await watched.db
    .selectFrom('observed_moves')
    .select('id')
    .orderBy('settled_at')
    .execute();
  expect([left.length, left[0]?.id, left.at(-1)?.id]).toEqual([MOST_SETTLED, '20', '10019']);
  await watched.close();
});

it('finds what is open without a look at what is settled', async () => {
  const watched = await watchedLedger();
  await selectOpenObserved(watched.db);
  expect(watched.way(watched.asked.at(-1))).toMatch(/SEARCH .* USING INDEX observed_moves_/);
  await watched.close();
});
