/** What is said beside a plan of disks that it copies to where nobody knows of room. */

import { copyPlace } from '../domain/storage.ts';
import { isReached } from '../domain/disks.ts';
import type { Setting } from './setting.ts';

/** One sentence for each such place, by its name. */
export function copyNotes({ model, state, request }: Setting): readonly string[] {
  const known = new Set(
    (request.snapshot.storages ?? []).flatMap(({ id, freeBytes }) =>
      freeBytes === undefined ? [] : [id],
    ),
  );
  const blind = new Map<string, Set<number>>();
  for (const { vm: v, to } of state.moves) {
    const [vm, host] = [model.vms[v], model.hosts[to]];
    if (vm === undefined || host === undefined) continue;
    for (const disk of vm.disks) {
      if (isReached(disk, host)) continue;
      const place = copyPlace(disk, host);
      if (place !== undefined && known.has(place)) continue;
      const name = place ?? host.name;
      blind.set(name, (blind.get(name) ?? new Set()).add(v));
    }
  }
  return [...blind.keys()].toSorted().map((name) => {
    const moves = blind.get(name)?.size ?? 0;
    const many = `${moves} ${moves === 1 ? 'move' : 'moves'}`;
    return `nobody knows whether ${name} has room for the disks of ${many}: the hypervisor decides`;
  });
}
