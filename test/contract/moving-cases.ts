// Role: contract cases about moves that go well, and orders that must be declined.
import { expect } from 'vitest';

import { seconds } from '../../src/domain/units.ts';
import { declined, OK } from './contract-steps.ts';
import type { ContractSubject } from './contract-world.ts';
import type { Case } from './hypervisor-contract.ts';

export function movingCases(declare: Case, { capabilities, features }: ContractSubject): void {
  const live = capabilities.methods.includes('pre-copy');
  const cold = capabilities.methods.includes('cold');
  const busy = features.busyGuests;

  declare('moves a guest live, and its definition with it', [live], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    const before = await steps.world.truth(order.vm);
    expect(await steps.hypervisor.precheck(order, steps.signal)).toEqual([]);
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
    expect(await steps.world.truth(order.vm)).toEqual({
      runningOn: [order.to],
      definedOn: [order.to],
      boot: before.boot,
    });
    expect(await steps.sightings(order.vm)).toEqual([
      { host: order.to, state: 'running', persistent: true },
    ]);
  });

  declare('says what a finished move cost', [live], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    expect(await steps.start(order)).toEqual(OK);
    const job = await steps.follow(order);
    if (job.kind === 'ended') {
      expect(job.ok).toBe(true);
      expect(job.downtimeSeconds ?? 0).toBeGreaterThanOrEqual(0);
      expect(job.bytes ?? 1).toBeGreaterThan(0);
    }
    await steps.finish(order);
  });

  declare('shows progress', [live, capabilities.progress, busy], async (steps) => {
    const order = await steps.startEndless(steps.world.vms[0]);
    const first = await steps.hypervisor.job(order, steps.signal);
    if (first.kind !== 'running') throw new Error(`not running: ${JSON.stringify(first)}`);
    expect(first.progress.done).toBeLessThanOrEqual(1);
    expect(first.progress.done).toBeGreaterThanOrEqual(0);
    await steps.poll();
    const second = await steps.hypervisor.job(order, steps.signal);
    if (second.kind !== 'running') throw new Error(`not running: ${JSON.stringify(second)}`);
    expect(second.progress.elapsedSeconds).toBeGreaterThan(first.progress.elapsedSeconds);
    expect(second.progress.bytesSent).toBeGreaterThan(first.progress.bytesSent);
    await steps.world.setBusy(order.vm, false);
    await steps.finish(order);
  });

  declare('starts a move once, however often it is ordered', [live], async (steps) => {
    const order = busy
      ? await steps.startEndless(steps.world.vms[0])
      : await steps.order(steps.world.vms[0]);
    expect(await steps.start(order)).toEqual(OK);
    expect(await steps.start(order)).toEqual(OK);
    if (busy) await steps.world.setBusy(order.vm, false);
    await steps.finish(order);
    // A repetition that comes late finds the guest gone from its source.
    expect(await declined(steps.start(order))).toBeOneOf(['refused', 'not-found']);
    await steps.expectRunsOnly(order.vm, order.to);
  });

  declare('commits as often as it is asked', [live], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
    expect(await steps.hypervisor.commit(order, steps.signal)).toEqual(OK);
    expect((await steps.world.truth(order.vm)).definedOn).toEqual([order.to]);
    await steps.expectRunsOnly(order.vm, order.to);
  });

  declare('does not commit a move that did not happen', [live], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    expect(await declined(steps.hypervisor.commit(order, steps.signal))).not.toBe('accepted');
    await steps.expectUntouched(order);
  });

  declare('does not clean up a target on which the guest runs', [live], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
    expect(await declined(steps.hypervisor.cleanUp(order, steps.signal))).not.toBe('accepted');
    await steps.expectRunsOnly(order.vm, order.to);
    expect((await steps.world.truth(order.vm)).definedOn).toEqual([order.to]);
  });

  declare('refuses an order that names the wrong source', [live], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    const wrong = { ...order, from: order.to, to: order.from };
    expect(await declined(steps.start(wrong))).toBeOneOf(['refused', 'not-found']);
    await steps.expectUntouched(order);
  });

  declare('refuses another order while the guest moves', [live, busy], async (steps) => {
    const order = await steps.startEndless(steps.world.vms[0]);
    const elsewhere = { ...order, to: order.from };
    expect(await declined(steps.start(elsewhere))).toBeOneOf(['locked', 'refused']);
    await steps.world.setBusy(order.vm, false);
    await steps.finish(order);
  });

  declare('moves several guests at once', [live], async (steps) => {
    const orders = await Promise.all(steps.world.vms.map((vm) => steps.order(vm)));
    const started = await Promise.all(orders.map((order) => steps.start(order)));
    expect(started).toEqual(orders.map(() => OK));
    for (const order of orders) await steps.finish(order);
  });

  declare('moves a guest cold: it ends running on the target only', [cold], async (steps) => {
    const order = await steps.order(steps.world.vms[0], {
      method: 'cold',
      downtimeLimitSeconds: seconds(600),
    });
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
    expect(await steps.world.truth(order.vm)).toMatchObject({
      runningOn: [order.to],
      definedOn: [order.to],
    });
  });

  declare(
    'says beforehand, with a code, that a host can not take a guest',
    [capabilities.precheck, features.misfit],
    async (steps) => {
      const { misfit } = steps.world;
      if (misfit === undefined) throw new Error('the world promised a misfit');
      const order = { ...(await steps.order(misfit.vm)), to: misfit.host };
      const refusals = await steps.hypervisor.precheck(order, steps.signal);
      expect(refusals).toContainEqual(expect.objectContaining(misfit));
      await steps.expectUntouched(order);
    },
  );

  declare('does not lose a guest that a host can not take', [features.misfit], async (steps) => {
    const { misfit } = steps.world;
    if (misfit === undefined) throw new Error('the world promised a misfit');
    const order = { ...(await steps.order(misfit.vm)), to: misfit.host };
    const answer = await declined(steps.start(order));
    if (answer === 'accepted') {
      // Some hypervisors find out only while the move is set up.
      expect(await steps.follow(order)).not.toHaveProperty('ok', true);
    }
    await steps.expectUntouched(order);
  });
}
