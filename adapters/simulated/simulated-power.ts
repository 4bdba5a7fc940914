/**
 * Power devices and a way past the hypervisor to the hosts of simulated datacenters: the `Fencing`
 * and `HostProbe` ports. Instantaneous; what goes wrong with them are faults of the datacenter.
 */

import type { Host } from '../../src/domain/host.ts';
import { type Fencing, FencingError, type PowerStatus } from '../../src/ports/fencing.ts';
import type { HostProbe } from '../../src/ports/host-probe.ts';
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';

type Named = Pick<Host, 'id' | 'name'>;

export class SimulatedPower implements Fencing, HostProbe {
  readonly #datacenters: readonly SimulatedDatacenter[];

  constructor(datacenters: readonly SimulatedDatacenter[]) {
    this.#datacenters = datacenters;
  }

  covers({ id }: Named): boolean {
    return this.#datacenters.some((one) => one.hasHost(id));
  }

  async status(host: Named): Promise<PowerStatus> {
    return this.#device(host).power(host.id) ?? 'unknown';
  }

  async off(host: Named): Promise<void> {
    this.#device(host).setPower(host.id, false);
  }

  async on(host: Named): Promise<void> {
    this.#device(host).setPower(host.id, true);
  }

  async ask(host: Named): Promise<'answers' | 'silent'> {
    const datacenter = this.#datacenters.find((one) => one.hasHost(host.id));
    return datacenter?.answersProbe(host.id) === true ? 'answers' : 'silent';
  }

  #device(host: Named): SimulatedDatacenter {
    const datacenter = this.#datacenters.find((one) => one.hasHost(host.id));
    if (datacenter?.power(host.id) === undefined) {
      throw new FencingError(`the power device of ${host.name} does not answer`);
    }
    return datacenter;
  }
}
