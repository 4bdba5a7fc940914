// Role: of a plan that is handed in what a person says holds: it is one, its cancel stays, its yes
// ends with it, it is over when nothing of it runs, and it is as urgent as the fleet is today.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Sight } from '../../../src/app/apply-desk.ts';
import type { Finding } from '../../../src/domain/finding.ts';
import { findingId, hostId, moveId, planId, vmId } from '../../../src/domain/ids.ts';
import type { ApplyView } from '../../../src/ports/api.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import {
  applyBench,
  type ApplyBench,
  planOf,
  verdictOf,
  type Wish,
} from '../../support/apply-bench.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';
import { aDecision, aMove } from '../../support/ledger-records.ts';

let daemon: VirtualDaemon;
let sight: Sight;
beforeEach(async () => {
  daemon = await daemonOnVirtualTime('55-approve');
  const { state } = daemon.daemon;
  if (state === undefined) throw new Error('it has ticked');
  sight = state;
});
afterEach(() => daemon.stop());

const A1 = { vm: 'a1', from: 'h1', to: 'h3' };
const B = { vm: 'b', from: 'h2', to: 'h3' };
const hostOf = (vm: string) => daemon.daemon.api.vms().find(({ id }) => id === vm)?.host;
const turn = () => new Promise((done) => setImmediate(done));

async function handIn({ desk }: ApplyBench, ...wishes: readonly Wish[]) {
  const answer = await desk.apply(planOf(...wishes), 'anna', sight);
  if (!answer.ok) throw new Error(answer.error.detail);
  return answer.value;
}

async function viewIn({ desk }: ApplyBench, id: string): Promise<ApplyView> {
  const view = await desk.view(id);
  if (view === undefined) throw new Error('it is not there');
  return view;
}

describe('the cancel of a plan that is applied', () => {
  it('stays, also where a tick is judging it at that moment', async () => {
    const bench = applyBench();
    const gate = Promise.withResolvers<undefined>();
    const about = { vm: vmId('a1'), host: hostId('h3'), detail: '20 s left' };
    const rests = { code: 'cool-down', ...about } as const;
    const holds: Promise<undefined>[] = [];
    bench.judge = async (moves) => {
      await Promise.all(holds);
      return moves.map((move) => verdictOf(move, 'refused', [rests]));
    };
    const { id } = await handIn(bench, A1);
    holds.push(gate.promise);
    const beat = bench.desk.beat(sight);
    await turn();
    expect(await bench.desk.cancel(id, 'anna')).toBe(true);
    gate.resolve(undefined);
    await beat;
    expect(await viewIn(bench, id)).toMatchObject({ over: true, moves: [{ state: 'not-begun' }] });
    bench.handedOn.length = 0;
    await bench.desk.beat(sight);
    expect(bench.handedOn).toEqual([]);
  });

  it('keeps back what was judged before it and is submitted after it', async () => {
    const bench = applyBench();
    const { id } = await handIn(bench, A1);
    bench.handedOn.length = 0;
    bench.judge = async (moves) => {
      await bench.desk.cancel(id, 'anna');
      return moves.map((move) => verdictOf(move, 'execute'));
    };
    await bench.desk.beat(sight);
    expect(bench.handedOn).toEqual([]);
  });

  it('lets another be applied at once, and is over when what runs of it has ended', async () => {
    const bench = applyBench();
    const { id } = await handIn(bench, A1);
    bench.became('a1', 'running');
    await bench.desk.cancel(id, 'anna');
    expect((await viewIn(bench, id)).over).toBe(false);
    expect((await handIn(bench, B)).moves).toMatchObject([{ state: 'waiting' }]);
    expect((await viewIn(bench, id)).over).toBe(false);
    bench.became('a1', 'succeeded');
    expect(await viewIn(bench, id)).toMatchObject({ over: true, moves: [{ state: 'succeeded' }] });
  });

  it('ends the yes that was given with it', async () => {
    const { report } = aDecision('any', 0).result;
    let count = 0;
    // The planner wants the very same move, tick after tick.
    daemon.planning = async ({ snapshot }) => {
      count += 1;
      const about = { ...A1, vm: vmId('a1'), from: hostId('h1'), to: hostId('h3') };
      const kind = { tier: 'optional', criticality: 'standard', method: 'pre-copy' } as const;
      const move = aMove({ id: moveId(`w${count}`), ...about, ...kind });
      const isThere = snapshot.vms.some(({ id, host }) => id === 'a1' && host === 'h1');
      const reason = { ...move.reason, finding: findingId('f') };
      const moves = isThere ? [{ ...move, reason }] : [];
      const objective = { before: 1, after: 0, terms: {} };
      const plan = { id: planId(`p${count}`), snapshotAt: snapshot.takenAt, moves, objective };
      return { result: { plan, report }, violations: [] };
    };
    const { api } = daemon.daemon;
    await daemon.pass(120);
    expect(hostOf('a1')).toBe('h1');
    const plan = api.latestPlan();
    if (!plan.ok) throw new Error('there is no plan');
    await api.setPaused(true, 'ben');
    const applied = await api.apply(plan.value, 'anna');
    if (!applied.ok) throw new Error(applied.error.detail);
    const { id } = applied.value;
    const answer = await api.cancel({ name: id, by: 'anna', withdraw: false });
    expect(answer).toMatchObject({ value: { notes: [`nothing more of ${id} is begun`] } });
    await api.setPaused(false, 'ben');
    await daemon.pass(120);
    expect(hostOf('a1')).toBe('h1');
  });
});

describe('a plan that is applied', () => {
  it('is one: of two that come at once the second is refused', async () => {
    const { api } = daemon.daemon;
    const [first, second] = await Promise.all([
      api.apply(planOf(A1), 'anna'),
      api.apply(planOf(B), 'ben'),
    ]);
    expect(first.ok).toBe(true);
    expect(second).toMatchObject({ ok: false, error: { status: 409, code: 'in-use' } });
    await daemon.pass(120);
    expect([hostOf('a1'), hostOf('b')]).toEqual(['h3', 'h2']);
  });

  it('is not over while its last move runs that began after the look of the tick', async () => {
    const bench = applyBench();
    const { id } = await handIn(bench, A1);
    bench.became('a1', 'running');
    await bench.desk.beat(sight);
    expect(await viewIn(bench, id)).toMatchObject({ over: false, moves: [{ state: 'moving' }] });
    bench.became('a1', 'succeeded');
    await bench.desk.beat(sight);
    expect((await viewIn(bench, id)).over).toBe(true);
  });

  it('is on record, with who wanted it, before anything of it begins', async () => {
    const bench = applyBench();
    await handIn(bench, A1);
    expect(bench.decisions.map(({ by }) => by)).toEqual(['anna']);
    const failing = applyBench();
    failing.beforeRecord = () => Promise.reject(new LedgerError('full', 'no room'));
    await expect(handIn(failing, A1)).rejects.toThrow('no room');
    await failing.desk.beat(sight);
    expect(failing.handedOn).toEqual([]);
    // Nor does the history tell of an order that nothing came of.
    expect(failing.history).toEqual([]);
    failing.beforeRecord = async () => undefined;
    expect((await handIn(failing, B)).over).toBe(false);
  });

  it('asks the ledger for what was begun only, however much of it waits', async () => {
    const bench = applyBench();
    const { id } = await handIn(bench, A1, { ...A1, vm: 'a2' }, B);
    await bench.desk.beat(sight);
    await viewIn(bench, id);
    expect(bench.askedFor).toEqual([]);
    bench.became('a1', 'running');
    await viewIn(bench, id);
    expect(bench.askedFor).toHaveLength(1);
  });
});

describe('a move of a file is as urgent as the finding that it names is today', () => {
  const urgent = { ...A1, tier: 'mandatory' };
  const open = (tier: Finding['tier']): Sight => {
    const about = { kind: 'failing', subject: { kind: 'host', host: hostId('h1') } };
    return { ...sight, findings: [{ ...about, id: findingId('f'), tier } as unknown as Finding] };
  };
  const overfull = () => {
    const { moves } = planOf(urgent);
    return { moves: moves.map((move) => ({ ...move, overCpu: true, overSoft: true })) };
  };

  it('and can wait where that is over', async () => {
    const bench = applyBench();
    await bench.desk.apply(overfull(), 'anna', sight);
    const [[move] = []] = bench.handedOn;
    expect(move).toMatchObject({ vm: 'a1', tier: 'optional' });
    expect(move).not.toHaveProperty('overCpu');
    expect(move).not.toHaveProperty('overSoft');
  });

  it('at every tick anew', async () => {
    const bench = applyBench();
    sight = open('mandatory');
    await bench.desk.apply(overfull(), 'anna', sight);
    await bench.desk.beat(open('corrective'));
    const seen = bench.handedOn.flat().map(({ tier, overCpu = false }) => [tier, overCpu]);
    expect(seen).toEqual([
      ['mandatory', true],
      ['corrective', false],
    ]);
  });

  it('which is no fault of the order in which the file has them', async () => {
    const bench = applyBench();
    const later = { vm: 'a2', from: 'h1', to: 'h3', criticality: 'mission-critical' };
    const vms = sight.snapshot.vms.map((vm) =>
      vm.id === 'a2' ? { ...vm, criticality: 'mission-critical' as const } : vm,
    );
    sight = { ...sight, snapshot: { ...sight.snapshot, vms } };
    expect(await handIn(bench, urgent, later)).toMatchObject({ over: false });
    await expect(handIn(applyBench(), A1, later)).rejects.toThrow('order (a2 to h3)');
  });
});
