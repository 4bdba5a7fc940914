// Role: what a guard keeps back of an applied plan in the last moment waits, as what it keeps back
// before, and so does what waits for it; what came to nothing is not begun again.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Sight } from '../../../src/app/apply-desk.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { applyBench, type ApplyBench, planOf, verdictOf } from '../../support/apply-bench.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';

/** Right before the first migration is asked for. */
let beforeStart: (() => Promise<unknown>) | undefined;
let daemon: VirtualDaemon;
let sight: Sight;
beforeEach(async () => {
  beforeStart = undefined;
  daemon = await daemonOnVirtualTime('55-approve', { between: pausing });
  const { state } = daemon.daemon;
  if (state === undefined) throw new Error('it has ticked');
  sight = state;
});
afterEach(() => daemon.stop());

function pausing(ledger: Ledger): Ledger {
  const addStages: Ledger['addStages'] = async (entries, holds) => {
    await ledger.addStages(entries, holds);
    if (!entries.some(({ stage }) => stage === 'pre-copy')) return;
    const what = beforeStart;
    beforeStart = undefined;
    await what?.();
  };
  return new Proxy(ledger, {
    get(target, name) {
      if (name === 'addStages') return addStages;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

const A1 = { vm: 'a1', from: 'h1', to: 'h3' };
const B = { vm: 'b', from: 'h2', to: 'h3', dependsOn: ['1'] };

async function handIn({ desk }: ApplyBench) {
  const answer = await desk.apply(planOf(A1, B), 'anna', sight);
  if (!answer.ok) throw new Error(answer.error.detail);
  return answer.value.id;
}

async function viewIn({ desk }: ApplyBench, id: string) {
  const view = await desk.view(id);
  const moves = view?.moves.map(({ vm, state, detail }) => `${vm} ${state}: ${detail}`);
  return { over: view?.over, moves };
}

describe('a move of an applied plan that is held back when it is about to begin', () => {
  it('begins when that is over, and then what waits for it', async () => {
    const { api } = daemon.daemon;
    beforeStart = () => api.setPaused(true, 'ben');
    const answer = await api.apply(planOf(A1, B), 'anna');
    if (!answer.ok) throw new Error(answer.error.detail);
    const { id } = answer.value;
    await daemon.pass(120);
    const waiting = { state: 'waiting', detail: 'paused' };
    expect(await api.applied(id)).toMatchObject({ value: { over: false, moves: [waiting, {}] } });
    await api.setPaused(false, 'ben');
    await daemon.pass(600);
    const done = { state: 'succeeded' };
    expect(await api.applied(id)).toMatchObject({ value: { over: true, moves: [done, done] } });
    const moves = await api.migrations(9);
    const ends = moves.map(({ record }) => `${record.move.vm} ${record.result?.outcome ?? ''}`);
    expect(ends.toSorted()).toEqual(['a1 skipped', 'a1 succeeded', 'b skipped', 'b succeeded']);
  });

  it.each(['budget: 3 moves an hour', 'window: blackout b', 'breaker: h3', 'quarantined: h3'])(
    'is tried under an id of its own, with what waited for it: %s',
    async (why) => {
      const bench = applyBench();
      const id = await handIn(bench);
      bench.became('a1', 'skipped', why);
      bench.became('b', 'skipped', 'it waited for a1, which was skipped');
      expect((await viewIn(bench, id)).moves?.[0]).toBe(`a1 waiting: ${why}`);
      await bench.desk.beat(sight);
      const [first = [], again = []] = bench.handedOn;
      expect(again.map(({ vm }) => vm)).toEqual(['a1', 'b']);
      expect(new Set([...first, ...again].map((move) => move.id)).size).toBe(4);
      expect(again[1]?.dependsOn).toEqual([again[0]?.id]);
      expect(await viewIn(bench, id)).toEqual({
        over: false,
        moves: ['a1 waiting: ', 'b waiting: '],
      });
      bench.became('a1', 'succeeded');
      bench.became('b', 'succeeded');
      await bench.desk.beat(sight);
      const moves = ['a1 succeeded: ', 'b succeeded: '];
      expect(await viewIn(bench, id)).toEqual({ over: true, moves });
    },
  );

  it('waits as long as the gate keeps it back, and is given up with the rest', async () => {
    const bench = applyBench();
    const id = await handIn(bench);
    bench.became('a1', 'skipped', 'paused: Drover was paused');
    bench.judge = async (moves) => moves.map((move) => verdictOf(move, 'refused', []));
    await bench.desk.beat(sight);
    expect((await viewIn(bench, id)).over).toBe(false);
    await bench.desk.cancel(id, 'anna');
    const moves = ['a1', 'b'].map((vm) => `${vm} not-begun: the plan was cancelled`);
    expect(await viewIn(bench, id)).toEqual({ over: true, moves });
  });
});

describe('a move of an applied plan that came to nothing otherwise', () => {
  it.each([
    ['skipped', 'world-moved-on: the mode is observe by now'],
    ['skipped', 'memory: h3'],
    ['failed', 'paused: by the hypervisor'],
    ['cancelled', 'cancelled by ben'],
  ] as const)('is not begun again, nor what waited for it: %s %s', async (outcome, why) => {
    const bench = applyBench();
    const id = await handIn(bench);
    bench.became('a1', outcome, why);
    const waited = 'it waited for a1, which was skipped';
    bench.became('b', 'skipped', waited);
    await bench.desk.beat(sight);
    expect(bench.handedOn[1]).toEqual([]);
    const moves = [`a1 ${outcome}: ${why}`, `b skipped: ${waited}`];
    expect(await viewIn(bench, id)).toEqual({ over: true, moves });
  });
});
