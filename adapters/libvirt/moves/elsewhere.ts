/**
 * A move looks after its guest on two hosts. On any other one somebody may have started it since,
 * or moved it there: then it is started nowhere else, and nothing is removed that it may need.
 */

import type { LibvirtHost } from '../host.ts';
import { isUnanswered } from '../native/errors.ts';
import type { VmId } from '../../../src/domain/ids.ts';
import type { Sighting } from '../../../src/ports/hypervisor.ts';

/** Where the guest is more than defined, for people. Undefined: nowhere. */
export async function seenElsewhere(
  vm: VmId,
  others: readonly LibvirtHost[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  const sightings = await Promise.all(others.map((host) => sightOn(host, vm, signal)));
  const found = sightings.find((one) => one !== undefined && one.state !== 'defined');
  return found && `${vm} is ${found.state} on ${found.host}`;
}

/** Silence is for the executor to judge: it knows which hosts are dead. */
async function sightOn(
  host: LibvirtHost,
  vm: VmId,
  signal: AbortSignal | undefined,
): Promise<Sighting | undefined> {
  try {
    return await host.sight(vm, signal);
  } catch (error) {
    if (isUnanswered(error)) return undefined;
    throw error;
  }
}
