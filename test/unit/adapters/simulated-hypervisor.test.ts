// Role: calls to the simulated hypervisor that go wrong, and the crash of whoever made them: what
// is known afterwards and what is not.
import { describe, expect, it } from 'vitest';

import { SimulatedHypervisor } from '../../../adapters/simulated/simulated-hypervisor.ts';
import { loadAdapter } from '../../../adapters/registry.ts';
import { sourceId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import { SimulatedDatacenter } from '../../../src/simulate/datacenter.ts';
import type { CallEffect, CallName } from '../../../src/simulate/fault.ts';
import { h, simHost, simVm, v } from '../../support/datacenter.ts';
import { aMoveOrder } from '../../support/plans.ts';
import { virtualClock } from '../../support/virtual-time.ts';

const NEVER = new AbortController().signal;
const ORDER = aMoveOrder({ vm: v('x'), from: h('a'), to: h('b') });

function lab() {
  const clock = virtualClock();
  const fleet = {
    seed: 1,
    hosts: [simHost('a'), simHost('b')],
    vms: [simVm('x', 'a')],
    groups: [],
  };
  const datacenter = new SimulatedDatacenter(fleet, clock);
  const hypervisor = new SimulatedHypervisor({ datacenter, clock });
  const spoil = (call: CallName | 'any', effect: CallEffect, times = 1): void => {
    datacenter.inject({ kind: 'call', call, effect, code: 'auth', times });
  };
  const isMoving = (): boolean => datacenter.job(ORDER).kind === 'running';
  return { clock, datacenter, hypervisor, spoil, isMoving };
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof AdapterError ? error.code : undefined;
}

describe('a call', () => {
  it('takes time, half of it before the effect', async () => {
    const { clock, hypervisor } = lab();
    await clock.run(() => hypervisor.inventory(NEVER));
    expect(clock.monotonic()).toBeGreaterThan(0.005);
    expect(clock.monotonic()).toBeLessThan(0.1);
  });

  it('that hangs ends with the patience of its caller, and has done nothing', async () => {
    const { clock, hypervisor, spoil, isMoving } = lab();
    spoil('startMove', 'hang');
    const patience = new AbortController();
    const code = await clock.run(async () => {
      const call = codeOf(hypervisor.startMove(ORDER, patience.signal));
      await clock.sleep(seconds(30));
      patience.abort();
      return call;
    });
    expect([code, clock.monotonic(), isMoving()]).toEqual(['timeout', 30, false]);
  });

  it('that is refused has done nothing, and the next one is well', async () => {
    const { clock, hypervisor, spoil, isMoving } = lab();
    spoil('any', 'error');
    expect(await clock.run(() => codeOf(hypervisor.startMove(ORDER, NEVER)))).toBe('auth');
    expect(isMoving()).toBe(false);
    expect(await clock.run(() => codeOf(hypervisor.startMove(ORDER, NEVER)))).toBeUndefined();
    expect(isMoving()).toBe(true);
  });

  it('whose answer is lost, or came too late, has done its work', async () => {
    for (const effect of ['reply-lost', 'late'] as const) {
      const { clock, hypervisor, spoil, isMoving } = lab();
      spoil('startMove', effect);
      const patience = new AbortController();
      const code = await clock.run(async () => {
        const call = codeOf(hypervisor.startMove(ORDER, patience.signal));
        await clock.sleep(seconds(0.5));
        patience.abort();
        return call;
      });
      expect(code).toBe(effect === 'late' ? 'timeout' : 'lost');
      expect(isMoving()).toBe(true);
    }
  });

  it('that arrives twice is one move, one commit', async () => {
    const { clock, datacenter, hypervisor, spoil } = lab();
    spoil('any', 'twice', 10);
    await clock.run(async () => {
      await hypervisor.startMove(ORDER, NEVER);
      await clock.sleep(seconds(60));
      await hypervisor.commit(ORDER, NEVER);
    });
    expect(datacenter.truth.migrations()).toHaveLength(1);
    expect(datacenter.truth.whereabouts(v('x'))).toEqual({
      runningOn: ['b'],
      definedOn: ['b'],
      boots: 1,
    });
  });
});

describe('a crash of the caller', () => {
  it.each([0, 0.004, 0.012, 0.5, 60])('after %d s leaves a world to be found', async (after) => {
    const { clock, datacenter, hypervisor } = lab();
    let isAnswered = false;
    void hypervisor.startMove(ORDER, NEVER).then(() => {
      isAnswered = true;
    });
    await clock.advance(seconds(after));
    clock.abandon();
    await clock.advance(seconds(600));
    expect(isAnswered).toBe(after > 0.1);
    // The next process repeats the order, which starts the move now or finds it done.
    const heir = new SimulatedHypervisor({ datacenter, clock });
    await clock.run(async () => {
      const { sightings } = await heir.locate(ORDER.vm, NEVER);
      const isDone = sightings.some(({ host, state }) => host === 'b' && state === 'running');
      if (!isDone) await heir.startMove(ORDER, NEVER);
      await clock.sleep(seconds(60));
      expect(await heir.commit(ORDER, NEVER)).toMatchObject({ ok: true });
    });
    expect(datacenter.truth.migrations()).toHaveLength(1);
    expect(datacenter.truth.doubleRuns()).toEqual([]);
    expect(datacenter.truth.whereabouts(v('x')).definedOn).toEqual(['b']);
  });
});

describe('made from options', () => {
  it('is a datacenter of that size, under the name of the source', async () => {
    const clock = virtualClock();
    const adapter = await loadAdapter('simulated');
    const prepared = adapter.prepare({ hosts: 3, vms: 10 });
    if (!prepared.ok) throw new Error('the options are good');
    const hypervisor = await prepared.value.create({ source: sourceId('lab'), clock });
    const inventory = await clock.run(() => hypervisor.inventory(NEVER));
    expect([inventory.hosts.length, inventory.vms.length]).toEqual([3, 10]);
    expect(inventory.vms[0]?.source).toBe('lab');
    expect(hypervisor.source).toBe('lab');
  });
});
