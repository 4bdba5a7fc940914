// Role: what the judge says to a move that is given a second end: nothing where the ledger refuses
// it to a controller that has slept past its lease, and what it is where the ledger takes it.
import { describe, expect, it } from 'vitest';

import { moveId } from '../../src/domain/ids.ts';
import type { MoveResult } from '../../src/domain/journal.ts';
import { epochSeconds } from '../../src/domain/units.ts';
import { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import { virtualClock } from '../support/virtual-time.ts';
import { drawScript } from './draw.ts';
import { Judge } from './judge.ts';

const MOVE = moveId('move-1');

function ending(outcome: MoveResult['outcome']): readonly unknown[] {
  return [MOVE, { outcome, at: epochSeconds(0), detail: '' }];
}

/** Of a move that was skipped. */
function judge(): Judge {
  const { fleet, rules } = drawScript(1);
  const clock = virtualClock();
  const one = new Judge(new SimulatedDatacenter(fleet, clock), clock, rules);
  one.onLedgerCall('closeMove', ending('skipped'), 'c2');
  one.onLedgerAnswer('closeMove', ending('skipped'), undefined);
  return one;
}

describe('a move that is given a second end', () => {
  it('stays as it was where the ledger refuses that', () => {
    const one = judge();
    one.onLedgerCall('closeMove', ending('cancelled'), 'c1');
    expect(one.wrongs).toEqual([]);
  });

  it('is wrong to whoever has ended it itself', () => {
    const one = judge();
    one.onLedgerCall('closeMove', ending('cancelled'), 'c2');
    expect(one.wrongs.map(({ invariant }) => invariant)).toEqual(['terminal']);
  });

  it('is wrong where the ledger answers, and where it is another end', () => {
    const one = judge();
    one.onLedgerAnswer('closeMove', ending('skipped'), undefined);
    expect(one.wrongs).toEqual([]);
    one.onLedgerAnswer('closeMove', ending('cancelled'), undefined);
    expect(one.wrongs.map(({ invariant }) => invariant)).toEqual(['terminal']);
  });
});
