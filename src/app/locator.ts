/** `locate`: asks every host of the VM's source, now, where it is. */

import { seconds } from '../domain/units.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { LocateView } from '../ports/api.ts';
import type { NamedVm } from './lost-vms.ts';
import type { Sources } from './sources.ts';

/** Longer than a hypervisor's own time-outs; the asker waits on a terminal. */
const PATIENCE = seconds(30);

type Locate = (vm: NamedVm) => Promise<Pick<LocateView, 'sightings' | 'blind'>>;

export function locator(
  hypervisors: Sources['hypervisors'],
  snapshot: () => Snapshot | undefined,
): Locate {
  return async (vm) => {
    const hypervisor = hypervisors.get(vm.source);
    // The ledger remembers VMs of sources that have been taken out since.
    if (hypervisor === undefined)
      return { sightings: [], blind: [`all of ${vm.source}, which is not configured any more`] };
    const signal = AbortSignal.timeout(PATIENCE * 1000);
    const { sightings, blind } = await hypervisor.locate(vm.id, signal);
    const names = new Map(snapshot()?.hosts.map((host) => [host.id, host.name]));
    return {
      sightings: sightings.map((sighting) => ({
        ...sighting,
        hostName: names.get(sighting.host) ?? sighting.host,
      })),
      blind,
    };
  };
}
