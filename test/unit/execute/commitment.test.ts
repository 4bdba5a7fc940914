// Role: a VM whose arrival cannot be confirmed: while a host is silent or the migration goes on,
// nothing is concluded, and nothing else is tried.
import { describe, expect, it } from 'vitest';

import { hostId, moveId } from '../../../src/domain/ids.ts';
import type { MoveResult } from '../../../src/domain/journal.ts';
import { seconds } from '../../../src/domain/units.ts';
import type { Job } from '../../../src/ports/hypervisor.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import { type Bench, makeBench, move, planOf, wrongs, yes } from '../../support/execution-bench.ts';
import { aProgress } from '../../support/sample-events.ts';
import { SOURCE } from '../../support/scripted-hypervisor.ts';

const MOVES = [move('1', 'h1', 'h2')];
const [H1, H2] = [hostId('h1'), hostId('h2')];
const DONE: Job = {
  kind: 'ended',
  ok: true,
  detail: '',
  downtimeSeconds: undefined,
  bytes: undefined,
};

const SETUP: Job = { kind: 'running', progress: aProgress(0, { phase: 'setup' }) };

/** The move, five seconds after its order. */
async function underWay() {
  const bench = await makeBench();
  const { hypervisor, clock } = bench;
  const done = bench.executor().submit(planOf(MOVES), yes(MOVES));
  await clock.pass(5);
  return { bench, hypervisor, clock, done };
}

async function resultOf(bench: Bench): Promise<MoveResult | undefined> {
  return (await bench.ledger.move(moveId('m1')))?.result;
}

/** It arrived; then its source crashed, and started it again by what was still defined there. */
function runTwice({ hypervisor }: Bench): void {
  hypervisor.finish('v1');
  const truth = hypervisor.truth('v1');
  truth.runsOn = [H1, H2];
  truth.incomingOn.clear();
}

describe('a VM that runs on its source again while its target is silent', () => {
  it('is not taken for one that never left', async () => {
    const { bench, hypervisor, clock, done } = await underWay();
    hypervisor.blind.add(H2);
    runTwice(bench);
    await clock.pass(7200);
    expect(await resultOf(bench)).toBeUndefined();
    hypervisor.blind.clear();
    await clock.until(done);
    expect(await resultOf(bench)).toMatchObject({
      outcome: 'needs-human',
      detail: 'it runs in more than one place: h1, h2',
    });
    expect(hypervisor.calls).not.toContain('cleanUp');
  });

  it('is not, either, where nobody saw the end of its migration', async () => {
    const { bench, hypervisor, clock, done } = await underWay();
    hypervisor.job = () => Promise.reject(new AdapterError('unreachable', SOURCE, 'h1 is down'));
    hypervisor.blind.add(H2);
    runTwice(bench);
    await clock.pass(60);
    hypervisor.job = () => Promise.resolve({ kind: 'none' });
    await clock.pass(7200);
    expect(await resultOf(bench)).toBeUndefined();
    hypervisor.blind.clear();
    await clock.until(done);
    expect(await resultOf(bench)).toMatchObject({
      outcome: 'needs-human',
      detail: expect.stringContaining('h1, h2') as string,
    });
    expect(hypervisor.calls).not.toContain('cleanUp');
  });

  it.each<[string, readonly Job[]]>([
    ['that its migration came to nothing', []],
    ['that it is prepared, and then came to nothing', [SETUP, SETUP]],
  ])('is not, either, where contact was lost, and it is remembered %s', async (_what, first) => {
    const bench = await makeBench();
    const { hypervisor, clock } = bench;
    void bench.executor().submit(planOf(MOVES), yes(MOVES));
    await clock.pass(5);
    // The target is cut off in the last handshake; the source crashes, and boots.
    hypervisor.job = () => Promise.reject(new AdapterError('unreachable', SOURCE, 'h1 is down'));
    hypervisor.blind.add(H2);
    runTwice(bench);
    await clock.pass(120);
    const told = [...first];
    hypervisor.job = async () => told.shift() ?? { ...DONE, ok: false, detail: 'cannot recv data' };
    await clock.pass(7200);
    expect(await resultOf(bench)).toBeUndefined();
  });

  it('is not, either, where its start was never answered', async () => {
    const bench = await makeBench();
    const { hypervisor, clock } = bench;
    const start = hypervisor.startMove.bind(hypervisor);
    hypervisor.startMove = async (order) => {
      await start(order);
      await clock.sleep(seconds(59));
      // In this minute it arrived; its source crashed and has started it; its target is cut off.
      hypervisor.blind.add(H2);
      runTwice(bench);
      throw new AdapterError('lost', SOURCE, 'the connection broke');
    };
    hypervisor.job = () => Promise.resolve({ kind: 'none' });
    void bench.executor().submit(planOf(MOVES), yes(MOVES));
    await clock.pass(7200);
    expect(await resultOf(bench)).toBeUndefined();
  });

  it('is not, either, once it was seen on its target', async () => {
    const bench = await makeBench();
    const { hypervisor, clock } = bench;
    void bench.executor().submit(planOf(MOVES), yes(MOVES));
    await clock.pass(5);
    hypervisor.finish('v1');
    hypervisor.job = () => Promise.resolve({ kind: 'none' });
    const locate = hypervisor.locate.bind(hypervisor);
    hypervisor.locate = async (vm) => {
      const looks = await locate(vm);
      hypervisor.blind.add(H2);
      runTwice(bench);
      return looks;
    };
    await clock.pass(7200);
    expect(await resultOf(bench)).toBeUndefined();
  });

  it('stayed there where its migration was seen to come to nothing', async () => {
    const { bench, hypervisor, clock, done } = await underWay();
    hypervisor.blind.add(H2);
    hypervisor.job = () => Promise.resolve({ ...DONE, ok: false, detail: 'the target is gone' });
    await clock.until(done);
    expect((await resultOf(bench))?.outcome).toBe('failed');
  });
});

describe('a success that was told too early', () => {
  it('is waited for beyond all patience, while the migration goes on', async () => {
    const bench = await makeBench(['h1'], { seconds: 2000 });
    const { hypervisor, clock } = bench;
    const tellTruly = hypervisor.job.bind(hypervisor);
    let asked = 0;
    hypervisor.job = (order) => {
      asked += 1;
      return asked <= 2 ? Promise.resolve(DONE) : tellTruly(order);
    };
    await clock.until(bench.executor().submit(planOf(MOVES), yes(MOVES)));
    expect((await resultOf(bench))?.outcome).toBe('succeeded');
    expect(await wrongs(bench, MOVES)).toEqual([]);
  });
});
