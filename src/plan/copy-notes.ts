/** What is said beside a plan of disks of which nobody knows whether their copies find room. */

import { copyPlace, roomFinder } from '../domain/storage.ts';
import { copySize, isReached } from '../domain/disks.ts';
import type { Setting } from './setting.ts';

/** One sentence for each such place, by its name, and one for disks of unknown size. */
export function copyNotes({ model, state, request }: Setting): readonly string[] {
  const find = roomFinder(request.snapshot.storages ?? []);
  const blind = new Map<string, Set<number>>();
  const unsized = new Set<number>();
  for (const { vm: v, to } of state.moves) {
    const [vm, host] = [model.vms[v], model.hosts[to]];
    if (vm === undefined || host === undefined) continue;
    for (const disk of vm.disks) {
      if (isReached(disk, host)) continue;
      const place = copyPlace(disk, host);
      if (copySize(disk) === undefined) unsized.add(v);
      if (place !== undefined && find(host, place)?.freeBytes !== undefined) continue;
      const name = place ?? host.name;
      blind.set(name, (blind.get(name) ?? new Set()).add(v));
    }
  }
  const decides = 'the hypervisor decides';
  const places = [...blind.keys()].toSorted().map((name) => {
    const many = movesOf(blind.get(name)?.size ?? 0);
    return `nobody knows whether ${name} has room for the disks of ${many}: ${decides}`;
  });
  if (unsized.size === 0) return places;
  const many = movesOf(unsized.size);
  return [...places, `nobody knows how large the disks of ${many} are: ${decides} on their room`];
}

function movesOf(moves: number): string {
  return `${moves} ${moves === 1 ? 'move' : 'moves'}`;
}
