/**
 * The guests of simulated datacenters, asked at their own addresses: the `GuestProbe` port. One
 * that runs answers, whatever the hypervisor of its host does. Instantaneous.
 */

import type { Vm } from '../../src/domain/vm.ts';
import type { GuestProbe } from '../../src/ports/guest-probe.ts';
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';

type Named = Pick<Vm, 'id' | 'name'>;

export class SimulatedGuests implements GuestProbe {
  readonly #datacenters: readonly SimulatedDatacenter[];

  constructor(datacenters: readonly SimulatedDatacenter[]) {
    this.#datacenters = datacenters;
  }

  covers({ id }: Named): boolean {
    return this.#datacenters.some((one) => one.hasVm(id));
  }

  async ask({ id }: Named): Promise<'answers' | 'silent'> {
    const there = this.#datacenters.find((one) => one.hasVm(id));
    return there?.guestAnswers(id) === true ? 'answers' : 'silent';
  }
}
