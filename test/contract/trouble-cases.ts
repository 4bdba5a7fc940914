// Role: contract cases about broken connections: errors are typed, and no guest is lost.
import { expect } from 'vitest';

import { adapterError, declined, OK } from './contract-steps.ts';
import type { ContractSubject } from './contract-world.ts';
import type { Case } from './hypervisor-contract.ts';

export function troubleCases(declare: Case, { capabilities, features }: ContractSubject): void {
  const busy = features.busyGuests && capabilities.methods.includes('pre-copy');

  declare(
    'reports a host that does not answer, and the others',
    [features.cutControl],
    async (steps) => {
      const [vm] = steps.world.vms;
      const lost = await steps.home(vm);
      await steps.world.cutControl(lost);
      const inventory = await steps.hypervisor.inventory(steps.signal);
      expect(inventory.problems).not.toEqual([]);
      const connections = new Map(inventory.hosts.map((host) => [host.id, host.connection]));
      expect(connections.get(lost)).toBe('disconnected');
      expect(connections.get(steps.other(lost))).toBe('connected');
      const { sightings, blind } = await steps.hypervisor.locate(vm, steps.signal);
      expect(sightings).toEqual([]);
      expect(blind).toEqual([lost]);
      await steps.world.restoreControl(lost);
      await steps.expectRunsOnly(vm, lost);
    },
  );

  declare(
    'answers with a retryable error while its source is out of reach',
    [features.cutControl],
    async (steps) => {
      const order = await steps.order(steps.world.vms[0]);
      await steps.world.cutControl(order.from);
      const error = await adapterError(steps.start(order));
      expect(error.retryable).toBe(true);
      expect(error.source).toBe(steps.hypervisor.source);
      await steps.world.restoreControl(order.from);
      await steps.expectUntouched(order);
    },
  );

  declare(
    'finds the guest again after the connection broke in the middle of a move',
    [busy, features.cutControl],
    async (steps) => {
      const order = await steps.startEndless(steps.world.vms[0]);
      await steps.world.cutControl(order.from);
      const error = await adapterError(steps.hypervisor.job(order, steps.signal));
      expect(error.retryable).toBe(true);
      await steps.world.restoreControl(order.from);
      await steps.world.setBusy(order.vm, false);
      const job = await steps.waitFor('an answer about the move', async () => {
        const answer = await steps.hypervisor.job(order, steps.signal).catch(() => undefined);
        return answer === undefined || answer.kind === 'running' ? undefined : answer;
      });
      // Whether the move survives is the hypervisor's affair; that there is one guest is not.
      if (job.kind === 'ended' && job.ok) {
        await steps.finish(order);
        return;
      }
      const home = await steps.home(order.vm);
      if (home === order.from) await steps.expectUntouched(order);
      else await steps.finish(order);
    },
  );

  declare(
    'keeps the guest on its source when the migration link breaks',
    [busy, features.cutMigrationLink],
    async (steps) => {
      const order = await steps.startEndless(steps.world.vms[0]);
      const { boot } = await steps.world.truth(order.vm);
      await steps.world.cutMigrationLink();
      const job = await steps.follow(order);
      expect(job).not.toHaveProperty('ok', true);
      await steps.world.restoreMigrationLink();
      await steps.expectUntouched(order);
      expect((await steps.world.truth(order.vm)).boot).toBe(boot);
    },
  );

  declare('obeys a signal that was aborted before the call', [], async (steps) => {
    const order = await steps.order(steps.world.vms[0]);
    const aborted = AbortSignal.abort();
    await adapterError(steps.hypervisor.inventory(aborted));
    expect(await declined(steps.hypervisor.startMove(order, aborted))).not.toBe('accepted');
    await steps.expectUntouched(order);
    expect(await steps.start(order)).toEqual(OK);
    await steps.finish(order);
  });
}
