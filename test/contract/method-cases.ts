// Role: contract cases about the methods that do more than send a running guest's memory: starting
// the guest of a dead host elsewhere, and taking disks along.
import { expect } from 'vitest';

import { declined, OK, type Steps } from './contract-steps.ts';
import type { ContractSubject } from './contract-world.ts';
import type { Case } from './hypervisor-contract.ts';
import { isReached } from '../../src/domain/disks.ts';
import type { StorageId } from '../../src/domain/ids.ts';
import { copyPlace } from '../../src/domain/storage.ts';
import type { MoveOrder } from '../../src/ports/hypervisor.ts';

export function methodCases(declare: Case, { capabilities, features }: ContractSubject): void {
  const restart = [capabilities.methods.includes('restart'), features.killHost];
  const cold = capabilities.methods.includes('cold');
  const storage = [capabilities.methods.includes('storage'), features.ownDisk];

  declare('starts the guest of a dead host elsewhere, once', restart, async (steps) => {
    const order = await orderAfterDeath(steps);
    const { boot } = await steps.world.truth(order.vm);
    expect(await steps.start(order)).toEqual(OK);
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
    const truth = await steps.world.truth(order.vm);
    expect(truth.runningOn).toEqual([order.to]);
    expect(truth.boot).not.toBe(boot);
    // It would survive a reboot of its new host.
    expect(truth.definedOn).toContain(order.to);
  });

  declare(
    'commits a restart without its dead source, as often as asked',
    restart,
    async (steps) => {
      const order = await orderAfterDeath(steps);
      expect(await steps.start(order)).toEqual(OK);
      await steps.finish(order);
      expect(await steps.hypervisor.commit(order, steps.signal)).toEqual(OK);
      await steps.expectRunsOnly(order.vm, order.to);
    },
  );

  declare('refuses to restart a guest that runs', restart, async (steps) => {
    const order = await steps.order(steps.world.vms[0], { method: 'restart' });
    expect(await declined(steps.start(order))).toBeOneOf(['refused', 'locked']);
    await steps.expectUntouched({ ...order, method: 'pre-copy' });
  });

  declare('does not start a guest a second time that was restarted', restart, async (steps) => {
    const order = await orderAfterDeath(steps);
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
    const { boot } = await steps.world.truth(order.vm);
    expect(await declined(steps.start(order))).toBeOneOf(['refused', 'locked']);
    expect(await declined(steps.hypervisor.cleanUp(order, steps.signal))).not.toBe('accepted');
    expect((await steps.world.truth(order.vm)).boot).toBe(boot);
    await steps.expectRunsOnly(order.vm, order.to);
  });

  declare('lets another client follow a restart to its end', restart, async (steps) => {
    const order = await orderAfterDeath(steps);
    expect(await steps.start(order)).toEqual(OK);
    const heir = await steps.world.secondClient();
    await steps.finish(order, heir);
    await heir.close();
  });

  declare('takes a disk along that only the source has', storage, async (steps) => {
    const { ownDisk } = steps.world;
    if (ownDisk === undefined) throw new Error('the world promised a guest with its own disk');
    const order = await steps.order(ownDisk, { method: 'storage' });
    const { boot } = await steps.world.truth(ownDisk);
    const foretold = await placesOfCopies(steps, order);
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
    expect((await steps.world.truth(ownDisk)).boot).toBe(boot);
    const { vms } = await steps.hypervisor.inventory(steps.signal);
    expect(vms.find(({ id }) => id === ownDisk)?.disks.map(({ storage }) => storage)).toEqual(
      foretold,
    );
  });

  declare('takes it along in a cold move, too', [...storage, cold], async (steps) => {
    const { ownDisk } = steps.world;
    if (ownDisk === undefined) throw new Error('the world promised a guest with its own disk');
    const order = await steps.order(ownDisk, { method: 'cold' });
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
  });

  declare('does not send a guest away from a disk of its own', storage, async (steps) => {
    const { ownDisk } = steps.world;
    if (ownDisk === undefined) throw new Error('the world promised a guest with its own disk');
    const order = await steps.order(ownDisk);
    if ((await declined(steps.start(order))) === 'accepted') {
      expect(await steps.follow(order)).not.toHaveProperty('ok', true);
    }
    await steps.expectUntouched(order);
  });
}

/** Where the target says beforehand that it is going to put the guest's disks. */
async function placesOfCopies(steps: Steps, { vm, to }: MoveOrder): Promise<readonly StorageId[]> {
  const { hosts, vms } = await steps.hypervisor.inventory(steps.signal);
  const target = hosts.find(({ id }) => id === to);
  const disks = vms.find(({ id }) => id === vm)?.disks ?? [];
  return disks.map((disk) => {
    const place = target && (isReached(disk, target) ? disk.storage : copyPlace(disk, target));
    if (place === undefined) throw new Error(`${to} does not say where it puts copies`);
    return place;
  });
}

/** The order is made while the guest runs; then its host dies. */
async function orderAfterDeath(steps: Steps): Promise<MoveOrder> {
  const order = await steps.order(steps.world.vms[0], { method: 'restart' });
  await steps.world.killHost?.(order.from);
  return order;
}
