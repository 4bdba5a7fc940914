// Role: an evacuation that was planned on paper (`drover plan --evacuate`) and is handed in is a
// person's own: it goes on as urgent as it was planned, with what makes room for it.
import { afterEach, describe, expect, it } from 'vitest';

import { faultsOf, judgedAnew, planOfOpen } from '../../../src/app/applied-plan.ts';
import { dryTick } from '../../../src/app/dry-tick.ts';
import { findingId, hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import { dryOrderId, orderFindingId } from '../../../src/domain/order.ts';
import type { Move } from '../../../src/domain/plan.ts';
import { RuleBook } from '../../../src/rules/rule-book.ts';
import { planOf } from '../../support/apply-bench.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';
import { aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { aMove } from '../../support/ledger-records.ts';
import { aSpare } from '../../support/rule-kinds.ts';

let bench: VirtualDaemon | undefined;
afterEach(() => bench?.stop());

const H1 = hostId('h1');
const DRY = orderFindingId({ id: dryOrderId(H1) });

/** Of a plan in which h1 was ordered empty. */
function moveOf(id: string, from: string, to: string, options: Partial<Move> = {}): Move {
  const about = { id: moveId(id), vm: vmId(`v${id}`), from: hostId(from), to: hostId(to) };
  const move = aMove({ ...about, tier: 'mandatory', overCpu: true, ...options });
  return { ...move, reason: { ...move.reason, finding: DRY } };
}

const tiersOf = (moves: readonly Move[]) => moves.map(({ id, tier }) => `${id} ${tier}`);

describe('an evacuation on paper that is handed in', () => {
  it('stays mandatory, with those who make room and those who make room for them', () => {
    const moves = [
      moveOf('1', 'h3', 'h4'),
      moveOf('2', 'h2', 'h3', { dependsOn: [moveId('1')] }),
      moveOf('3', 'h1', 'h2', { dependsOn: [moveId('2')] }),
    ];
    expect(judgedAnew(moves, [])).toEqual(moves);
    // Also where those for whom they make room are not begun with them.
    expect(judgedAnew(moves.slice(0, 1), [], moves)).toEqual(moves.slice(0, 1));
  });

  it('makes nothing else urgent that names it', () => {
    const moves = [
      moveOf('1', 'h3', 'h4'),
      moveOf('2', 'h1', 'h2', { tier: 'corrective' }),
      moveOf('3', 'h1', 'h2', { dependsOn: [moveId('4')] }),
    ];
    const other = moveOf('4', 'h2', 'h3');
    const reason = { ...other.reason, finding: findingId('rule:p:hot:h2') };
    const judged = judgedAnew([...moves, { ...other, reason }], []);
    expect(tiersOf(judged)).toEqual(['1 optional', '2 optional', '3 mandatory', '4 optional']);
  });

  it('may go to the spare host', () => {
    const hosts = ['h1', 'h2'].map((id) => aHost({ id }));
    const vms = [aVm({ id: 'v1', host: 'h1' })];
    const snapshot = aSnapshot({ hosts, vms, placement: [aSpare('spare', ['h2'])] });
    const { overCpu: _overCpu, ...move } = moveOf('1', 'h1', 'h2');
    const written = planOfOpen('apply-x', [move], snapshot);
    const judged = planOfOpen('apply-x', judgedAnew([move], []), snapshot);
    expect(faultsOf(judged, written, snapshot, aPolicy())).toEqual([]);
  });

  it('is carried out as such', async () => {
    bench = await daemonOnVirtualTime('55-approve');
    const { api, state } = bench.daemon;
    if (state === undefined) throw new Error('it has ticked');
    const reason = { finding: DRY, text: 'on paper', evidence: [], terms: {} };
    const wish = { vm: 'a1', from: 'h1', to: 'h3', tier: 'mandatory', reason };
    expect(await api.apply(planOf(wish), 'anna')).toMatchObject({ ok: true });
    await bench.pass(120);
    const moves = (await api.migrations(9)).map(({ record: { move, result } }) => {
      return [move.vm, move.tier, result?.outcome];
    });
    expect(moves).toEqual([['a1', 'mandatory', 'succeeded']]);
  });

  it('is known by what a plan on paper calls it', async () => {
    const hosts = ['h1', 'h2'].map((id) => aHost({ id }));
    const snapshot = aSnapshot({ hosts, vms: [aVm({ id: 'v1', host: 'h1' })] });
    const policies = aPolicy();
    const rules = RuleBook.compile(policies);
    if (!rules.ok) throw new Error('it has no rules');
    const input = { snapshot, policies, rules: rules.value, seed: 1, orders: [] };
    const { result } = await dryTick({ ...input, evacuate: [H1] });
    const { moves } = result.plan;
    expect(moves).toHaveLength(1);
    expect(tiersOf(judgedAnew(moves, []))).toEqual(tiersOf(moves));
  });
});
