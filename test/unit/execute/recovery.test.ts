// Role: what a new process makes of the moves that an old one left open.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { RecoveryReport } from '../../../src/execute/answers.ts';
import type { Executor } from '../../../src/execute/executor.ts';
import type { RestartGuard } from '../../../src/execute/restart-guard.ts';
import { aSnapshot, aVm } from '../../support/fleet.ts';
import { type Bench, makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';

const moves = [move('1', 'h1', 'h2')];
const coldMoves = [move('1', 'h1', 'h2', { method: 'cold' })];

/** A move that was under way for 5 s when its process was told to stop. */
async function leftOpen(options: Parameters<typeof makeBench>[1] = {}): Promise<Bench> {
  return leaveOpen(await makeBench(['h1'], options), moves);
}

async function leaveOpen(bench: Bench, ordered: readonly Move[]): Promise<Bench> {
  const before = bench.executor();
  void before.submit(planOf(ordered), yes(ordered));
  await bench.clock.pass(5);
  await bench.clock.until(before.stop());
  return bench;
}

/** A cold move whose process died when the guest was off. */
async function coldLeftOpen(): Promise<Bench> {
  const bench = await makeBench(['h1'], { breaks: true });
  bench.world = { ...bench.world, vms: [aVm({ id: 'v1', permission: 'cold' })] };
  await leaveOpen(bench, coldMoves);
  await bench.clock.pass(600);
  bench.hypervisor.truth('v1').runsOn = [];
  return bench;
}

/** All that was left to do is to close it. */
async function arrived({ clock, ledger }: Bench): Promise<void> {
  const [move, at] = [moveId('m1'), clock.now()];
  const stages = ['stop-and-copy', 'commitment', 'activation'] as const;
  await ledger.addStages(
    stages.map((stage) => ({ move, stage, phase: 'before', at, detail: '' }) as const),
  );
}

async function recovered(bench: Bench, heir: Executor): Promise<RecoveryReport['moves']> {
  return (await bench.clock.until(heir.recover())).moves;
}

async function untilIdle(bench: Bench, heir: Executor): Promise<void> {
  for (let minute = 0; minute < 60 && heir.inFlight().length > 0; minute += 1) {
    await bench.clock.pass(60);
  }
}

describe('stop', () => {
  it('leaves the migration running, the record open and the capacity held', async () => {
    const bench = await leftOpen();
    expect(await bench.ledger.openMoves()).toHaveLength(1);
    expect(await bench.ledger.reservations()).toHaveLength(1);
    expect(bench.hypervisor.calls).not.toContain('abort');
    await bench.clock.pass(60);
    expect(bench.hypervisor.truth('v1').runsOn).toEqual(['h2']);
  });

  it('starts nothing any more', async () => {
    const bench = await makeBench();
    const executor = bench.executor();
    await bench.clock.until(executor.stop());
    await executor.submit(planOf(moves), yes(moves));
    expect(bench.hypervisor.calls).toEqual([]);
  });

  it('does not wait for a call that hangs', async () => {
    const bench = await makeBench();
    const executor = bench.executor();
    void executor.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    bench.hypervisor.fault = () => 'hangs';
    await bench.clock.pass(5);
    const from = bench.clock.monotonic();
    await bench.clock.until(executor.stop());
    expect(bench.clock.monotonic() - from).toBeLessThanOrEqual(10);
  });
});

describe('recover', () => {
  it('adopts what is still running, and does not start it again', async () => {
    const bench = await leftOpen();
    const heir = bench.executor();
    expect(await recovered(bench, heir)).toEqual([{ move: 'm1', vm: 'v1', state: 'adopted' }]);
    expect(heir.inFlight()).toMatchObject([{ move: 'm1', startedAt: expect.any(Number) }]);
    expect(await recovered(bench, heir)).toEqual([]);
    await untilIdle(bench, heir);
    expect(bench.hypervisor.started).toEqual(['m1']);
    expect(await wrongs(bench, moves)).toEqual([]);
    const result = (await bench.ledger.move(moveId('m1')))?.result;
    expect(result).toMatchObject({ outcome: 'succeeded', downtimeSeconds: 0.2 });
  });

  it('finishes what went through while nobody looked', async () => {
    const bench = await leftOpen();
    await bench.clock.pass(600);
    const heir = bench.executor();
    expect(await recovered(bench, heir)).toMatchObject([{ state: 'succeeded' }]);
    expect(await wrongs(bench, moves)).toEqual([]);
    expect(await bench.ledger.history({ vm: vmId('v1'), limit: 9 })).toHaveLength(1);
  });

  it('says where a VM is by now that somebody has moved on since it arrived', async () => {
    const bench = await leftOpen();
    await bench.clock.pass(600);
    await arrived(bench);
    bench.hypervisor.truth('v1').runsOn = [hostId('h1')];
    const heir = bench.executor();
    expect(await recovered(bench, heir)).toMatchObject([{ state: 'succeeded' }]);
    const { result } = (await bench.ledger.move(moveId('m1'))) ?? {};
    expect(result).toMatchObject({ outcome: 'succeeded', detail: 'by now it runs on h1' });
    // Of the hosts as they were asked before it was closed.
    const [vm] = heir.corrected(bench.world, heir.cancelCount).vms;
    expect(vm?.host).toBe(hostId('h1'));
  });

  it.each([
    {
      now: 'runs twice',
      at: 'h1',
      on: ['h1', 'h2'],
      outcome: 'needs-human',
      said: /^it runs in more than one/,
    },
    {
      now: 'runs nowhere',
      at: 'h2',
      on: [],
      outcome: 'succeeded',
      said: /^by now it runs nowhere$/,
    },
    // Its source may have started an old definition when the target died.
    {
      now: 'has a silent target',
      at: 'h2',
      on: ['h1', 'h2'],
      silent: 'h2',
      outcome: 'succeeded',
      said: /^$/,
    },
  ])('takes nothing for granted of one that has arrived and $now by now', async (one) => {
    const bench = await leftOpen();
    await bench.clock.pass(600);
    await arrived(bench);
    bench.hypervisor.truth('v1').runsOn = one.on.map(hostId);
    if (one.silent !== undefined) bench.hypervisor.blind.add(hostId(one.silent));
    const heir = bench.executor();
    await recovered(bench, heir);
    const { result } = (await bench.ledger.move(moveId('m1'))) ?? {};
    expect(result?.outcome).toBe(one.outcome);
    expect(result?.detail).toMatch(one.said);
    const [vm] = heir.corrected(bench.world, heir.cancelCount).vms;
    expect(vm?.host).toBe(one.at);
  });

  it('asks once only about one that has arrived', async () => {
    const bench = await leftOpen();
    await bench.clock.pass(600);
    await arrived(bench);
    bench.hypervisor.fault = (_call, name) => (name === 'locate' ? 'hangs' : undefined);
    const heir = bench.executor();
    expect(await recovered(bench, heir)).toMatchObject([{ state: 'unreachable' }]);
    await untilIdle(bench, heir);
    const { result } = (await bench.ledger.move(moveId('m1'))) ?? {};
    expect(result).toMatchObject({ outcome: 'succeeded', detail: '' });
  });

  it('cleans up after what failed while nobody looked', async () => {
    const bench = await leftOpen({ breaks: true });
    await bench.clock.pass(600);
    expect(bench.hypervisor.truth('v1').incomingOn.size).toBe(1);
    expect(await recovered(bench, bench.executor())).toMatchObject([{ state: 'failed' }]);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('takes a cold move back that nobody carries on, and calls no human', async () => {
    const bench = await coldLeftOpen();
    bench.hypervisor.truth('v1').incomingOn.clear();
    const heir = bench.executor();
    await recovered(bench, heir);
    await untilIdle(bench, heir);
    expect((await bench.ledger.move(moveId('m1')))?.result?.outcome).toBe('failed');
    expect(bench.hypervisor.truth('v1').runsOn).toEqual(['h1']);
    expect(await wrongs(bench, coldMoves)).toEqual([]);
  });

  it.each([
    ['is confirmed off', undefined, 'h1'],
    ['cannot be told to be off any more', 'its power is not confirmed off', undefined],
  ] as const)(
    'takes a cold move back whose target is dead, as long as that %s',
    async (_what, objection, home) => {
      const bench = await coldLeftOpen();
      const { hypervisor } = bench;
      hypervisor.blind.add(hostId('h2'));
      hypervisor.fault = (_call, name) => (name === 'job' ? 'lost-call' : undefined);
      const notes: string[] = [];
      const restarts: RestartGuard = {
        isDead: (host) => host === 'h2',
        objection: () => Promise.resolve(objection),
        note: (host, { vm }) => Promise.resolve(void notes.push(`${host} ${vm}`)),
        leftOn: () => [],
      };
      const heir = bench.executor({ restarts });
      await recovered(bench, heir);
      await untilIdle(bench, heir);
      expect(hypervisor.truth('v1').runsOn[0]).toBe(home);
      // Whatever it holds is to be removed when it returns.
      expect(new Set(notes)).toEqual(new Set(['h2 v1']));
    },
  );

  it('says to the human why a cold move could not be taken back', async () => {
    const bench = await coldLeftOpen();
    bench.hypervisor.truth('v1').incomingOn.clear();
    bench.hypervisor.fault = (_call, name) => (name === 'cleanUp' ? 'declined' : undefined);
    const heir = bench.executor();
    await recovered(bench, heir);
    await untilIdle(bench, heir);
    expect((await bench.ledger.move(moveId('m1')))?.result).toMatchObject({
      outcome: 'needs-human',
      detail: expect.stringContaining('h2 may hold remains: as scripted'),
    });
  });

  it('drops what was never started', async () => {
    const bench = await makeBench();
    const [one] = moves;
    if (one === undefined) throw new Error('no move');
    const record = { move: one, plan: planOf(moves).id, source: bench.hypervisor.source };
    await bench.ledger.openMove({ ...record, vmName: 'v1', openedAt: bench.clock.now() });
    expect(await recovered(bench, bench.executor())).toMatchObject([{ state: 'skipped' }]);
    expect(bench.hypervisor.calls).toEqual([]);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('keeps open what it cannot ask about, blocks the VM, and asks again', async () => {
    const bench = await leftOpen();
    bench.hypervisor.fault = () => 'lost-call';
    const heir = bench.executor();
    expect(await recovered(bench, heir)).toMatchObject([{ state: 'unreachable' }]);
    const other = [move('1', 'h1', 'h3', { id: moveId('m9') })];
    await bench.clock.until(heir.submit(planOf(other, 'p2'), yes(other)));
    expect(await bench.ledger.move(moveId('m9'))).toBeUndefined();
    expect(heir.inFlight()).toHaveLength(1);
    bench.hypervisor.fault = () => undefined;
    await untilIdle(bench, heir);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('keeps open what belongs to a source that is not configured any more', async () => {
    const bench = await leftOpen();
    const heir = bench.executor({ hypervisors: new Map() });
    expect(await recovered(bench, heir)).toMatchObject([{ state: 'unreachable' }]);
    await bench.clock.pass(3600);
    expect(await bench.ledger.openMoves()).toHaveLength(1);
    expect(bench.events.of('failure').length).toBeLessThan(80);
    await bench.clock.until(heir.stop());
  });

  it('works before the first snapshot', async () => {
    const bench = await leftOpen();
    bench.world = aSnapshot({ hosts: [], vms: [] });
    const heir = bench.executor();
    expect(await recovered(bench, heir)).toMatchObject([{ state: 'adopted' }]);
    await untilIdle(bench, heir);
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('carries on with a cancel', async () => {
    const bench = await makeBench(['h1'], { seconds: 120 });
    const before = bench.executor();
    void before.submit(planOf(moves), yes(moves));
    await bench.clock.pass(5);
    bench.hypervisor.fault = (_call, name) => (name === 'abort' ? 'hangs' : undefined);
    await before.cancel(moveId('m1'), 'ada');
    await bench.clock.until(before.stop());
    bench.hypervisor.fault = () => undefined;
    const heir = bench.executor();
    await recovered(bench, heir);
    await untilIdle(bench, heir);
    const result = (await bench.ledger.move(moveId('m1')))?.result;
    expect(result?.outcome).toBe('cancelled');
    expect(result?.detail).toContain('ada');
    expect(await wrongs(bench, moves)).toEqual([]);
  });

  it('sees that somebody moved the VM on in the meantime', async () => {
    const bench = await leftOpen();
    await bench.clock.pass(60);
    bench.hypervisor.truth('v1').runsOn = [hostId('h4')];
    const heir = bench.executor();
    await recovered(bench, heir);
    await untilIdle(bench, heir);
    expect((await bench.ledger.openMoves()).length).toBe(0);
    expect(bench.hypervisor.started).toEqual(['m1']);
  });
});
