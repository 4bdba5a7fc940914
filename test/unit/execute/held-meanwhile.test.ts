// Role: what people decide while a move is still being looked at holds it back as what they had
// decided before.
import { describe, expect, it } from 'vitest';

import { hostId, moveId } from '../../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import type { Executor } from '../../../src/execute/executor.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import { type Bench, makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';
import { aPolicy, someLimits } from '../../support/fleet.ts';
import { anOrder } from '../../support/ledger-records.ts';

/** How the move ended; its first precheck hangs, and meanwhile something is decided. */
async function endOf(
  decide: (bench: Bench) => Promise<unknown> | undefined,
  make = (bench: Bench): Executor => bench.executor(),
) {
  let isFirst = true;
  const fault = (_call: number, name: string) =>
    name === 'precheck' && isFirst ? 'hangs' : undefined;
  const bench = await makeBench(['h1'], { fault });
  const moves = [move('1', 'h1', 'h2')];
  const done = make(bench).submit(planOf(moves), yes(moves));
  await bench.clock.pass(5);
  expect(bench.hypervisor.started).toEqual([]);
  await decide(bench);
  isFirst = false;
  await bench.clock.until(done);
  return { bench, moves, record: await bench.ledger.move(moveId('m1')) };
}

describe('a move that is still being looked at', () => {
  it.each<[string, (bench: Bench) => Promise<unknown> | undefined, string]>([
    [
      'Drover is paused',
      ({ ledger, clock }) => ledger.setPaused(true, 'ada', clock.now()),
      'paused',
    ],
    [
      'its target is ordered empty',
      ({ ledger }) => ledger.putOrder(anOrder('o1', { host: hostId('h2') })),
      'quarantined',
    ],
    [
      'the mode is observe by now',
      (bench) => {
        bench.policies = aPolicy({ mode: { default: 'observe', clusters: {}, approve: [] } });
        return undefined;
      },
      'world-moved-on',
    ],
  ])('is not started where %s', async (_why, decide, code) => {
    const { bench, moves, record } = await endOf(decide);
    expect(bench.hypervisor.started).toEqual([]);
    expect(record?.result).toMatchObject({ outcome: 'skipped' });
    expect(record?.result?.detail).toContain(code);
    // It was not begun: it neither rests for that, nor touches its target.
    expect(record?.stages).toEqual([]);
    expect(bench.hypervisor.calls).not.toContain('cleanUp');
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('is started where nobody has decided anything', async () => {
    const { bench, moves, record } = await endOf(() => undefined);
    expect(record?.result?.outcome).toBe('succeeded');
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('is not started where Drover is paused while its journal is being written', async () => {
    const bench = await makeBench(['h1']);
    const { ledger, clock } = bench;
    const addStages = ledger.addStages.bind(ledger);
    ledger.addStages = async (entries, holds) => {
      await addStages(entries, holds);
      if (!entries.some(({ stage, phase }) => stage === 'pre-copy' && phase === 'before')) return;
      await ledger.setPaused(true, 'ada', clock.now());
      await clock.sleep(seconds(3));
    };
    const moves = [move('1', 'h1', 'h2')];
    await clock.until(bench.executor().submit(planOf(moves), yes(moves)));
    expect(bench.hypervisor.started).toEqual([]);
    expect((await ledger.move(moveId('m1')))?.result?.outcome).toBe('skipped');
    expect(await wrongs(bench, moves)).toEqual([]);
    // Nothing was asked of the hypervisor: it does not rest for that.
    expect([...(await ledger.troubles(epochSeconds(0), clock.now()))]).toEqual([]);
  });

  it.each([
    ['once', 1],
    ['for long', 20],
  ])('is not followed as if it had been started where the ledger fails %s', async (_how, times) => {
    const bench = await makeBench(['h1']);
    const { ledger, clock } = bench;
    let left = 0;
    const failing = <Given extends unknown[], Answer>(
      ask: (...given: Given) => Promise<Answer>,
    ) => {
      return async (...given: Given): Promise<Answer> => {
        if (left === 0) return ask(...given);
        left -= 1;
        throw new LedgerError('io', 'no');
      };
    };
    const addStages = ledger.addStages.bind(ledger);
    for (const name of ['paused', 'move'] as const)
      Object.assign(ledger, {
        [name]: failing(ledger[name].bind(ledger) as () => Promise<unknown>),
      });
    ledger.addStages = async (entries, holds) => {
      await addStages(entries, holds);
      if (!entries.some(({ stage, phase }) => stage === 'pre-copy' && phase === 'before')) return;
      left = times;
      await clock.sleep(seconds(3));
    };
    const moves = [move('1', 'h1', 'h2')];
    await clock.until(bench.executor().submit(planOf(moves), yes(moves)));
    expect(bench.hypervisor.started).toEqual([]);
    expect((await ledger.move(moveId('m1')))?.result?.outcome).toBe('skipped');
    expect((await ledger.setbacks(epochSeconds(0), clock.now())).failures).toEqual([]);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('asks again at once where it is told that something was decided', async () => {
    const bench = await makeBench(['h1']);
    const { ledger, clock } = bench;
    const executor = bench.executor();
    const precheck = bench.hypervisor.precheck.bind(bench.hypervisor);
    bench.hypervisor.precheck = async (...given) => {
      await ledger.setPaused(true, 'ada', clock.now());
      executor.reconsider();
      return precheck(...given);
    };
    const moves = [move('1', 'h1', 'h2')];
    await clock.until(executor.submit(planOf(moves), yes(moves)));
    expect(bench.hypervisor.started).toEqual([]);
    expect((await ledger.move(moveId('m1')))?.stages).toEqual([]);
  });

  it('is found cancelled where it was cancelled, too', async () => {
    let executor: Executor | undefined;
    const { record } = await endOf(
      async ({ ledger, clock }) => {
        await ledger.setPaused(true, 'ben', clock.now());
        expect(await executor?.cancel(moveId('m1'), 'ada')).toBe('cancelling');
      },
      (bench) => (executor = bench.executor()),
    );
    expect(record?.result).toMatchObject({ outcome: 'cancelled' });
  });

  it('asks once only where it is looked at in no time', async () => {
    const bench = await makeBench(['h1']);
    let asked = 0;
    const paused = bench.ledger.paused.bind(bench.ledger);
    bench.ledger.paused = () => {
      asked += 1;
      return paused();
    };
    const moves = [move('1', 'h1', 'h2')];
    await bench.clock.until(bench.executor().submit(planOf(moves), yes(moves)));
    expect(bench.hypervisor.started).toEqual(['m1']);
    expect(asked).toBe(1);
  });

  it('asks no more often than once a second for all, however long each is looked at', async () => {
    const hosts = Array.from({ length: 20 }, () => 'h1');
    const bench = await makeBench(hosts);
    const concurrency = { total: 2, perHostIn: 9, perHostOut: 9, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const { clock, hypervisor, ledger } = bench;
    const asked: number[] = [];
    const paused = ledger.paused.bind(ledger);
    ledger.paused = () => {
      asked.push(clock.monotonic());
      return paused();
    };
    const precheck = hypervisor.precheck.bind(hypervisor);
    let count = 0;
    hypervisor.precheck = async (...given) => {
      count += 1;
      await clock.sleep(seconds(1.5 + (count % 7) / 10));
      return precheck(...given);
    };
    const moves = hosts.map((_host, index) => {
      return move(`${index + 1}`, 'h1', `h${2 + (index % 3)}`, { tier: 'mandatory' });
    });
    await clock.until(bench.executor().submit(planOf(moves), yes(moves)));
    expect(hypervisor.started).toHaveLength(moves.length);
    expect(asked.length).toBeLessThanOrEqual(moves.length);
  });
});
