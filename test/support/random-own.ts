// Role: requests in which Drover stands on some of the VMs.
import fc from 'fast-check';

import type { OwnVm } from '../../src/domain/own-vm.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';

const OWN = fc.constantFrom<OwnVm[]>(
  { roles: ['ledger'] },
  { roles: ['manager'] },
  { roles: ['controller', 'metrics'], controller: 'ada' },
  { roles: ['controller'], controller: 'bob', acting: 'with-standby' },
  { roles: ['controller'], controller: 'cid', acting: 'alone' },
);

/** One to three of the VMs, if there are any, the policy being as careful as it is by default. */
export function withOwn(requests: fc.Arbitrary<PlanRequest>): fc.Arbitrary<PlanRequest> {
  const chosen = fc.array(fc.record({ at: fc.nat(100), own: OWN }), { minLength: 1, maxLength: 3 });
  return fc.tuple(requests, chosen, fc.boolean()).map(([request, picks, isBold]) => {
    const { snapshot, migration } = request;
    const own = new Map(
      picks.map(({ at, own: one }) => [at % Math.max(1, snapshot.vms.length), one]),
    );
    const vms = snapshot.vms.map((vm, index) => {
      const one = own.get(index);
      return one === undefined ? vm : { ...vm, own: one };
    });
    const ownWithoutStandby = isBold ? 'move' : 'leave';
    return {
      ...request,
      snapshot: { ...snapshot, vms },
      migration: { ...migration, ownWithoutStandby },
    };
  });
}
