// Role: the order in which the moves of a plan are begun, as the judge sees it.
import { describe, expect, it } from 'vitest';

import type { GateVerdict } from '../../src/domain/journal.ts';
import { h, v } from '../support/datacenter.ts';
import { aDecision, aRecord } from '../support/ledger-records.ts';
import { aMove, aPlan } from '../support/plans.ts';
import { JournalView } from './journal-view.ts';
import { wrongsOfOpening } from './judge-opening.ts';
import type { Rules } from './script.ts';

const RULES: Rules = {
  total: 8,
  perHostIn: 2,
  perHostOut: 2,
  cooldownSeconds: 300,
  apart: [],
  pinned: [],
  pinnedTo: [],
  restart: false,
  ownWithoutStandby: 'leave',
  own: [{ vm: v('ledger'), role: 'ledger' }],
};
const LEDGER = aMove({
  id: 'm1',
  vm: 'ledger',
  tier: 'mandatory',
  criticality: 'mission-critical',
});
const SHOP = aMove({ id: 'm2', vm: 'shop', tier: 'mandatory' });

/** Of a plan that moves both off h1; `done`: the shop has had its turn. */
function opened(move: typeof SHOP, isDone: boolean): readonly string[] {
  const journal = new JournalView();
  const plan = aPlan([SHOP, LEDGER]);
  const drawn = aDecision(plan.id, 1000);
  const gate = plan.moves.map(({ id }): GateVerdict => {
    return { move: id, verdict: 'execute', mode: 'automatic', refusals: [] };
  });
  journal.decisions.set(plan.id, { ...drawn, result: { ...drawn.result, plan }, gate });
  if (isDone) journal.known.add(SHOP.id);
  return wrongsOfOpening({ ...aRecord('m1', 'ledger'), move, plan: plan.id }, journal, {
    rules: RULES,
    isCancelled: false,
    now: 1000,
    rank: (vm) => (vm === LEDGER.vm ? 0 : 2),
    isOwn: (vm) => vm === LEDGER.vm,
    runningOn: () => [h('h1')],
  });
}

describe('the judge, when a move is begun', () => {
  it('objects to a VM that Drover stands on before the others of its plan', () => {
    expect(opened(LEDGER, false)).toEqual(['own-last: shop of the same plan waits']);
  });

  it('lets it go last, however important it is', () => {
    expect(opened(SHOP, false)).toEqual([]);
    expect(opened(LEDGER, true)).toEqual([]);
  });
});
