/**
 * Dirty rates are measured only when libvirt is told to; the next statistics bring them. Each host
 * is asked about every guest, as only libvirt knows which guest is where at this moment.
 */

import { startDirtyRate, type Domain } from './calls/domain.ts';
import { adapterCodeOf, messageOf } from './native/errors.ts';
import type { LibvirtOptions } from './options.ts';
import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { Clock } from '../../src/ports/clock.ts';

/** A host as far as it is needed here; undefined: the guest is not on it. */
export interface DirtyRateHost {
  readonly id: HostId;
  onDomain(
    vm: VmId,
    what: string,
    task: (domain: Domain) => Promise<void>,
  ): Promise<void | undefined>;
}

export class DirtyRates {
  readonly #wanted: LibvirtOptions['dirtyRate'];
  readonly #clock: Clock;
  #askedAt: number | undefined;
  #problems: readonly string[] = [];

  constructor(wanted: LibvirtOptions['dirtyRate'], clock: Clock) {
    this.#wanted = wanted;
    this.#clock = clock;
  }

  /**
   * Asks where that is wanted and due. What keeps hosts from measuring, one sentence a host; it
   * stands until they are asked again, so that it is not news at every reading.
   */
  async ask(vms: ReadonlySet<VmId>, hosts: readonly DirtyRateHost[]): Promise<readonly string[]> {
    const wanted = this.#wanted;
    if (wanted === undefined) return [];
    const now = this.#clock.monotonic();
    if (this.#askedAt !== undefined && now < this.#askedAt + wanted.everySeconds) {
      return this.#problems;
    }
    this.#askedAt = now;
    const problems: string[] = [];
    for (const host of hosts) {
      const failure = await failureOn(host, vms, wanted.measureSeconds);
      if (failure !== undefined) problems.push(`${host.id}: no dirty rates: ${failure}`);
    }
    this.#problems = problems;
    return problems;
  }
}

/** Why this host measures nothing; asking it about the other guests would be of no use. */
async function failureOn(
  host: DirtyRateHost,
  vms: ReadonlySet<VmId>,
  measureSeconds: number,
): Promise<string | undefined> {
  for (const vm of vms) {
    try {
      await host.onDomain(vm, 'sampling the dirty rate', (domain) =>
        startDirtyRate(domain, measureSeconds),
      );
    } catch (error) {
      if (!isForNow(error)) return messageOf(error);
    }
  }
  return undefined;
}

/** A guest that migrates, has just left or is being measured declines; it is asked again. */
function isForNow(error: unknown): boolean {
  const code = adapterCodeOf(error);
  return code === 'refused' || code === 'locked' || code === 'not-found';
}
