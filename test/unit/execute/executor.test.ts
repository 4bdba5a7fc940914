// Role: the executor's ordinary days: stages, drift, convergence.
import { describe, expect, it, vi } from 'vitest';

import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import { STAGES } from '../../../src/domain/journal.ts';
import { ok } from '../../../src/domain/result.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import {
  aHost,
  aPolicy,
  aSnapshot,
  aVm,
  anAntiAffinity,
  someLimits,
  someMigration,
} from '../../support/fleet.ts';
import {
  type Bench,
  carryOut,
  makeBench,
  move,
  planOf,
  wrongs,
  yes,
} from '../../support/execution-bench.ts';
import { anOrder } from '../../support/ledger-records.ts';
import type { Fault } from '../../support/scripted-hypervisor.ts';

describe('one move', () => {
  it('goes through the six stages, with an entry before and after each', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2')];
    expect(await carryOut(bench, moves)).toEqual({ m1: 'succeeded' });
    const record = await bench.ledger.move(moveId('m1'));
    expect(record?.stages.map((entry) => `${entry.stage} ${entry.phase}`)).toEqual(
      STAGES.flatMap((stage) => [`${stage} before`, `${stage} after`]),
    );
    expect(record?.result).toMatchObject({ downtimeSeconds: 0.2, bytes: 5 * 2 ** 30 });
    expect(record?.result?.seconds).toBeGreaterThan(19);
    expect(await wrongs(bench, moves)).toEqual([]);
    for (const about of [{}, { vm: vmId('v1') }, { host: hostId('h1') }, { host: hostId('h2') }]) {
      const lines = await bench.ledger.history({ ...about, limit: 9 });
      expect(lines.map(({ text }) => text)).toEqual(['v1 moved from h1 to h2: h1 is overloaded']);
    }
  });

  it('tells its stages with the times of the journal, also those that are told later', async () => {
    const bench = await makeBench();
    const slow = () => bench.clock.sleep(seconds(3)).then(() => []);
    vi.spyOn(bench.hypervisor, 'precheck').mockImplementation(slow);
    await carryOut(bench, [move('1', 'h1', 'h2')]);
    const told = bench.events.of('move-stage').map(({ at }) => at);
    const written = (await bench.ledger.move(moveId('m1')))?.stages.map(({ at }) => at);
    expect(told).toEqual(written);
    expect((told[1] ?? 0) - (told[0] ?? 0)).toBe(3);
  });

  it('leaves one line of history, however it ends', async () => {
    const bench = await makeBench(['h1', 'h1', 'h1'], { breaks: true });
    const moves = [
      move('1', 'h1', 'h2'),
      move('2', 'h1', 'h2', { dependsOn: [moveId('m1')] }),
      move('3', 'h1', 'h3', { dependsOn: [moveId('m1')] }),
    ];
    const executor = bench.executor();
    const done = executor.submit(planOf(moves), yes(moves));
    await executor.cancel(moveId('m3'), 'ada');
    await bench.clock.until(done);
    const lines = await bench.ledger.history({ limit: 9 });
    expect(lines.map(({ kind, text }) => `${kind}: ${text}`).toSorted()).toEqual([
      expect.stringMatching(/^error: v1 could not be moved from h1 to h2: ./),
      'move: v2 was not moved from h1 to h2: it waited for m1, which failed',
      'move: v3 was not moved from h1 to h3: cancelled by ada',
    ]);
  });

  it('tells its progress, but not with every poll', async () => {
    const bench = await makeBench(['h1'], { seconds: 100 });
    await carryOut(bench, [move('1', 'h1', 'h2')]);
    const told = bench.events.of('move-progress').map((event) => event.progress.done);
    expect(told.length).toBeGreaterThan(10);
    expect(told.length).toBeLessThan(51);
    expect(bench.hypervisor.calls.filter((call) => call === 'job').length).toBeLessThan(90);
  });

  it('holds capacity while it is under way', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2')];
    const executor = bench.executor();
    const done = executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    expect(await bench.ledger.reservations()).toMatchObject([
      { move: 'm1', host: 'h2', memoryBytes: 4 * 2 ** 30, cpu: 1 },
    ]);
    expect(executor.inFlight()).toMatchObject([{ move: 'm1', vm: 'v1', from: 'h1', to: 'h2' }]);
    await bench.clock.until(done);
    expect(executor.inFlight()).toEqual([]);
  });

  it('is left alone when the verdict is another', async () => {
    const bench = await makeBench(['h1', 'h1', 'h1']);
    const moves = [move('1', 'h1', 'h2'), move('2', 'h1', 'h2'), move('3', 'h1', 'h3')];
    const verdicts = yes(moves).map((verdict, index) => {
      const others = ['would-execute', 'needs-approval', 'refused'] as const;
      return { ...verdict, verdict: others[index] ?? 'refused' };
    });
    await bench.executor().submit(planOf(moves), verdicts);
    expect(bench.hypervisor.calls).toEqual([]);
    expect(await bench.ledger.recentMoves(9)).toEqual([]);
  });
});

describe('pre-migration', () => {
  const moves = [move('1', 'h1', 'h2')];

  it('is written with what follows from it: a start waits for two writes', async () => {
    const bench = await makeBench();
    const { hypervisor, ledger } = bench;
    const writes: string[] = [];
    const through = <Args extends readonly unknown[], Value>(
      name: string,
      write: (...args: Args) => Promise<Value>,
    ): ((...args: Args) => Promise<Value>) => {
      return (...args) => {
        writes.push(name);
        return write(...args);
      };
    };
    ledger.openMove = through('record', ledger.openMove.bind(ledger));
    ledger.addStages = through('stages', ledger.addStages.bind(ledger));
    hypervisor.startMove = through('start', hypervisor.startMove.bind(hypervisor));
    expect(await carryOut(bench, moves)).toEqual({ m1: 'succeeded' });
    expect(writes.slice(0, writes.indexOf('start'))).toEqual(['record', 'stages']);
    const record = await ledger.move(moveId('m1'));
    expect(record?.stages.slice(0, 5).map(({ stage, phase }) => `${stage} ${phase}`)).toEqual([
      'pre-migration before',
      'pre-migration after',
      'reservation before',
      'reservation after',
      'pre-copy before',
    ]);
  });

  async function skipped(bench: Bench): Promise<string> {
    expect(await carryOut(bench, moves)).toEqual({ m1: 'skipped' });
    expect(bench.hypervisor.started).toEqual([]);
    expect(await wrongs(bench, [])).toEqual([]);
    return (await bench.ledger.move(moveId('m1')))?.result?.detail ?? '';
  }

  it('sees that somebody else moved the VM, or stopped it', async () => {
    const moved = await makeBench();
    moved.hypervisor.place('v1', 'h3');
    expect(await skipped(moved)).toBe('world-moved-on: it runs on h3');
    const off = await makeBench();
    off.hypervisor.truth('v1').runsOn = [];
    expect(await skipped(off)).toBe('world-moved-on: it runs nowhere');
  });

  it('counts a VM from then on where it was seen, whatever the snapshot says', async () => {
    const bench = await makeBench(['h1', 'h1']);
    bench.world = { ...bench.world, placement: [anAntiAffinity('apart', ['v1', 'v2'])] };
    bench.hypervisor.place('v1', 'h3');
    const executor = bench.executor();
    for (const one of [move('1', 'h1', 'h2'), move('2', 'h1', 'h3')]) {
      await bench.clock.until(executor.submit(planOf([one]), yes([one])));
    }
    const second = await bench.ledger.move(moveId('m2'));
    expect(second?.result).toMatchObject({
      outcome: 'skipped',
      detail: expect.stringMatching(/^anti-affinity/),
    });
    expect(bench.hypervisor.started).toEqual([]);
  });

  it('sees what changed in the newest snapshot', async () => {
    const locked = await makeBench();
    locked.world = { ...locked.world, vms: [aVm({ id: 'v1', locked: true })] };
    expect(await skipped(locked)).toBe('locked: ');
    const drained = await makeBench();
    drained.world = aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2', state: 'draining' })],
      vms: [aVm({ id: 'v1' })],
    });
    expect(await skipped(drained)).toBe('quarantined: draining');
    const full = await makeBench();
    const vms = [aVm({ id: 'v1' }), aVm({ id: 'big', host: 'h2', memoryGib: 61 })];
    full.world = { ...full.world, vms };
    expect(await skipped(full)).toBe('memory: needs 4096 MiB, 3072 MiB free');
    const busy = await makeBench();
    const hot = aVm({ id: 'hot', host: 'h2', cpuUsed: 12 });
    busy.world = { ...busy.world, vms: [aVm({ id: 'v1' }), hot] };
    expect(await skipped(busy)).toBe('cpu: h2 would be at 81 %');
  });

  it('sees the kill switch, orders, the mode and the time', async () => {
    const paused = await makeBench();
    await paused.ledger.setPaused(true, 'ada', epochSeconds(1));
    expect(await skipped(paused)).toContain('paused');
    const ordered = await makeBench();
    await ordered.ledger.putOrder(anOrder('o1', { host: hostId('h2') }));
    expect(await skipped(ordered)).toBe('quarantined: maintenance of h2 was ordered meanwhile');
    const observed = await makeBench();
    const mode = { default: 'observe', clusters: {}, approve: [] } as const;
    observed.policies = aPolicy({ mode });
    expect(await skipped(observed)).toContain('observe');
    const black = await makeBench();
    const days = [1, 2, 3, 4, 5, 6, 7];
    const always = { name: 'all day', zone: 'UTC', days, startMinute: 0, endMinute: 0 };
    black.policies = aPolicy({ limits: someLimits({ blackouts: [always] }) });
    expect(await skipped(black)).toContain('all day');
    // What people decided says nothing about the VM: no pause follows from it.
    for (const { clock, ledger } of [paused, observed, black]) {
      expect([...(await ledger.troubles(epochSeconds(0), clock.now()))]).toEqual([]);
    }
  });

  it('takes no for an answer where nobody can be asked, or the method is missing', async () => {
    const silent = await makeBench(['h1'], { fault: () => 'lost-call' });
    expect(await skipped(silent)).toContain('hypervisor');
    const poor = await makeBench(['h1'], { capabilities: { methods: ['cold'] } });
    expect(await skipped(poor)).toBe('method-unsupported: pre-copy');
    const hung = await makeBench(['h1'], { fault: () => 'hangs' });
    expect(await skipped(hung)).toContain('no answer within 60 s');
  });
});

describe('convergence', () => {
  const ladder = (...steps: ('pre-copy' | 'auto-converge' | 'post-copy')[]) =>
    aPolicy({
      migration: someMigration({
        ladder: {
          'mission-critical': steps,
          business: steps,
          standard: steps,
          'best-effort': steps,
        },
        methods: ['pre-copy', 'post-copy'],
        timeoutSecondsPerGib: seconds(100),
      }),
    });

  it('climbs the ladder, and gives up with the VM on its source', async () => {
    const bench = await makeBench(['h1'], { seconds: Number.POSITIVE_INFINITY });
    bench.policies = ladder('pre-copy', 'auto-converge');
    const moves = [move('1', 'h1', 'h2')];
    expect(await carryOut(bench, moves)).toEqual({ m1: 'failed' });
    expect(bench.hypervisor.calls.filter((call) => call === 'steer')).toHaveLength(1);
    const detail = (await bench.ledger.move(moveId('m1')))?.result?.detail;
    expect(detail).toContain('it does not converge');
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('begins with auto-converge where it cannot be switched on later', async () => {
    const begun = async (
      autoConverge: 'at-start' | 'any-time',
      steps: Parameters<typeof ladder>,
    ) => {
      const bench = await makeBench(['h1'], { seconds: 400, capabilities: { autoConverge } });
      bench.policies = ladder(...steps);
      const start = vi.spyOn(bench.hypervisor, 'startMove');
      await carryOut(bench, [move('1', 'h1', 'h2')]);
      const steered = bench.hypervisor.calls.filter((call) => call === 'steer').length;
      return { begins: start.mock.calls[0]?.[0].autoConverge, steered };
    };
    const late = ['pre-copy', 'auto-converge'] as const;
    // Progress is a share of 400 s: too little for too long, so that the next rung is taken.
    expect(await begun('at-start', [...late])).toEqual({ begins: true, steered: 0 });
    expect(await begun('any-time', [...late])).toMatchObject({ begins: false });
    expect(await begun('at-start', ['pre-copy'])).toEqual({ begins: false, steered: 0 });
  });

  it('switches to post-copy only where the policy says so', async () => {
    const bench = await makeBench(['h1'], { seconds: 300 });
    bench.hypervisor.duration = Number.POSITIVE_INFINITY;
    bench.policies = ladder('pre-copy', 'post-copy');
    const moves = [move('1', 'h1', 'h2')];
    const done = bench.executor().submit(planOf(moves), yes(moves));
    await bench.clock.pass(60);
    expect(bench.hypervisor.truth('v1').runsOn).toEqual(['h2']);
    bench.hypervisor.finish('v1');
    await bench.clock.until(done);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('stops a move that takes too long, although it gets on', async () => {
    const bench = await makeBench(['h1'], { seconds: 10_000 });
    bench.policies = ladder('pre-copy');
    const moves = [move('1', 'h1', 'h2')];
    expect(await carryOut(bench, moves)).toEqual({ m1: 'failed' });
    expect(bench.clock.monotonic()).toBeLessThan(500);
    expect(await wrongs(bench, moves)).toEqual([]);
  });
});

describe('a success that was none', () => {
  it('is seen after a few looks, and the move fails with the VM on its source', async () => {
    const bench = await makeBench();
    const done = { kind: 'ended', ok: true, detail: '', downtimeSeconds: undefined } as const;
    bench.hypervisor.job = () => Promise.resolve({ ...done, bytes: undefined });
    bench.hypervisor.startMove = () => Promise.resolve(ok(undefined));
    const moves = [move('1', 'h1', 'h2')];
    expect(await carryOut(bench, moves)).toEqual({ m1: 'failed' });
    const result = (await bench.ledger.move(moveId('m1')))?.result;
    expect(result?.detail).toBe('reported as done, but it runs on its source');
    expect(result?.seconds).toBeLessThan(10);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('was only told too early: what goes on is waited for', async () => {
    const bench = await makeBench(['h1'], { seconds: 60 });
    const { hypervisor } = bench;
    const tellTruly = hypervisor.job.bind(hypervisor);
    const early = { kind: 'ended', ok: true, detail: '', downtimeSeconds: undefined } as const;
    let asked = 0;
    hypervisor.job = (order) => {
      asked += 1;
      return asked === 1 ? Promise.resolve({ ...early, bytes: undefined }) : tellTruly(order);
    };
    const moves = [move('1', 'h1', 'h2')];
    expect(await carryOut(bench, moves)).toEqual({ m1: 'succeeded' });
    expect(await wrongs(bench, moves)).toEqual([]);
  });
});

describe('a start of which nobody knows whether it was taken', () => {
  const moves = [move('1', 'h1', 'h2')];
  const on = (name: string, fault: Fault) => (_call: number, called: string) =>
    called === name ? fault : undefined;

  it('is not repeated, even when the migration is over before anybody looks', async () => {
    const bench = await makeBench(['h1'], { seconds: 0.1, breaks: true });
    bench.hypervisor.fault = on('startMove', 'lost-answer');
    expect(await carryOut(bench, moves)).toEqual({ m1: 'failed' });
    expect(bench.hypervisor.started).toEqual(['m1']);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('is waited for: one that takes effect late is followed like any other', async () => {
    const bench = await makeBench();
    bench.hypervisor.fault = on('startMove', 'late');
    expect(await carryOut(bench, moves)).toEqual({ m1: 'succeeded' });
    expect(await wrongs(bench, moves)).toEqual([]);
  });
});

describe('what nobody can know', () => {
  it('calls a human when the VM runs nowhere, and touches nothing', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2')];
    const done = bench.executor().submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    bench.hypervisor.truth('v1').runsOn = [];
    bench.hypervisor.breaks = true;
    await bench.clock.until(done);
    expect((await bench.ledger.move(moveId('m1')))?.result?.outcome).toBe('needs-human');
    expect(bench.hypervisor.calls).not.toContain('cleanUp');
    expect(bench.hypervisor.calls).not.toContain('commit');
  });

  it('calls a human when the VM runs twice', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2')];
    const done = bench.executor().submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    bench.hypervisor.truth('v1').runsOn = [hostId('h1'), hostId('h2')];
    bench.hypervisor.breaks = true;
    await bench.clock.until(done);
    const result = (await bench.ledger.move(moveId('m1')))?.result;
    expect(result?.outcome).toBe('needs-human');
    expect(result?.detail).toContain('h1, h2');
    expect(bench.hypervisor.calls).not.toContain('cleanUp');
  });

  it('waits for hosts that do not answer, for as long as it takes', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2')];
    const done = bench.executor().submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    bench.hypervisor.blind.add(hostId('h1'));
    await bench.clock.pass(7200);
    expect((await bench.ledger.openMoves()).length).toBe(1);
    bench.hypervisor.blind.clear();
    await bench.clock.until(done);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('follows a move through an hour without any answer', async () => {
    const bench = await makeBench();
    const moves = [move('1', 'h1', 'h2')];
    const done = bench.executor().submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    bench.hypervisor.fault = () => 'lost-call';
    await bench.clock.pass(3600);
    expect((await bench.ledger.openMoves()).length).toBe(1);
    bench.hypervisor.fault = () => undefined;
    await bench.clock.until(done);
    expect(await wrongs(bench, moves)).toEqual([]);
  });
});
