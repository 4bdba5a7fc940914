// Role: the shared contract suite of the `Hypervisor` port: whatever an adapter drives, Drover
// relies on exactly these promises. An adapter brings a ContractWorld (contract-world.ts); a power
// that it declares absent is skipped where everybody can see it.
import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest';

import { methodCases } from './method-cases.ts';
import { movingCases } from './moving-cases.ts';
import { readingCases } from './reading-cases.ts';
import { steeringCases } from './steering-cases.ts';
import { troubleCases } from './trouble-cases.ts';
import { Steps } from './contract-steps.ts';
import type { ContractSubject, ContractWorld } from './contract-world.ts';

/** Declares one case; `needs` are the powers without which it is skipped. */
export type Case = (
  name: string,
  needs: readonly boolean[],
  body: (steps: Steps) => Promise<void>,
) => void;

/** The suite for one adapter: call it at the top of a test file. */
export function hypervisorContract(subject: ContractSubject): void {
  describe(`hypervisor contract: ${subject.name}`, () => {
    let world: ContractWorld | undefined;
    const made = (): ContractWorld => {
      if (world === undefined) throw new Error('the world was not made');
      return world;
    };
    const limit = subject.timeouts.caseMilliseconds;

    beforeAll(async () => {
      world = await subject.make();
    }, limit);
    afterAll(async () => {
      await world?.run(() => made().hypervisor.close());
      await world?.dispose();
    }, limit);
    beforeEach(() => made().run(() => made().settle()), limit);

    const declare: Case = (name, needs, body) => {
      // oxlint-disable-next-line vitest/valid-title -- the cases bring their titles along
      it.skipIf(needs.includes(false))(name, { timeout: limit }, () =>
        made().run(() => body(new Steps(made(), subject.timeouts))),
      );
    };

    allCases(declare, subject);
  });
}

/** Hands every case to `declare`, with the powers that it needs of `subject`. */
export function allCases(declare: Case, subject: ContractSubject): void {
  readingCases(declare, subject);
  movingCases(declare, subject);
  methodCases(declare, subject);
  steeringCases(declare, subject);
  troubleCases(declare, subject);
}
