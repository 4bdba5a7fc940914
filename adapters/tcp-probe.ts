/**
 * The ports `HostProbe` and `GuestProbe` over TCP: whether anybody answers at an address of the
 * host that does not lead through its hypervisor's management (SSH on the migration network, say),
 * or at one of the guest.
 */

import { connect } from 'node:net';

import type { GuestProbe } from '../src/ports/guest-probe.ts';
import type { HostProbe, ProbeAnswer } from '../src/ports/host-probe.ts';

export interface ProbeAddress {
  /** Id or name of the host or guest. */
  readonly of: string;
  readonly address: string;
  readonly port: number;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

/** Long enough for a lost packet to be sent twice more (1 s and 3 s, RFC 6298). */
const PATIENCE_MS = 5000;

export class TcpProbe implements HostProbe, GuestProbe {
  readonly #addresses: readonly ProbeAddress[];

  constructor(addresses: readonly ProbeAddress[]) {
    this.#addresses = addresses;
  }

  covers(one: Named): boolean {
    return this.#find(one) !== undefined;
  }

  ask(one: Named, signal: AbortSignal): Promise<ProbeAnswer> {
    const address = this.#find(one);
    if (address === undefined) return Promise.resolve('silent');
    return knock(address, signal);
  }

  #find({ id, name }: Named): ProbeAddress | undefined {
    return this.#addresses.find(({ of }) => of === id || of === name);
  }
}

function knock({ address, port }: ProbeAddress, signal: AbortSignal) {
  return new Promise<ProbeAnswer>((resolve) => {
    const socket = connect({ host: address, port, signal });
    const end = (answer: ProbeAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PATIENCE_MS, () => end('silent'));
    socket.once('connect', () => end('answers'));
    socket.once('error', (error) => {
      end('code' in error && error.code === 'ECONNREFUSED' ? 'refuses' : 'silent');
    });
  });
}
