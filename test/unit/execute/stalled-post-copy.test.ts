// Role: a post-copy that stands still is taken up again where that can be, and a human is told.
import { describe, expect, it } from 'vitest';

import { bytes, bytesPerSecond, ratio, seconds } from '../../../src/domain/units.ts';
import { ok } from '../../../src/domain/result.ts';
import type { Hypervisor, Job, Steering } from '../../../src/ports/hypervisor.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';

interface Broken {
  readonly hypervisor: Hypervisor;
  /** What was asked of it, and when. */
  readonly steered: (readonly [number, Steering['kind']])[];
}

/** @param remaining of the post-copy at that second; undefined: as the migration has it. */
function between(bench: Bench, remaining: (at: number) => number | undefined): Broken {
  const { clock, hypervisor } = bench;
  const steered: [number, Steering['kind']][] = [];
  const job: Hypervisor['job'] = async (order): Promise<Job> => {
    const seen = await hypervisor.job(order);
    const left = remaining(clock.monotonic());
    if (left === undefined || seen.kind !== 'running') return seen;
    const progress = {
      dirtyRate: undefined,
      iteration: undefined,
      elapsedSeconds: seconds(1),
      done: ratio(0.5),
      bytesSent: bytes(1),
    };
    const bandwidth = bytesPerSecond(1);
    const phase = 'post-copy';
    return {
      kind: 'running',
      progress: { ...progress, phase, bytesRemaining: bytes(left), bandwidth },
    };
  };
  const steer: Hypervisor['steer'] = async (_order, { kind }) => {
    steered.push([clock.monotonic(), kind]);
    return ok(undefined);
  };
  const own = new Map<unknown, unknown>([
    ['job', job],
    ['steer', steer],
  ]);
  return {
    steered,
    hypervisor: new Proxy<Hypervisor>(hypervisor, {
      get(target, name) {
        const member: unknown = own.get(name) ?? Reflect.get(target, name);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    }),
  };
}

async function stalled(canRecover: boolean, remaining: (at: number) => number | undefined) {
  const capabilities = { postCopyRecovery: canRecover };
  const bench = await makeBench(['h1'], { seconds: 600, capabilities });
  const broken = between(bench, remaining);
  const moves = [move('1', 'h1', 'h2')];
  const executor = bench.executor(bench.through(broken.hypervisor));
  const done = executor.submit(planOf(moves), yes(moves));
  await bench.clock.pass(290);
  const early = bench.events.of('warning').length;
  await bench.clock.pass(310);
  const warnings = bench.events.of('warning').map(({ text }) => text);
  await bench.clock.until(done);
  const [record] = await bench.ledger.recentMoves(1);
  return { ...broken, early, warnings, outcome: record?.result?.outcome };
}

describe('a post-copy that stands still', () => {
  it('is taken up again every half a minute, and after five minutes a human is told', async () => {
    const { steered, early, warnings, outcome } = await stalled(true, (at) =>
      at < 600 ? 1000 : undefined,
    );
    const asked = steered.filter(([at, kind]) => kind === 'post-copy' && at < 600);
    expect(asked.length).toBeGreaterThan(600 / 40);
    expect(asked.length).toBeLessThan(600 / 29);
    expect([early, warnings.length]).toEqual([0, 1]);
    expect(warnings[0]).toContain('stands still between h1 and h2');
    expect(outcome).toBe('succeeded');
  });

  it('is only told of where it cannot be taken up', async () => {
    const { steered, warnings } = await stalled(false, (at) => (at < 600 ? 1000 : undefined));
    expect([steered, warnings.length]).toEqual([[], 1]);
  });

  it('is left alone while anything moves', async () => {
    const slow = (at: number) => (at < 600 ? 10_000 - Math.floor(at / 25) : undefined);
    const { steered, warnings } = await stalled(true, slow);
    expect([steered, warnings]).toEqual([[], []]);
  });
});
