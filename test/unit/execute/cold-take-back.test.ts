// Role: a cold move whose process died while its VM was off: it is started on its source again, but
// only while no dead host can have started it meanwhile.
import { describe, expect, it } from 'vitest';

import { type HostId, hostId, moveId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import type { RestartGuard } from '../../../src/execute/restart-guard.ts';
import type { MoveOrder } from '../../../src/ports/hypervisor.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import { type Bench, makeBench, move, planOf, yes } from '../../support/execution-bench.ts';
import { deadHosts } from '../../support/restart-guard.ts';
import { SOURCE } from '../../support/scripted-hypervisor.ts';

const [H1, H2, H3] = ['h1', 'h2', 'h3'].map(hostId) as [HostId, HostId, HostId];
const COLD = [move('1', 'h1', 'h2', { method: 'cold' })];

/** @param onCleanUp called when the hypervisor is asked to take the move back. */
async function coldLeftOpen(onCleanUp: () => void = () => undefined): Promise<Bench> {
  const bench = await makeBench(['h1'], { seconds: Infinity });
  bench.world = {
    ...bench.world,
    vms: bench.world.vms.map((vm) => ({ ...vm, permission: 'cold' })),
  };
  const { hypervisor, clock } = bench;
  const first = bench.executor();
  void first.submit(planOf(COLD), yes(COLD));
  await clock.pass(5);
  await clock.until(first.stop());
  hypervisor.job = () => Promise.resolve({ kind: 'none' });
  const truth = hypervisor.truth('v1');
  hypervisor.cleanUp = async (order) => {
    hypervisor.calls.push('cleanUp');
    onCleanUp();
    truth.incomingOn.clear();
    // It sees what is on its two hosts, and no more.
    truth.runsOn = [...new Set([...truth.runsOn, order.from])];
    return { ok: true, value: undefined };
  };
  truth.runsOn = [];
  truth.incomingOn.clear();
  return bench;
}

describe('a cold move that is taken back', () => {
  it('is not, while a dead host that has the VM defined has its power back', async () => {
    const bench = await coldLeftOpen();
    const { hypervisor, clock } = bench;
    const power = new Map([[H3, 'its power is on']]);
    const { restarts, notes } = deadHosts(new Set([H3]), power);
    notes.push('h3 v1'); // From there it was restarted once.
    hypervisor.blind.add(H3);
    hypervisor.truth('v1').runsOn = [H3];
    void bench.executor({ restarts }).recover();
    await clock.pass(60);
    expect(hypervisor.truth('v1').runsOn).toEqual([H3]);
    // That was somebody's mistake, who takes it off again.
    hypervisor.truth('v1').runsOn = [];
    power.clear();
    await clock.pass(60);
    expect(hypervisor.truth('v1').runsOn).toEqual([H1]);
  });

  it('is not, where somebody has started the VM on a third host', async () => {
    const bench = await coldLeftOpen();
    const { hypervisor, clock, ledger } = bench;
    hypervisor.truth('v1').runsOn = [H3];
    void bench.executor().recover();
    await clock.pass(120);
    expect(hypervisor.truth('v1').runsOn).toEqual([H3]);
    expect(hypervisor.calls).not.toContain('cleanUp');
    expect((await ledger.move(moveId('m1')))?.result).toMatchObject({
      outcome: 'failed',
      detail: expect.stringContaining('it runs on h3, so the move is not taken back') as string,
      remains: true,
    });
  });

  it('tells the human who is called why it was not', async () => {
    const bench = await coldLeftOpen();
    const { restarts, notes } = deadHosts(new Set([H3]), new Map([[H3, 'its power is on']]));
    notes.push('h3 v1');
    bench.hypervisor.blind.add(H3);
    void bench.executor({ restarts }).recover();
    await bench.clock.pass(900);
    expect((await bench.ledger.move(moveId('m1')))?.result).toMatchObject({
      outcome: 'needs-human',
      detail: expect.stringContaining('it is not taken back: its power is on') as string,
    });
  });

  it('is not on a proof from before its note was written', async () => {
    const bench = await coldLeftOpen();
    const { hypervisor, clock } = bench;
    const power = new Map<HostId, string>();
    const { restarts, notes } = deadHosts(new Set([H2]), power);
    const slow: RestartGuard = {
      ...restarts,
      note: async (host, vm) => {
        // The ledger is slow; meanwhile h2 gets its power back and starts the VM.
        await clock.sleep(seconds(240));
        power.set(H2, 'its power is on');
        hypervisor.truth('v1').runsOn = [H2];
        await restarts.note(host, vm);
      },
    };
    hypervisor.blind.add(H2);
    const without: MoveOrder[] = [];
    hypervisor.cleanUp = async (order) => {
      if (order.targetIsOff === true) without.push(order);
      throw new AdapterError('unreachable', SOURCE, 'h2 does not answer');
    };
    void bench.executor({ restarts: slow }).recover();
    await clock.pass(3600);
    expect(notes.length).toBeGreaterThan(0);
    expect(without).toEqual([]);
  });

  it('is asked for with a new proof each time', async () => {
    const power = new Map<HostId, string>();
    let asked = 0;
    const bench = await coldLeftOpen(() => {
      asked += 1;
      power.set(H3, 'its power is on');
      throw new AdapterError('lost', SOURCE, 'the connection broke');
    });
    const { restarts, notes } = deadHosts(new Set([H3]), power);
    notes.push('h3 v1');
    bench.hypervisor.blind.add(H3);
    void bench.executor({ restarts }).recover();
    await bench.clock.pass(900);
    expect(asked).toBe(1);
  });
});
