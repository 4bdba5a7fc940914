/**
 * A move has brought a guest, and its source knows nothing of it any more. Were the target to die
 * before it is asked again, no host's word would name the guest: nobody would miss it, nor start it
 * elsewhere. So what was known of it goes along at once.
 */

import { isRunning, type LibvirtHost } from './host.ts';
import type { Ends } from './moves/settle.ts';
import type { VmId } from '../../src/domain/ids.ts';
import type { MoveOrder } from '../../src/ports/hypervisor.ts';

/** @param all hosts of the source: of a restart it may be any that still knows what it was. */
export async function noteArrival(
  order: MoveOrder,
  { from, to }: Ends,
  all: readonly LibvirtHost[],
  signal: AbortSignal,
): Promise<void> {
  const { vm } = order;
  const guest = await to.seeAnew(vm, signal);
  if (guest !== undefined) await to.tookIn(guest);
  else await carryAlong(vm, to, [to, from, ...all]);
  await from.gaveAway(vm);
}

/** As the first of these hosts knew it that did: the target may have told only of half of it. */
async function carryAlong(vm: VmId, to: LibvirtHost, hosts: readonly LibvirtHost[]): Promise<void> {
  for (const host of hosts) {
    const guest = (await host.last())?.guests.find((one) => one.vm.id === vm);
    if (guest === undefined || (host === to && !isRunning(guest))) continue;
    if (host !== to) await to.tookIn(guest);
    return;
  }
}
