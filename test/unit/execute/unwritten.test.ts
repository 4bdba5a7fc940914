// Role: writes of the executor that the ledger does not answer, or has lost again: what is told is
// what is on record, and no move is left open that nobody asks about.
import { describe, expect, it } from 'vitest';

import type { ExecutorParts } from '../../../src/execute/executor-parts.ts';
import { moveId } from '../../../src/domain/ids.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aPolicy, aVm, someLimits, someMigration } from '../../support/fleet.ts';

type TheLedger = ExecutorParts['ledger'];
const DOWN = new LedgerError('unreachable', 'no answer');

/** The bench's ledger, with other answers. */
function answering(bench: Bench, answers: Partial<TheLedger>): Pick<ExecutorParts, 'ledger'> {
  const { ledger } = bench;
  return {
    ledger: new Proxy<TheLedger>(ledger, {
      get: (target, name) => {
        if (Object.hasOwn(answers, name)) return Reflect.get(answers, name) as unknown;
        const member: unknown = Reflect.get(target, name);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    }),
  };
}

/** The first end is written down, and its answer does not arrive. */
function losingOneAnswer(bench: Bench): Pick<ExecutorParts, 'ledger'> {
  let lost = 1;
  return answering(bench, {
    closeMove: async (...all) => {
      await bench.ledger.closeMove(...all);
      if (lost === 0) return;
      lost -= 1;
      throw DOWN;
    },
  });
}

/** One at a time: the second one waits. */
async function twoMoves() {
  const bench = await makeBench(['h1', 'h1'], { seconds: 60 });
  const concurrency = { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 };
  bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
  return { bench, moves: [move('1', 'h1', 'h2'), move('2', 'h1', 'h2')] };
}

function endsOf(bench: Bench): readonly string[] {
  return bench.events.of('move-ended').map((end) => `${end.move.id} ${end.result.outcome}`);
}

describe('a cancel that cannot be written down', () => {
  it('of a waiting move is told so, and nothing of it is begun or left open', async () => {
    const { bench, moves } = await twoMoves();
    const executor = bench.executor(answering(bench, { addUnbegun: () => Promise.reject(DOWN) }));
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(1);
    const second = moveId('m2');
    await expect(executor.cancel(second, 'ada')).rejects.toMatchObject({ code: 'unreachable' });
    expect(executor.hasUnfollowed).toBe(false);
    await bench.clock.until(done);
    expect(bench.hypervisor.started).toEqual(['m1']);
    expect(await bench.ledger.openMoves()).toEqual([]);
    expect(await bench.ledger.move(second)).toBeUndefined();
  });

  it('of a running move is told so, each time it is asked for', async () => {
    const { bench, moves } = await twoMoves();
    let isDown = false;
    const executor = bench.executor(
      answering(bench, {
        addStages: (...all) => (isDown ? Promise.reject(DOWN) : bench.ledger.addStages(...all)),
      }),
    );
    void executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    isDown = true;
    const first = moveId('m1');
    const cancel = () => executor.cancel(first, 'ada');
    await expect(cancel()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(cancel()).rejects.toMatchObject({ code: 'unreachable' });
    await bench.clock.pass(30);
    expect(endsOf(bench)).toEqual([]);
    isDown = false;
    expect(await Promise.all([cancel(), cancel()])).toEqual(['cancelling', 'cancelling']);
    await bench.clock.pass(30);
    expect(endsOf(bench)).toContain('m1 cancelled');
    const undone = (await bench.ledger.move(moveId('m1')))?.stages ?? [];
    expect(undone.filter(({ detail }) => detail.includes('ada')).length).toBeGreaterThan(0);
  });
});

describe('an end', () => {
  it('is told where only the answer to its writing was lost', async () => {
    const { bench, moves } = await twoMoves();
    const executor = bench.executor(losingOneAnswer(bench));
    await bench.clock.until(executor.submit(planOf(moves), yes(moves)));
    expect(endsOf(bench)).toEqual(['m1 succeeded', 'm2 succeeded']);
  });

  it('is followed by the cold move that it tells of where that answer was lost', async () => {
    const bench = await makeBench(['h1'], { seconds: Number.POSITIVE_INFINITY });
    const ways = ['pre-copy', 'cold'] as const;
    const ladder = {
      'mission-critical': ways,
      business: ways,
      standard: ways,
      'best-effort': ways,
    };
    bench.world = { ...bench.world, vms: [aVm({ id: 'v1', permission: 'cold' })] };
    bench.policies = aPolicy({ migration: someMigration({ ladder }) });
    const executor = bench.executor(losingOneAnswer(bench));
    const moves = [move('1', 'h1', 'h2')];
    await bench.clock.until(executor.submit(planOf(moves), yes(moves)));
    await bench.clock.pass(10);
    expect(bench.hypervisor.started).toEqual(['m1', 'm1-cold']);
    bench.hypervisor.finish('v1');
    await bench.clock.pass(60);
    expect(endsOf(bench)).toEqual(['m1 failed', 'm1-cold succeeded']);
  });

  it('is for a human where the ledger has lost the record of what was begun', async () => {
    const { bench, moves } = await twoMoves();
    let isOlder = false;
    const executor = bench.executor(
      answering(bench, {
        move: (id) => (isOlder ? Promise.resolve(undefined) : bench.ledger.move(id)),
        addStages: (...all) => (isOlder ? Promise.reject(DOWN) : bench.ledger.addStages(...all)),
      }),
    );
    void executor.submit(planOf(moves.slice(0, 1)), yes(moves));
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['m1']);
    isOlder = true;
    await bench.clock.pass(120);
    const [end] = bench.events.of('move-ended');
    expect(end?.result).toMatchObject({ outcome: 'needs-human' });
    expect(end?.result.detail).toMatch(/lost its record/);
  });
});

const LOST = new LedgerError('lost-lease', 'over');

describe('a move whose end cannot be written down', () => {
  it('is taken up by a look at what is open, also where one began before it did', async () => {
    const { bench, moves } = await twoMoves();
    const read = Promise.withResolvers<Awaited<ReturnType<TheLedger['openMoves']>>>();
    let isRead = false;
    const executor = bench.executor(
      answering(bench, {
        closeMove: (...all) => (isRead ? bench.ledger.closeMove(...all) : Promise.reject(LOST)),
        openMoves: () => (isRead ? bench.ledger.openMoves() : read.promise),
      }),
    );
    const looking = executor.recover();
    void executor.submit(planOf(moves.slice(0, 1)), yes(moves.slice(0, 1)));
    await bench.clock.pass(120);
    read.resolve([]);
    await bench.clock.until(looking);
    expect(executor.hasUnfollowed).toBe(true);
    isRead = true;
    await bench.clock.until(executor.recover());
    await bench.clock.pass(60);
    expect(await bench.ledger.openMoves()).toEqual([]);
    expect(executor.hasUnfollowed).toBe(false);
  });
});
