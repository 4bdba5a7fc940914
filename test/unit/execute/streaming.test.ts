// Role: several moves at once: dependencies, caps, order, and newer plans.
import { describe, expect, it } from 'vitest';

import { clusterId, moveId } from '../../../src/domain/ids.ts';
import { bytesPerSecond } from '../../../src/domain/units.ts';
import { aHost, anAntiAffinity, aPolicy, aVm, someLimits } from '../../support/fleet.ts';
import { carryOut, makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';

describe('streaming', () => {
  it('starts what may start at once, and what waits the moment it may', async () => {
    const bench = await makeBench(['h1', 'h2', 'h3']);
    const first = move('1', 'h1', 'h2');
    const moves = [first, move('2', 'h2', 'h3', { dependsOn: [first.id] }), move('3', 'h3', 'h4')];
    const executor = bench.executor();
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(10);
    expect(bench.hypervisor.started).toEqual(['m1', 'm3']);
    expect(executor.waiting).toBe(1);
    await bench.clock.until(done);
    expect(bench.hypervisor.started).toEqual(['m1', 'm3', 'm2']);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('keeps to the caps per host and in all', async () => {
    const bench = await makeBench(['h1', 'h1', 'h1', 'h3']);
    const concurrency = { total: 3, perHostIn: 9, perHostOut: 2, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const moves = [
      move('1', 'h1', 'h2'),
      move('2', 'h1', 'h4'),
      move('3', 'h1', 'h4'),
      move('4', 'h3', 'h2'),
    ];
    const executor = bench.executor();
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    // m3 has to wait for its host, and does not hold up m4 behind it.
    expect(bench.hypervisor.started).toEqual(['m1', 'm2', 'm4']);
    await bench.clock.until(done);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('keeps to the caps of the uplinks, in each direction, and lets others pass', async () => {
    const bench = await makeBench(['h1', 'h1', 'h3', 'h1']);
    const concurrency = { total: 9, perHostIn: 9, perHostOut: 9, perLink: 1 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const switches = { h1: 'a', h2: 'a', h3: 'b', h4: 'b' };
    const hosts = Object.entries(switches).map(([id, uplink]) =>
      aHost({ id, uplink: { id: uplink, bandwidth: bytesPerSecond(1e9) } }),
    );
    bench.world = { ...bench.world, hosts };
    const moves = [
      move('1', 'h1', 'h3'),
      move('2', 'h1', 'h4'),
      move('3', 'h3', 'h2'),
      move('4', 'h1', 'h2'),
    ];
    const executor = bench.executor();
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    // m2 waits for the uplink, m3 goes the other way over it, m4 over none.
    expect(bench.hypervisor.started).toEqual(['m1', 'm3', 'm4']);
    await bench.clock.until(done);
    expect(bench.hypervisor.started).toEqual(['m1', 'm3', 'm4', 'm2']);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('keeps to the cap per cluster, and lets others pass', async () => {
    const bench = await makeBench(['h1', 'h2', 'h1', 'h4', 'h3', 'h5', 'h5', 'h5']);
    const others = { total: 9, perHostIn: 9, perHostOut: 9, perLink: 9 };
    const concurrency = { ...others, perCluster: 2 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const clusters = { h1: 'a', h2: 'a', h3: 'b', h4: 'b', h5: undefined, h6: undefined };
    const hosts = Object.entries(clusters).map(([id, cluster]) =>
      aHost({ id, cluster: cluster === undefined ? undefined : clusterId(cluster) }),
    );
    bench.world = { ...bench.world, hosts };
    const executor = bench.executor();
    // Of another plan, and under way already; it counts once.
    const first = [move('1', 'h1', 'h2')];
    const before = executor.submit(planOf(first), yes(first), 'ordered');
    await bench.clock.pass(1);
    const moves = [
      move('2', 'h2', 'h3'),
      move('3', 'h1', 'h2'),
      move('4', 'h4', 'h3'),
      move('5', 'h3', 'h4'),
      move('6', 'h5', 'h6'),
      move('7', 'h5', 'h6'),
      move('8', 'h5', 'h6'),
    ];
    const done = executor.submit(planOf(moves, 'p2'), yes(moves));
    await bench.clock.pass(3);
    // m2 counts in both: m3 waits for the one cluster, m5 for the other. The last are in none.
    expect(bench.hypervisor.started).toEqual(['m1', 'm2', 'm4', 'm6', 'm7', 'm8']);
    await bench.clock.until(Promise.all([before, done]));
    expect(bench.hypervisor.started.slice(6).toSorted()).toEqual(['m3', 'm5']);
    expect(await wrongs(bench, [...first, ...moves])).toEqual([]);
  });

  it('serves the tier first, then the criticality, then the order of the plan', async () => {
    const bench = await makeBench(['h1', 'h1', 'h1', 'h1']);
    const concurrency = { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const moves = [
      move('1', 'h1', 'h2', { tier: 'optional', criticality: 'mission-critical' }),
      move('2', 'h1', 'h2', { tier: 'mandatory' }),
      move('3', 'h1', 'h2', { tier: 'mandatory', criticality: 'mission-critical' }),
      move('4', 'h1', 'h2', { tier: 'mandatory' }),
    ];
    await carryOut(bench, moves);
    expect(bench.hypervisor.started).toEqual(['m3', 'm2', 'm4', 'm1']);
  });

  it('serves what makes room for the most important before all others', async () => {
    const bench = await makeBench(['h1', 'h1', 'h3', 'h1', 'h2']);
    const concurrency = { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const moves = [
      move('3', 'h3', 'h4', { tier: 'mandatory', criticality: 'best-effort' }),
      move('5', 'h2', 'h4', {
        tier: 'mandatory',
        criticality: 'best-effort',
        dependsOn: [moveId('m3')],
      }),
      move('4', 'h1', 'h2', {
        tier: 'mandatory',
        criticality: 'mission-critical',
        dependsOn: [moveId('m5')],
      }),
      move('1', 'h1', 'h3', { tier: 'mandatory', criticality: 'business' }),
      move('2', 'h1', 'h4', { tier: 'mandatory', criticality: 'business' }),
    ];
    await carryOut(bench, moves);
    expect(bench.hypervisor.started).toEqual(['m3', 'm5', 'm4', 'm1', 'm2']);
  });

  it('serves nobody sooner for the sake of what goes alone, and last', async () => {
    const bench = await makeBench(['h1', 'h1', 'h2']);
    const concurrency = { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const moves = [
      move('2', 'h1', 'h2', { tier: 'mandatory', criticality: 'business' }),
      move('3', 'h2', 'h3', { tier: 'mandatory', criticality: 'best-effort' }),
      move('1', 'h1', 'h2', {
        tier: 'mandatory',
        criticality: 'mission-critical',
        dependsOn: [moveId('m3')],
        alone: true,
      }),
    ];
    await carryOut(bench, moves);
    expect(bench.hypervisor.started).toEqual(['m2', 'm3', 'm1']);
  });

  it('skips what waited for a move that failed, all the way, and nothing else', async () => {
    const bench = await makeBench(['h1', 'h2', 'h3', 'h1']);
    bench.hypervisor.fault = (_call, name) => (name === 'startMove' ? 'declined' : undefined);
    const moves = [
      move('1', 'h1', 'h2'),
      move('2', 'h2', 'h3', { dependsOn: [moveId('m1')] }),
      move('3', 'h3', 'h4', { dependsOn: [moveId('m2')] }),
      move('4', 'h1', 'h4'),
    ];
    const done = bench.executor().submit(planOf(moves), yes(moves));
    await bench.clock.pass(1);
    bench.hypervisor.fault = () => undefined;
    await bench.clock.until(done);
    const outcomes = await Promise.all(moves.map((one) => bench.ledger.move(one.id)));
    expect(outcomes.map((record) => record?.result?.outcome)).toEqual([
      'failed',
      'skipped',
      'skipped',
      'failed',
    ]);
    expect(outcomes[1]?.result?.detail).toBe('it waited for m1, which failed');
    expect(outcomes[2]?.result?.detail).toBe('it waited for m2, which was skipped');
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('lets a VM take the place of another before the next snapshot shows it', async () => {
    const bench = await makeBench([]);
    bench.hypervisor.place('v1', 'h1');
    bench.hypervisor.place('v2', 'h2');
    const vms = [
      aVm({ id: 'v1', host: 'h1', memoryGib: 40 }),
      aVm({ id: 'v2', host: 'h2', memoryGib: 40 }),
    ];
    bench.world = { ...bench.world, vms };
    const moves = [move('2', 'h2', 'h3'), move('1', 'h1', 'h2', { dependsOn: [moveId('m2')] })];
    const executor = bench.executor();
    await bench.clock.until(executor.submit(planOf(moves), yes(moves)));
    expect(await wrongs(bench, moves)).toEqual([]);
    expect(bench.hypervisor.started).toEqual(['m2', 'm1']);
    // And the place that v2 took is taken, although the snapshot does not show that either.
    bench.hypervisor.place('v3', 'h4');
    bench.world = { ...bench.world, vms: [...vms, aVm({ id: 'v3', host: 'h4', memoryGib: 40 })] };
    const third = [move('3', 'h4', 'h3')];
    await bench.clock.until(executor.submit(planOf(third, 'p2'), yes(third)));
    const detail = (await bench.ledger.move(moveId('m3')))?.result?.detail;
    expect(detail).toBe('memory: needs 40960 MiB, 24576 MiB free');
  });

  it('keeps hard anti-affinity against what is on its way', async () => {
    const bench = await makeBench(['h1', 'h3']);
    const apart = anAntiAffinity('apart', ['v1', 'v2']);
    bench.world = { ...bench.world, placement: [apart] };
    const moves = [move('1', 'h1', 'h2'), move('2', 'h3', 'h2')];
    expect(await carryOut(bench, moves)).toEqual({ m1: 'succeeded', m2: 'skipped' });
  });

  it('starts what goes alone when nothing else is left, and nothing beside it', async () => {
    const bench = await makeBench(['h1', 'h2', 'h3', 'h1']);
    const own = move('1', 'h1', 'h4', { alone: true, criticality: 'mission-critical' });
    const second = move('2', 'h2', 'h3');
    const moves = [own, second, move('3', 'h3', 'h2', { dependsOn: [second.id] })];
    const executor = bench.executor();
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    expect(bench.hypervisor.started).toEqual(['m2']);
    while (bench.hypervisor.started.length < 3) await bench.clock.pass(1);
    expect(bench.hypervisor.started).toEqual(['m2', 'm3', 'm1']);
    // Of another lane, and with every slot free.
    const other = [move('4', 'h1', 'h2')];
    const also = executor.submit(planOf(other, 'p2'), yes(other), 'ordered');
    await bench.clock.pass(2);
    expect(bench.hypervisor.started).toEqual(['m2', 'm3', 'm1']);
    await bench.clock.until(Promise.all([done, also]));
    expect(bench.hypervisor.started).toEqual(['m2', 'm3', 'm1', 'm4']);
    expect(await wrongs(bench, [...moves, ...other])).toEqual([]);
  });

  it('drops what waits when a newer plan comes, and finishes what runs', async () => {
    const bench = await makeBench(['h1', 'h1']);
    const concurrency = { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const old = [move('1', 'h1', 'h2'), move('2', 'h1', 'h2')];
    const executor = bench.executor();
    const done = executor.submit(planOf(old), yes(old));
    await bench.clock.pass(5);
    const young = [move('2', 'h1', 'h3', { id: moveId('m9') })];
    const also = executor.submit(planOf(young, 'p2'), yes(young));
    await bench.clock.until(Promise.all([done, also]));
    expect(bench.hypervisor.started).toEqual(['m1', 'm9']);
    expect(await wrongs(bench, [...old.slice(0, 1), ...young])).toEqual([]);
  });

  it('leaves what a person handed in alone when a newer plan comes or is rejected', async () => {
    const bench = await makeBench(['h1', 'h1', 'h1']);
    const concurrency = { total: 1, perHostIn: 1, perHostOut: 1, perLink: 9 };
    bench.policies = aPolicy({ limits: someLimits({ concurrency }) });
    const ordered = [move('1', 'h1', 'h2'), move('2', 'h1', 'h2')];
    const executor = bench.executor();
    const done = executor.submit(planOf(ordered), yes(ordered), 'ordered');
    await bench.clock.pass(5);
    const planned = [move('3', 'h1', 'h3')];
    void executor.submit(planOf(planned, 'p2'), yes(planned));
    executor.dropWaiting();
    expect(executor.waiting).toBe(1);
    await bench.clock.until(done);
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
    expect(await wrongs(bench, ordered)).toEqual([]);
  });

  it('takes a plan up again whose rest was approved', async () => {
    const bench = await makeBench(['h1', 'h2']);
    const moves = [
      move('1', 'h1', 'h2', { tier: 'mandatory' }),
      move('2', 'h2', 'h3', { dependsOn: [moveId('m1')] }),
    ];
    const executor = bench.executor();
    const first = executor.submit(planOf(moves), yes(moves.slice(0, 1)));
    await bench.clock.pass(5);
    const second = executor.submit(planOf(moves), yes(moves));
    await bench.clock.until(Promise.all([first, second]));
    expect(bench.hypervisor.started).toEqual(['m1', 'm2']);
  });

  it('begins nothing while it may not, and all of it when it may again', async () => {
    const bench = await makeBench(['h1', 'h2']);
    let may = false;
    const executor = bench.executor({ mayBegin: () => may });
    const moves = [move('1', 'h1', 'h3'), move('2', 'h2', 'h4')];
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(60);
    expect([bench.hypervisor.started, executor.waiting]).toEqual([[], 2]);
    expect(await bench.ledger.recentMoves(10)).toEqual([]);
    may = true;
    executor.wake();
    await bench.clock.until(done);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('does not touch a VM that has an open move', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2')];
    const rival = bench.executor();
    const done = rival.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    const other = [move('1', 'h1', 'h3', { id: moveId('m9') })];
    await bench.clock.until(bench.executor().submit(planOf(other, 'p2'), yes(other)));
    expect(bench.events.of('move-ended')[0]?.result.detail).toContain('in-flight');
    await bench.clock.until(done);
    expect(await wrongs(bench, moves)).toEqual([]);
  });
});
