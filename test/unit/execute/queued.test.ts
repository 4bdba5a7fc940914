// Role: what a platform keeps in its queue: how long it did is on record beside how long the move
// took, also where the process that follows it is another one.
import { describe, expect, it } from 'vitest';

import { seconds } from '../../../src/domain/units.ts';
import type { Hypervisor, Job } from '../../../src/ports/hypervisor.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';

const QUEUED_SECONDS = 60;

/** The platform has it in its queue until then, and says so. */
function queueing({ clock, hypervisor }: Bench, until: number): Hypervisor {
  const job: Hypervisor['job'] = async (order): Promise<Job> => {
    const seen = await hypervisor.job(order);
    if (seen.kind !== 'running' || clock.monotonic() >= until) return seen;
    return { kind: 'running', progress: { ...seen.progress, phase: 'queued' } };
  };
  return new Proxy<Hypervisor>(hypervisor, {
    get(target, name) {
      const member: unknown = name === 'job' ? job : Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

async function resultOf(bench: Bench) {
  const [record] = await bench.ledger.recentMoves(1);
  return { took: record?.result?.seconds ?? 0, queued: record?.result?.queuedSeconds };
}

describe('a move in the queue of its platform', () => {
  it('is told apart from one under way', async () => {
    const bench = await makeBench(['h1'], { seconds: 90 });
    const through = queueing(bench, bench.clock.monotonic() + QUEUED_SECONDS);
    const moves = [move('1', 'h1', 'h2')];
    const executor = bench.executor(bench.through(through));
    await bench.clock.until(executor.submit(planOf(moves), yes(moves)));
    const { took, queued } = await resultOf(bench);
    expect(took).toBeGreaterThanOrEqual(90);
    expect(queued).toBeGreaterThan(QUEUED_SECONDS - 10);
    expect(queued).toBeLessThanOrEqual(QUEUED_SECONDS);
  });

  it('has none of it where it begins at once', async () => {
    const bench = await makeBench(['h1']);
    const moves = [move('1', 'h1', 'h2')];
    await bench.clock.until(bench.executor().submit(planOf(moves), yes(moves)));
    expect(await resultOf(bench)).toMatchObject({ queued: undefined });
  });

  it('counts from its record where it is adopted', async () => {
    const bench = await makeBench(['h1'], { seconds: 90 });
    const through = bench.through(queueing(bench, bench.clock.monotonic() + QUEUED_SECONDS));
    const moves = [move('1', 'h1', 'h2')];
    const first = bench.executor(through);
    void first.submit(planOf(moves), yes(moves));
    await bench.clock.pass(20);
    await bench.clock.until(first.stop());
    const second = bench.executor(through);
    await bench.clock.until(second.recover());
    await bench.clock.pass(seconds(120));
    const { took, queued } = await resultOf(bench);
    expect(took).toBeGreaterThanOrEqual(90);
    expect(queued).toBeGreaterThan(QUEUED_SECONDS - 10);
    expect(queued).toBeLessThanOrEqual(QUEUED_SECONDS);
  });
});
