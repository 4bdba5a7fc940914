// Role: contract cases about a move under way: changing its course, stopping it, taking it over.
import { expect } from 'vitest';

import { bytesPerSecond, GIB, seconds } from '../../src/domain/units.ts';
import { declined, OK } from './contract-steps.ts';
import type { ContractSubject } from './contract-world.ts';
import type { Case } from './hypervisor-contract.ts';

/** Longer than any guest of a test world needs for what it dirties in the meantime. */
const LONG_DOWNTIME = seconds(30);

export function steeringCases(declare: Case, { capabilities, features }: ContractSubject): void {
  const busy = features.busyGuests && capabilities.methods.includes('pre-copy');

  declare(
    'ends a busy guest’s move once more downtime is allowed',
    [busy, capabilities.downtimeLimit],
    async (steps) => {
      const order = await steps.startEndless(steps.world.vms[0]);
      const steering = { kind: 'downtime-limit', seconds: LONG_DOWNTIME } as const;
      expect(await steps.hypervisor.steer(order, steering, steps.signal)).toEqual(OK);
      await steps.finish(order);
    },
  );

  declare('takes more bandwidth in flight', [busy, capabilities.bandwidthLimit], async (steps) => {
    const order = await steps.startEndless(steps.world.vms[0]);
    const steering = { kind: 'bandwidth', bandwidth: bytesPerSecond(GIB) } as const;
    expect(await steps.hypervisor.steer(order, steering, steps.signal)).toEqual(OK);
    await steps.world.setBusy(order.vm, false);
    await steps.finish(order);
  });

  const slows = capabilities.autoConverge !== 'no';

  declare('slows a busy guest down', [busy, slows], async (steps) => {
    const order = await steps.startEndless(steps.world.vms[0]);
    const steering = { kind: 'auto-converge' } as const;
    expect(await steps.hypervisor.steer(order, steering, steps.signal)).toEqual(OK);
    expect(await steps.hypervisor.steer(order, steering, steps.signal)).toEqual(OK);
    await steps.world.setBusy(order.vm, false);
    await steps.finish(order);
  });

  declare(
    'switches a busy guest to post-copy, from where there is no way back',
    [busy, capabilities.methods.includes('post-copy')],
    async (steps) => {
      const order = await steps.startEndless(steps.world.vms[0], { allowPostCopy: true });
      const { boot } = await steps.world.truth(order.vm);
      const steering = { kind: 'post-copy' } as const;
      expect(await steps.hypervisor.steer(order, steering, steps.signal)).toEqual(OK);
      expect(await declined(steps.hypervisor.abort(order, steps.signal))).not.toBe('accepted');
      await steps.finish(order);
      expect((await steps.world.truth(order.vm)).boot).toBe(boot);
    },
  );

  declare(
    'does not switch to post-copy where it was not allowed',
    [busy, capabilities.methods.includes('post-copy')],
    async (steps) => {
      const order = await steps.startEndless(steps.world.vms[0], { allowPostCopy: false });
      const steering = { kind: 'post-copy' } as const;
      expect(await declined(steps.hypervisor.steer(order, steering, steps.signal))).not.toBe(
        'accepted',
      );
      await steps.world.setBusy(order.vm, false);
      await steps.finish(order);
    },
  );

  declare('declines to steer what is not under way', [busy], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    const steering = { kind: 'downtime-limit', seconds: LONG_DOWNTIME } as const;
    expect(await declined(steps.hypervisor.steer(order, steering, steps.signal))).not.toBe(
      'accepted',
    );
  });

  declare('stops a move: the guest has not left', [busy, capabilities.abort], async (steps) => {
    const order = await steps.startEndless(steps.world.vms[0]);
    const { boot } = await steps.world.truth(order.vm);
    expect(await steps.hypervisor.abort(order, steps.signal)).toEqual(OK);
    const job = await steps.follow(order);
    expect(job).not.toHaveProperty('ok', true);
    await steps.expectUntouched(order);
    expect(await steps.hypervisor.abort(order, steps.signal)).toEqual(OK);
    expect((await steps.world.truth(order.vm)).boot).toBe(boot);
  });

  declare('moves a guest after a stopped attempt', [busy, capabilities.abort], async (steps) => {
    const stopped = await steps.startEndless(steps.world.vms[0]);
    expect(await steps.hypervisor.abort(stopped, steps.signal)).toEqual(OK);
    await steps.follow(stopped);
    await steps.expectUntouched(stopped);
    await steps.world.setBusy(stopped.vm, false);
    const again = await steps.order(stopped.vm);
    expect(await steps.start(again)).toEqual(OK);
    await steps.finish(again);
  });

  declare('does not stop what has arrived', [busy, capabilities.abort], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
    expect(await declined(steps.hypervisor.abort(order, steps.signal))).not.toBe('accepted');
    await steps.expectRunsOnly(order.vm, order.to);
  });

  declare('lets another client see a move and take it over', [busy], async (steps) => {
    const order = await steps.startEndless(steps.world.vms[0]);
    const heir = await steps.world.secondClient();
    expect(await heir.job(order, steps.signal)).toHaveProperty('kind', 'running');
    // The heir repeats the order, as a controller does that can not know how far its
    // predecessor came: nothing is started twice.
    expect(await heir.startMove(order, steps.signal)).toEqual(OK);
    await steps.world.setBusy(order.vm, false);
    await steps.finish(order, heir);
    await heir.close();
  });

  declare('lets another client stop a move', [busy, capabilities.abort], async (steps) => {
    const order = await steps.startEndless(steps.world.vms[0]);
    const heir = await steps.world.secondClient();
    expect(await heir.abort(order, steps.signal)).toEqual(OK);
    await steps.follow(order, heir);
    await steps.expectUntouched(order);
    await heir.close();
  });

  declare('finishes a move whose client went away', [busy], async (steps) => {
    const starter = await steps.world.secondClient();
    await steps.world.setBusy(steps.world.vms[0], true);
    const bandwidth = steps.world.busyBandwidth;
    const order = await steps.order(steps.world.vms[0], { bandwidth });
    expect(await steps.start(order, starter)).toEqual(OK);
    await starter.close();
    await steps.world.setBusy(order.vm, false);
    await steps.finish(order);
  });
}
