// Role: writes of the executor that the ledger does not answer, or has lost again: what is told is
// what is on record, and no move is left open that nobody asks about.
import { describe, expect, it } from 'vitest';

import type { ExecutorParts } from '../../../src/execute/executor-parts.ts';
import { moveId } from '../../../src/domain/ids.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aPolicy, someLimits } from '../../support/fleet.ts';

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
  it('of a waiting move is told so, and the record that it left open is asked about', async () => {
    const { bench, moves } = await twoMoves();
    let fails = 1;
    const executor = bench.executor(
      answering(bench, {
        closeMove: (id, ...rest) => {
          if (id !== 'm2' || fails === 0) return bench.ledger.closeMove(id, ...rest);
          fails -= 1;
          return Promise.reject(DOWN);
        },
      }),
    );
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(1);
    const second = moveId('m2');
    await expect(executor.cancel(second, 'ada')).rejects.toMatchObject({ code: 'unreachable' });
    expect(executor.hasUnfollowed).toBe(true);
    await bench.clock.until(done);
    expect(bench.hypervisor.started).toEqual(['m1']);
    await bench.clock.until(executor.recover());
    await bench.clock.pass(1);
    expect(await bench.ledger.openMoves()).toEqual([]);
    expect(bench.hypervisor.started).toEqual(['m1']);
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
    isDown = false;
    expect(await cancel()).toBe('cancelling');
    await bench.clock.pass(30);
    expect(endsOf(bench)).toContain('m1 cancelled');
  });
});

describe('an end', () => {
  it('is told where only the answer to its writing was lost', async () => {
    const { bench, moves } = await twoMoves();
    let lost = 1;
    const executor = bench.executor(
      answering(bench, {
        closeMove: async (...all) => {
          await bench.ledger.closeMove(...all);
          if (lost === 0) return;
          lost -= 1;
          throw DOWN;
        },
      }),
    );
    await bench.clock.until(executor.submit(planOf(moves), yes(moves)));
    expect(endsOf(bench)).toEqual(['m1 succeeded', 'm2 succeeded']);
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
