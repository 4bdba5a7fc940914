// Role: a move that is under way while a host that it needs is silent, and not known to be dead: it
// stays open and keeps its places, and the rest of the fleet does not stand still for it.
import { describe, expect, it } from 'vitest';

import { hostId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import { seconds } from '../../../src/domain/units.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { aPolicy, someLimits, someMigration } from '../../support/fleet.ts';
import { SOURCE } from '../../support/scripted-hypervisor.ts';

const urgent = { tier: 'mandatory', criticality: 'mission-critical' } as const;
const PATIENCE_SECONDS = 300;

/** The first is under way when its target falls silent; the others come after that. */
async function withSilent(bench: Bench, first: Move, others: readonly Move[]) {
  const executor = bench.executor();
  void executor.submit(planOf([first]), yes([first]));
  await bench.clock.pass(10);
  bench.hypervisor.blind.add(first.to);
  void executor.submit(planOf(others, 'p2'), yes(others));
  return executor;
}

async function pass(bench: Bench, most: number): Promise<void> {
  for (let passed = 0; passed < most; passed += 30) await bench.clock.pass(30);
}

describe('a move that goes alone and is not heard of any more', () => {
  const own = move('1', 'h1', 'h2', { alone: true });

  it('does not hold up the rest for ever, and is told', async () => {
    const bench = await makeBench(['h1', 'h3'], { seconds: 20 });
    await withSilent(bench, own, [move('2', 'h3', 'h4', urgent)]);
    await pass(bench, PATIENCE_SECONDS - 30);
    expect(bench.hypervisor.started).toEqual(['m1']);
    await pass(bench, 120);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
    expect(bench.events.of('warning').map(({ key }) => key)).toContain('silent m1');
  });

  it('keeps its places', async () => {
    const bench = await makeBench(['h1', 'h3'], { seconds: 20 });
    const concurrency = { total: 1, perHostIn: 9, perHostOut: 9, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    await withSilent(bench, own, [move('2', 'h3', 'h4', urgent)]);
    await pass(bench, 2 * PATIENCE_SECONDS);
    expect(bench.hypervisor.started).toEqual(['m1']);
  });

  it('is waited for again when it is heard of', async () => {
    const bench = await makeBench(['h1', 'h3'], { seconds: 600 });
    const migration = someMigration({ timeoutSecondsPerGib: seconds(3600) });
    bench.policies = aPolicy({ migration });
    const executor = bench.executor();
    void executor.submit(planOf([own]), yes([own]));
    await bench.clock.pass(10);
    const job = bench.hypervisor.job.bind(bench.hypervisor);
    const silent = new AdapterError('unreachable', SOURCE, 'h1 does not answer');
    bench.hypervisor.job = () => Promise.reject(silent);
    await pass(bench, PATIENCE_SECONDS - 60);
    bench.hypervisor.job = job;
    await pass(bench, 30);
    bench.hypervisor.job = () => Promise.reject(silent);
    const others = [move('2', 'h3', 'h4', urgent)];
    void executor.submit(planOf(others, 'p2'), yes(others));
    await pass(bench, 90);
    expect(bench.hypervisor.started).toEqual(['m1']);
  });
});

describe('a move that is to go alone', () => {
  const other = move('1', 'h1', 'h2');

  it.each([
    [
      'is not kept waiting for ever by one that is not heard of any more',
      'mandatory',
      ['m1', 'm2'],
    ],
    ['waits for that where it can wait', 'corrective', ['m1']],
  ] as const)('%s', async (_name, tier, started) => {
    const bench = await makeBench(['h1', 'h3'], { seconds: 20 });
    await withSilent(bench, other, [move('2', 'h3', 'h4', { tier, alone: true })]);
    await pass(bench, 2 * PATIENCE_SECONDS);
    expect(bench.hypervisor.started).toEqual(started);
  });

  it('goes after those that may start, and before those that wait for the silent one', async () => {
    const bench = await makeBench(['h1', 'h3', 'h3', 'h4'], { seconds: 20 });
    const concurrency = { total: 9, perHostIn: 1, perHostOut: 9, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    await withSilent(bench, other, [
      move('2', 'h3', 'h4', { ...urgent, alone: true }),
      move('3', 'h3', 'h4', { tier: 'optional' }),
      move('4', 'h4', 'h2', { tier: 'optional' }),
    ]);
    await pass(bench, 2 * PATIENCE_SECONDS);
    expect(bench.hypervisor.started).toEqual(['m1', 'm3', 'm2']);
    bench.hypervisor.blind.delete(hostId('h2'));
    await pass(bench, 120);
    expect(bench.hypervisor.started).toEqual(['m1', 'm3', 'm2', 'm4']);
  });

  it('is not kept waiting for ever by one that nobody may follow', async () => {
    const bench = await makeBench(['h1', 'h3'], { seconds: 2000 });
    const before = bench.executor();
    void before.submit(planOf([other]), yes([other]));
    await bench.clock.pass(5);
    await bench.clock.until(before.stop());
    const heir = bench.executor({ takeUp: () => false });
    await bench.clock.until(heir.recover());
    const own = [move('2', 'h3', 'h4', { tier: 'mandatory', alone: true })];
    void heir.submit(planOf(own, 'p2'), yes(own));
    await pass(bench, PATIENCE_SECONDS + 30);
    expect(bench.hypervisor.started).toEqual(['m1']);
    await bench.clock.until(heir.recover());
    await pass(bench, 30);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
  });
});
