/**
 * The hosts of simulated datacenters, asked whether they reach one another: the `PeerProbe` port.
 * Who has power reaches whoever has power, whatever their hypervisors do. Instantaneous.
 */

import type { Host } from '../../src/domain/host.ts';
import type { PeerAnswer, PeerProbe } from '../../src/ports/peer-probe.ts';
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';

type Named = Pick<Host, 'id' | 'name'>;

export class SimulatedPeers implements PeerProbe {
  readonly peers = 3;
  readonly #datacenters: readonly SimulatedDatacenter[];

  constructor(datacenters: readonly SimulatedDatacenter[]) {
    this.#datacenters = datacenters;
  }

  covers({ id }: Named): boolean {
    return this.#datacenters.some((one) => one.hasHost(id));
  }

  async ask(peer: Named, host: Named): Promise<PeerAnswer> {
    if (!this.#isUp(peer)) return { kind: 'unknown', detail: 'not reached itself' };
    return { kind: this.#isUp(host) ? 'reaches' : 'does-not-reach' };
  }

  #isUp({ id }: Named): boolean {
    return this.#datacenters.find((one) => one.hasHost(id))?.answersProbe(id) === true;
  }
}
