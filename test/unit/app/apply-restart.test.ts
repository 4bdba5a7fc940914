// Role: a plan that was handed in outlives who carries it out: the next life goes on with what was
// not begun, and with nothing that was cancelled or is over.
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import type { ApplyDesk, Sight } from '../../../src/app/apply-desk.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import type { ApplyView } from '../../../src/ports/api.ts';
import { applyBench, type ApplyBench, planOf, verdictOf } from '../../support/apply-bench.ts';
import { daemonOnVirtualTime } from '../../support/daemon-on-virtual-time.ts';

const PLAN = planOf(
  { vm: 'a1', from: 'h1', to: 'h3' },
  { vm: 'a2', from: 'h1', to: 'h3' },
  { vm: 'b', from: 'h2', to: 'h3', dependsOn: ['1'] },
);
const NOT_BEGUN = 'world-moved-on: it was not started before Drover stopped';

let sight: Sight;
let bench: ApplyBench;
beforeEach(async () => {
  const { daemon, stop } = await daemonOnVirtualTime('55-approve');
  onTestFinished(stop);
  if (daemon.state === undefined) throw new Error('it has ticked');
  sight = daemon.state;
  bench = applyBench();
});

async function handIn(desk: ApplyDesk = bench.desk, plan: object = PLAN): Promise<ApplyView> {
  const answer = await desk.apply(plan, 'anna', sight);
  if (!answer.ok) throw new Error(answer.error.detail);
  return answer.value;
}

/** What is handed on with the next tick: `VM attempt`. */
async function nextOf(desk: ApplyDesk): Promise<readonly string[]> {
  bench.handedOn.length = 0;
  await desk.beat(sight);
  return bench.handedOn.flat().map(({ id, vm }) => `${vm} ${id.split('/')[2] ?? 1}`);
}

async function statesIn(desk: ApplyDesk, id: string): Promise<readonly string[]> {
  return (await desk.view(id))?.moves.map(({ vm, state }) => `${vm} ${state}`) ?? [];
}

describe('a plan that was handed in to a life before this one', () => {
  it('goes on with what was not begun', async () => {
    const { id } = await handIn();
    bench.became('a1', 'running');
    const after = bench.another();
    expect(await nextOf(after)).toEqual(['a2 1']);
    expect(await statesIn(after, id)).toEqual(['a1 moving', 'a2 waiting', 'b waiting']);
    bench.became('a1', 'succeeded');
    expect(await nextOf(after)).toEqual(['a2 1', 'b 1']);
  });

  it('tries once more what was about to begin when that ended', async () => {
    await handIn();
    bench.became('a1', 'skipped', NOT_BEGUN);
    const after = bench.another();
    expect(await nextOf(after)).toEqual(['a1 2', 'a2 1', 'b 1']);
    bench.became('a1', 'skipped', NOT_BEGUN);
    expect(await nextOf(bench.another())).toEqual(['a1 3', 'a2 1', 'b 1']);
  });

  it('leaves alone what came to nothing, and what waited for it', async () => {
    await handIn();
    bench.became('a1', 'failed');
    expect(await nextOf(bench.another())).toEqual(['a2 1']);
  });

  it('is shown to who follows it before the first tick', async () => {
    const { id } = await handIn();
    bench.became('a1', 'succeeded');
    const states = ['a1 succeeded', 'a2 waiting', 'b waiting'];
    expect(await statesIn(bench.another(), id)).toEqual(states);
  });

  it('lets no other be applied beside it, from the first moment', async () => {
    const { id } = await handIn();
    const after = bench.another();
    expect((await handIn(after)).id).toBe(id);
    const other = planOf({ vm: 'a3', from: 'h1', to: 'h2' });
    expect(await after.apply(other, 'ben', sight)).toMatchObject({
      error: { code: 'in-use', detail: `another plan is being applied (${id})` },
    });
  });

  it('is not gone on with where somebody has cancelled it', async () => {
    const { id } = await handIn();
    expect(await bench.desk.cancel(id, 'ben')).toBe(true);
    expect(await nextOf(bench.another())).toEqual([]);
  });

  it('is cancelled by who cancels it before the first tick', async () => {
    const { id } = await handIn();
    const after = bench.another();
    await after.takeUp();
    expect(await after.cancel(id, 'ben')).toBe(true);
    expect(await nextOf(after)).toEqual([]);
    expect(await nextOf(bench.another())).toEqual([]);
  });

  it('is not, where it was cancelled before it was on record', async () => {
    bench.judge = async (moves) => {
      const [id] = moves[0]?.id.split('/') ?? [];
      await bench.desk.cancel(id ?? '', 'ben');
      return moves.map((move) => verdictOf(move, 'execute'));
    };
    await handIn();
    expect(await nextOf(bench.another())).toEqual([]);
  });

  it('is not, where the answer to its order was that it failed', async () => {
    const lost = async () => {
      throw new LedgerError('unreachable', 'the answer was lost');
    };
    Object.assign(bench, { afterKeep: lost, beforeClose: lost });
    await expect(bench.desk.apply(PLAN, 'anna', sight)).rejects.toThrow('the answer was lost');
    await expect(bench.desk.beat(sight)).rejects.toThrow('the answer was lost');
    bench.beforeClose = async () => undefined;
    expect(await nextOf(bench.desk)).toEqual([]);
    expect(await nextOf(bench.another())).toEqual([]);
  });

  it('is not, where nothing of it was left', async () => {
    await handIn();
    for (const vm of ['a1', 'a2', 'b']) bench.became(vm, 'succeeded');
    expect(await nextOf(bench.desk)).toEqual([]);
    bench.askedFor.length = 0;
    expect(await nextOf(bench.another())).toEqual([]);
    expect(bench.askedFor).toEqual([]);
  });
});

describe('a plan that was handed in to another controller', () => {
  it('stays with that one', async () => {
    await handIn();
    expect(await nextOf(bench.another('c2'))).toEqual([]);
    expect(await nextOf(bench.another('c1'))).toEqual(['a1 1', 'a2 1', 'b 1']);
  });
});
