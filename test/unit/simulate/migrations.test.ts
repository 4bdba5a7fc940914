// Role: migrations in the simulated datacenter: how long they take, how they break, what remains.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { moveId } from '../../../src/domain/ids.ts';
import { bytes, bytesPerSecond, GIB, MIB, seconds } from '../../../src/domain/units.ts';
import type { MoveOrder } from '../../../src/ports/hypervisor.ts';
import { SimulatedDatacenter } from '../../../src/simulate/datacenter.ts';
import type { BreakStage } from '../../../src/simulate/fault.ts';
import type { EndedMigration } from '../../../src/simulate/migration-phases.ts';
import { h, LINK, simHost, simVm, v } from '../../support/datacenter.ts';
import { aMoveOrder } from '../../support/plans.ts';
import { virtualClock } from '../../support/virtual-time.ts';

const TOUCHED = 2 * GIB;
const ACCEPTED = { ok: true, value: undefined };

function lab() {
  const clock = virtualClock();
  const datacenter = new SimulatedDatacenter(
    {
      seed: 1,
      hosts: [simHost('a'), simHost('b'), simHost('c')],
      vms: [simVm('x', 'a'), simVm('y', 'a'), simVm('z', 'b')],
      groups: [],
    },
    clock,
  );
  const calm = (vm: string, rate = 0): void => {
    datacenter.inject({
      kind: 'dirty-rate',
      vm: v(vm),
      bytesPerSecond: rate,
      forSeconds: Infinity,
    });
  };
  const last = (): EndedMigration => datacenter.truth.migrations().at(-1)!;
  return { clock, datacenter, calm, last };
}

function order(vm: string, to: string, details: Partial<MoveOrder> = {}): MoveOrder {
  const from = h(vm === 'z' ? 'b' : 'a');
  return aMoveOrder({ move: moveId(`${vm}-to-${to}`), vm: v(vm), from, to: h(to), ...details });
}

describe('pre-copy', () => {
  it('takes as long as its memory takes over the link, and stops only for the switch', async () => {
    const { clock, datacenter, calm, last } = lab();
    calm('x');
    expect(datacenter.startMove(order('x', 'b'))).toEqual(ACCEPTED);
    await clock.advance(seconds(60));
    const { startedAt, endedAt, bytes: sent, downtimeSeconds, rounds } = last();
    expect(sent / TOUCHED).toBeCloseTo(1, 6);
    expect(endedAt - startedAt).toBeCloseTo(0.6 + TOUCHED / LINK + 0.06, 3);
    expect([rounds, downtimeSeconds]).toEqual([1, expect.closeTo(0.06, 6)]);
    expect(datacenter.truth.downtime(v('x'))).toBeCloseTo(0.06, 6);
    expect(datacenter.truth.whereabouts(v('x'))).toEqual({
      runningOn: ['b'],
      definedOn: ['a'],
      boots: 1,
    });
  });

  it('sends again what was dirtied, and less each time', async () => {
    const { clock, datacenter, calm, last } = lab();
    calm('x', 200 * MIB);
    datacenter.startMove(order('x', 'b', { downtimeLimitSeconds: seconds(0.02) }));
    await clock.advance(seconds(60));
    expect(last()).toMatchObject({ ok: true });
    expect(last().rounds).toBeGreaterThan(1);
    expect(last().bytes).toBeGreaterThan(TOUCHED);
    expect(last().downtimeSeconds).toBeLessThanOrEqual(0.02 + 0.06 + 1e-9);
  });

  it('shares the links: two from one host take twice as long, two crossing do not', async () => {
    const { clock, datacenter, calm } = lab();
    for (const vm of ['x', 'y', 'z']) calm(vm);
    datacenter.startMove(order('x', 'b'));
    datacenter.startMove(order('y', 'c'));
    datacenter.startMove(order('z', 'a'));
    await clock.advance(seconds(60));
    const took = new Map(
      datacenter.truth.migrations().map((one) => [one.order.vm, one.endedAt - one.startedAt]),
    );
    expect(took.get(v('x'))).toBeCloseTo(0.6 + (2 * TOUCHED) / LINK + 0.06, 3);
    expect(took.get(v('y'))).toBeCloseTo(0.6 + (2 * TOUCHED) / LINK + 0.06, 3);
    expect(took.get(v('z'))).toBeCloseTo(0.6 + TOUCHED / LINK + 0.06, 3);
  });

  it('does not converge where more is dirtied than sent', async () => {
    const { clock, datacenter, calm } = lab();
    calm('x', 400 * MIB);
    const slow = order('x', 'b', { bandwidth: bytesPerSecond(50 * MIB) });
    datacenter.startMove(slow);
    await clock.advance(seconds(3600));
    const job = datacenter.job(slow);
    expect(job).toMatchObject({ kind: 'running', progress: { phase: 'pre-copy' } });
    expect(datacenter.truth.whereabouts(v('x')).runningOn).toEqual(['a']);
  });

  it('converges once the guest is throttled enough', async () => {
    const { clock, datacenter, calm, last } = lab();
    calm('x', 120 * MIB);
    const details = { bandwidth: bytesPerSecond(100 * MIB), autoConverge: true };
    datacenter.startMove(order('x', 'b', details));
    await clock.advance(seconds(3600));
    expect(last()).toMatchObject({ ok: true });
    expect(last().rounds).toBeGreaterThan(4);
    expect(last().downtimeSeconds).toBeLessThan(0.4);
  });

  it('gives up a link over which nothing gets, and leaves the guest where it was', async () => {
    const { clock, datacenter, last } = lab();
    datacenter.startMove(order('x', 'b'));
    await clock.advance(seconds(1));
    datacenter.inject({ kind: 'link', host: h('b'), factor: 0, forSeconds: 600 });
    await clock.advance(seconds(7));
    expect(datacenter.job(order('x', 'b')).kind).toBe('running');
    await clock.advance(seconds(2));
    expect(last()).toMatchObject({ ok: false });
    expect(datacenter.truth.whereabouts(v('x')).runningOn).toEqual(['a']);
    // The next attempt meets the debris of this one, until it is cleaned up.
    datacenter.heal('link');
    expect(datacenter.startMove(order('x', 'b')).ok).toBe(false);
    expect(datacenter.cleanUp(order('x', 'b'))).toEqual(ACCEPTED);
    expect(datacenter.startMove(order('x', 'b'))).toEqual(ACCEPTED);
  });

  it('survives a link that comes back in time', async () => {
    const { clock, datacenter, last } = lab();
    datacenter.startMove(order('x', 'b'));
    await clock.advance(seconds(1));
    datacenter.inject({ kind: 'link', host: h('a'), factor: 0, forSeconds: 5 });
    await clock.advance(seconds(60));
    expect(last()).toMatchObject({ ok: true });
  });
});

describe('other methods', () => {
  it('pulls memory after the switch in post-copy, and can not go back', async () => {
    const { clock, datacenter, calm, last } = lab();
    calm('x', 400 * MIB);
    const slow = order('x', 'b', { bandwidth: bytesPerSecond(50 * MIB), allowPostCopy: true });
    datacenter.startMove(slow);
    await clock.advance(seconds(20));
    expect(datacenter.steer(slow, { kind: 'post-copy' })).toEqual(ACCEPTED);
    expect(datacenter.abort(slow)).toMatchObject({ ok: false, error: { code: 'refused' } });
    await clock.advance(seconds(0.2));
    expect(datacenter.locate(v('x')).sightings).toEqual([
      { host: 'a', state: 'paused', persistent: true },
      { host: 'b', state: 'post-copy', persistent: false },
    ]);
    await clock.advance(seconds(60));
    expect(last()).toMatchObject({ ok: true, downtimeSeconds: expect.closeTo(0.1, 3) });
  });

  it('recovers a broken post-copy when it is ordered again over a healed link', async () => {
    const { clock, datacenter, last } = lab();
    const move = order('x', 'b', { method: 'post-copy', bandwidth: bytesPerSecond(100 * MIB) });
    datacenter.inject({ kind: 'migration', vm: v('x'), stage: 'post-copy' });
    datacenter.startMove(move);
    await clock.advance(seconds(120));
    expect(datacenter.truth.down()).toEqual(['x']);
    expect(datacenter.locate(v('x')).sightings.map(({ state }) => state)).toEqual([
      'paused',
      'post-copy-paused',
    ]);
    expect(datacenter.startMove(move)).toEqual(ACCEPTED);
    await clock.advance(seconds(120));
    expect(last()).toMatchObject({ ok: true });
    expect(datacenter.truth.whereabouts(v('x'))).toMatchObject({ runningOn: ['b'], boots: 1 });
  });

  it('copies disks first where only the source has them', async () => {
    const clock = virtualClock();
    const disks = [{ storage: simHost('a').storages[0]!, bytes: bytes(8 * GIB), shared: false }];
    const vms = [simVm('x', 'a', undefined, { facts: { disks } })];
    const fleet = { seed: 1, hosts: [simHost('a'), simHost('b')], vms, groups: [] };
    const datacenter = new SimulatedDatacenter(fleet, clock);
    expect(datacenter.startMove(order('x', 'b'))).toMatchObject({
      ok: false,
      error: { detail: expect.stringContaining('storage') },
    });
    datacenter.startMove(order('x', 'b', { method: 'storage' }));
    await clock.advance(seconds(10));
    expect(datacenter.job(order('x', 'b'))).toMatchObject({ progress: { phase: 'storage' } });
    await clock.advance(seconds(60));
    const [ended] = datacenter.truth.migrations();
    expect(ended?.bytes).toBeGreaterThan(8 * GIB + TOUCHED - MIB);
    expect(ended?.downtimeSeconds).toBeLessThan(0.5);
  });

  it('takes the room of copies when they begin, and gives back what is removed', async () => {
    const clock = virtualClock();
    const disks = [{ storage: simHost('a').storages[0]!, bytes: bytes(8 * GIB), shared: false }];
    const vms = ['x', 'y', 'w'].map((name) => simVm(name, 'a', undefined, { facts: { disks } }));
    const [room] = simHost('b').storages;
    const storages = [{ id: room!, capacityBytes: bytes(40 * GIB), freeBytes: bytes(20 * GIB) }];
    const hosts = [simHost('a'), simHost('b')];
    const datacenter = new SimulatedDatacenter(
      { seed: 1, hosts, vms, groups: [], storages },
      clock,
    );
    const free = () =>
      datacenter.inventory().storages.find(({ id }) => id === room)?.freeBytes ?? Number.NaN;
    const taking = (name: string) => order(name, 'b', { method: 'storage' });
    expect(free()).toBe(20 * GIB);
    // All three find room enough before any of them has taken it: one is broken off.
    for (const name of ['x', 'y', 'w']) {
      expect(datacenter.startMove(taking(name))).toEqual(ACCEPTED);
    }
    await clock.advance(seconds(10));
    expect(free()).toBe(4 * GIB);
    const ended = datacenter.truth.migrations();
    expect(ended).toMatchObject([{ ok: false, detail: expect.stringContaining('no space') }]);
    expect(datacenter.precheck(taking('w'))).toMatchObject([{ code: 'storage-space' }]);
    expect(datacenter.startMove(taking('w'))).toMatchObject({ ok: false });
    expect(datacenter.abort(taking('y'))).toEqual(ACCEPTED);
    expect(free()).toBe(12 * GIB);
    await clock.advance(seconds(120));
    expect(datacenter.job(taking('x'))).toMatchObject({ ok: true });
    // What is a guest's disk by now is removed with nothing.
    expect(datacenter.cleanUp(taking('x'))).toMatchObject({ ok: false });
    expect(free()).toBe(12 * GIB);
    expect(datacenter.cleanUp(taking('w'))).toEqual(ACCEPTED);
    expect(datacenter.startMove(taking('w'))).toEqual(ACCEPTED);
  });

  it('restarts a guest of a dead host elsewhere, and twice where nobody cleaned up', async () => {
    const { clock, datacenter } = lab();
    datacenter.inject({ kind: 'host-crash', host: h('a'), forSeconds: 600 });
    expect(datacenter.truth.down()).toEqual(['x', 'y']);
    expect(datacenter.startMove(order('x', 'b', { method: 'restart' }))).toEqual(ACCEPTED);
    await clock.advance(seconds(120));
    expect(datacenter.truth.whereabouts(v('x'))).toMatchObject({ runningOn: ['b'], boots: 2 });
    expect(datacenter.commit(order('x', 'b'))).toMatchObject({ error: { code: 'unreachable' } });
    expect(datacenter.truth.doubleRuns()).toEqual([]);
    await clock.advance(seconds(600));
    expect(datacenter.truth.whereabouts(v('x')).runningOn).toEqual(['a', 'b']);
    expect(datacenter.truth.doubleRuns()).toMatchObject([{ vm: 'x', hosts: ['a', 'b'] }]);
  });

  it('keeps a definition on the target of a move that has lost its source', async () => {
    const { clock, datacenter } = lab();
    expect(datacenter.startMove(order('x', 'b'))).toEqual(ACCEPTED);
    await clock.advance(seconds(120));
    expect(datacenter.commit(order('x', 'b'))).toEqual(ACCEPTED);
    datacenter.inject({ kind: 'host-crash', host: h('b'), forSeconds: 600 });
    const settled = order('x', 'b', { method: 'restart', begunAs: 'pre-copy' });
    expect(datacenter.cleanUp(settled)).toMatchObject({ ok: false, error: { code: 'refused' } });
    expect(datacenter.truth.whereabouts(v('x'))).toMatchObject({ definedOn: ['b'] });
  });

  it('does not restart what it can see running', () => {
    const { datacenter } = lab();
    const restart = order('x', 'b', { method: 'restart' });
    expect(datacenter.startMove(restart)).toMatchObject({ ok: false, error: { code: 'refused' } });
  });
});

describe('broken migrations', () => {
  const before: readonly BreakStage[] = ['setup', 'pre-copy', 'stop-and-copy'];
  it.each(before)('keep the guest on its source when they break in %s', async (stage) => {
    const { clock, datacenter, last } = lab();
    datacenter.inject({ kind: 'migration', vm: undefined, stage });
    datacenter.startMove(order('x', 'b'));
    await clock.advance(seconds(60));
    expect(last().ok).toBe(false);
    expect(datacenter.truth.whereabouts(v('x'))).toEqual({
      runningOn: ['a'],
      definedOn: ['a'],
      boots: 1,
    });
    expect(datacenter.locate(v('x')).sightings).toHaveLength(2);
  });

  it('can lie in both directions', async () => {
    const { clock, datacenter, last } = lab();
    datacenter.inject({ kind: 'migration', vm: v('x'), stage: 'commitment' });
    datacenter.inject({ kind: 'migration', vm: v('y'), stage: 'false-success' });
    datacenter.startMove(order('x', 'b'));
    await clock.advance(seconds(60));
    expect(last().ok).toBe(false);
    expect(datacenter.truth.whereabouts(v('x')).runningOn).toEqual(['b']);
    datacenter.startMove(order('y', 'b'));
    await clock.advance(seconds(60));
    expect(last().ok).toBe(true);
    expect(datacenter.truth.whereabouts(v('y')).runningOn).toEqual(['a']);
  });

  it('end when a host dies: the guest lives where it can', async () => {
    const { clock, datacenter } = lab();
    datacenter.startMove(order('x', 'b'));
    await clock.advance(seconds(1));
    datacenter.inject({ kind: 'host-crash', host: h('b'), forSeconds: 60 });
    expect(datacenter.truth.whereabouts(v('x')).runningOn).toEqual(['a']);
    datacenter.startMove(order('y', 'c'));
    await clock.advance(seconds(1));
    datacenter.inject({ kind: 'host-crash', host: h('a'), forSeconds: 60 });
    expect(datacenter.truth.down()).toEqual(['x', 'y', 'z']);
    await clock.advance(seconds(61));
    expect(datacenter.truth.down()).toEqual([]);
    expect(datacenter.truth.doubleRuns()).toEqual([]);
    expect(datacenter.truth.whereabouts(v('y'))).toMatchObject({ runningOn: ['a'], boots: 2 });
  });
});

describe('a run', () => {
  it('does not depend on who looks when', async () => {
    const outcome = async (looks: readonly number[]): Promise<unknown> => {
      const { clock, datacenter } = lab();
      datacenter.inject({ kind: 'link', host: h('b'), factor: 0.1, forSeconds: 40 }, 3);
      for (const [vm, to] of [
        ['x', 'b'],
        ['y', 'b'],
        ['z', 'c'],
      ] as const) {
        datacenter.startMove(order(vm, to));
      }
      for (const look of looks) {
        await clock.advance(seconds(look));
        datacenter.read();
        datacenter.job(order('x', 'b'));
      }
      await clock.advance(seconds(600));
      return datacenter.truth.migrations();
    };
    const expected = await outcome([]);
    const looks = fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(looks, async (times) => {
        expect(await outcome(times)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });
});
