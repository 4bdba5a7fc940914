/**
 * A move has brought a guest, and its source knows nothing of it any more. Were the target to die
 * before it is asked again, no host's word would name the guest: nobody would miss it, nor start it
 * elsewhere. So what was known of it goes along at once.
 */

import type { LibvirtHost } from './host.ts';
import type { VmId } from '../../src/domain/ids.ts';

interface Ends {
  readonly from: LibvirtHost;
  readonly to: LibvirtHost;
}

/** @param all hosts of the source: of a restart it may be any that still knows what it was. */
export async function noteArrival(
  vm: VmId,
  { from, to }: Ends,
  all: readonly LibvirtHost[],
): Promise<void> {
  for (const host of [to, from, ...all]) {
    const guest = (await host.last())?.guests.find((one) => one.vm.id === vm);
    if (guest === undefined) continue;
    if (host !== to) await to.tookIn(guest);
    break;
  }
  await from.gaveAway(vm);
}
