// Role: the order in which the moves of a plan are begun, as the judge sees it.
import { describe, expect, it } from 'vitest';

import { moveId, planId } from '../../src/domain/ids.ts';
import type { GateVerdict } from '../../src/domain/journal.ts';
import { type Order, orderFindingId } from '../../src/domain/order.ts';
import type { Move } from '../../src/domain/plan.ts';
import { h, v } from '../support/datacenter.ts';
import { aDecision, anOrder, aRecord, aResult } from '../support/ledger-records.ts';
import { aMove, aPlan } from '../support/plans.ts';
import { someRules } from '../support/some-rules.ts';
import { JournalView } from './journal-view.ts';
import { wrongsOfOpening } from './judge-opening.ts';

const RULES = someRules({ own: [{ vm: v('ledger'), role: 'ledger' }] });
const LEDGER = aMove({
  id: 'm1',
  vm: 'ledger',
  tier: 'mandatory',
  criticality: 'mission-critical',
});
const EVACUATION = anOrder('o1');
const ASKED = aMove({ id: 'm2', vm: 'shop', tier: 'mandatory' });
const SHOP = { ...ASKED, reason: { ...ASKED.reason, finding: orderFindingId(EVACUATION) } };

/** Of a plan that moves both off h1; `done`: the shop has had its turn. */
function opened(
  move: typeof SHOP,
  isDone: boolean,
  isSilent = false,
  state: Order['state'] = 'open',
): readonly string[] {
  const journal = new JournalView();
  journal.orders.set(EVACUATION.id, { ...EVACUATION, state });
  const plan = aPlan([SHOP, LEDGER]);
  const drawn = aDecision(plan.id, 1000);
  const gate = plan.moves.map(({ id }): GateVerdict => {
    return { move: id, verdict: 'execute', mode: 'automatic', refusals: [] };
  });
  journal.decided({ ...drawn, result: { ...drawn.result, plan }, gate });
  if (isDone) journal.known.add(SHOP.id);
  return wrongsOfOpening({ ...aRecord('m1', 'ledger'), move, plan: plan.id }, journal, {
    rules: RULES,
    isCancelled: false,
    now: 1000,
    rank: (vm) => (vm === LEDGER.vm ? 0 : 2),
    isOwn: (vm) => vm === LEDGER.vm,
    isSilent,
    takenForOpen: [],
    runningOn: () => [h('h1')],
  });
}

/**
 * Two plans have the web first, then the shop; the move of the first one fails. It is open when the
 * second one comes, or is opened after that.
 */
function afterFailure(starts: number, isOpenBefore = false): readonly string[] {
  const journal = new JournalView();
  const [urgent, web] = ['m3', 'm4'].map((id) => aMove({ id, vm: 'web', tier: 'mandatory' }));
  if (urgent === undefined || web === undefined) throw new Error('two moves');
  const decide = deciding(journal);
  const begin = (): void => journal.opening({ ...aRecord('m3', 'web'), move: urgent }, []);
  decide('p1', [urgent]);
  if (isOpenBefore) begin();
  decide('p2', [web, SHOP]);
  if (!isOpenBefore) begin();
  const open = journal.open.get(urgent.id);
  if (open !== undefined) open.starts = starts;
  journal.close(urgent.id, { ...aResult(), outcome: 'failed' });
  return shopOf('p2', journal);
}

/** The shop's move of that plan begins, and the web is more important. */
function shopOf(plan: string, journal: JournalView): readonly string[] {
  return wrongsOfOpening({ ...aRecord('m2', 'shop'), move: SHOP, plan: planId(plan) }, journal, {
    rules: RULES,
    isCancelled: false,
    now: 1000,
    rank: (vm) => (vm === 'web' ? 1 : 2),
    isOwn: () => false,
    isSilent: false,
    takenForOpen: [],
    runningOn: () => [h('h1')],
  });
}

function deciding(journal: JournalView) {
  return (id: string, moves: readonly Move[]): void => {
    const plan = { ...aPlan(moves), id: planId(id) };
    const drawn = aDecision(plan.id, 1000);
    const gate = moves.map(({ id: one }): GateVerdict => {
      return { move: one, verdict: 'execute', mode: 'automatic', refusals: [] };
    });
    journal.decided({ ...drawn, result: { ...drawn.result, plan }, gate });
  };
}

/** The web is to be moved cold when p2 comes; that is skipped, and p3 comes. */
function afterCold(plan: 'p2' | 'p3'): readonly string[] {
  const journal = new JournalView();
  const decide = deciding(journal);
  const web = (id: string): Move => aMove({ id, vm: 'web', tier: 'mandatory' });
  decide('p1', [web('m3')]);
  journal.opening({ ...aRecord('m3', 'web'), move: web('m3') }, []);
  const detail = 'it does not converge; it is moved cold instead';
  journal.close(moveId('m3'), { ...aResult(), outcome: 'failed', detail });
  decide('p2', [web('m4'), SHOP]);
  const skipped = { ...aResult(), outcome: 'skipped' } as const;
  journal.unbegun({ ...aRecord('m3-cold', 'web'), move: web('m3-cold') }, skipped);
  decide('p3', [web('m5'), SHOP]);
  return shopOf(plan, journal);
}

/** The shop's move begins while the web, which is more important, waits on the same host. */
function passingOver(waits: Partial<Move>, takenForOpen: readonly Move[] = []): readonly string[] {
  const journal = new JournalView();
  const db = aMove({ id: 'm5', vm: 'db', from: 'h3', tier: 'mandatory' });
  const web = aMove({ id: 'm4', vm: 'web', tier: 'mandatory' });
  const plan = aPlan([SHOP, web, { ...db, ...waits }]);
  const drawn = aDecision(plan.id, 1000);
  const gate = plan.moves.map(({ id }): GateVerdict => {
    return { move: id, verdict: 'execute', mode: 'automatic', refusals: [] };
  });
  journal.decided({ ...drawn, result: { ...drawn.result, plan }, gate });
  return wrongsOfOpening({ ...aRecord('m2', 'shop'), move: SHOP, plan: plan.id }, journal, {
    rules: RULES,
    isCancelled: false,
    now: 1000,
    rank: (vm) => ['db', 'web', 'shop'].indexOf(vm),
    isOwn: () => false,
    isSilent: false,
    takenForOpen,
    runningOn: (vm) => [h(vm === 'db' ? 'h3' : 'h1')],
  });
}

describe('the judge, when a move is begun', () => {
  it('takes what makes room for an important VM for as important', () => {
    expect(passingOver({ dependsOn: [SHOP.id] })).toEqual([]);
    expect(passingOver({})).toEqual(['critical-first: web is more important and waits']);
  });

  it('lets the less important go while one rests whose move has failed since the plan', () => {
    expect(afterFailure(1)).toEqual([]);
    // It was never begun: it may not be passed over for that.
    expect(afterFailure(0)).toEqual(['critical-first: web is more important and waits']);
  });

  it('lets it go before one whose older move was open when the plan came: it is left out', () => {
    expect(afterFailure(0, true)).toEqual([]);
  });

  it('lets it go before one that waited to be moved cold when the plan came, and no later', () => {
    expect(afterCold('p2')).toEqual([]);
    expect(afterCold('p3')).toEqual(['critical-first: web is more important and waits']);
  });

  it('lets it go while a place is taken by a move whose end nobody has heard of', () => {
    const ended = aMove({ id: 'm9', vm: 'wiki', to: 'h2' });
    const two = (to: string) => passingOver({}, [ended, { ...ended, to: h(to) }]);
    expect([two('h2'), two('h3')].map(({ length }) => length)).toEqual([0, 1]);
  });

  it('objects to a VM that Drover stands on before the others of its plan', () => {
    expect(opened(LEDGER, false)).toEqual(['own-last: shop of the same plan waits']);
  });

  it('has it wait for nobody whose order is over', () => {
    expect(opened(LEDGER, false, false, 'closed')).toEqual([]);
  });

  it('has it wait for no others that wait for a move of which nothing is heard', () => {
    expect(opened(LEDGER, false, true)).toEqual([]);
  });

  it('lets it go last, however important it is', () => {
    expect(opened(SHOP, false)).toEqual([]);
    expect(opened(LEDGER, true)).toEqual([]);
  });
});
