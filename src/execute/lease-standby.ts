/** Who acts, and who could stand in for whom, as a look at the board of leases says. Pure. */

import { type ClusterId, compareText } from '../domain/ids.ts';
import type { ActingControllers } from '../domain/own-vm.ts';
import type { Controller, LeaseBoard } from '../ports/leases.ts';

/**
 * Who holds a lease acts, also one that has run out: nobody has taken it over yet. Of a name that
 * several controllers share, all count as one.
 */
export function actingOn(
  { leases, controllers }: Pick<LeaseBoard, 'leases' | 'controllers'>,
  live: readonly Controller[],
): ActingControllers {
  const held = leases.filter(({ holder }) => holder !== '');
  return {
    names: new Set(held.map(({ holderName }) => holderName)),
    known: new Set([...controllers, ...live].map(({ name }) => name)),
    hasStandby: (name) =>
      held
        .filter(({ holderName }) => holderName === name)
        .every(({ cluster }) =>
          live.some((one) => one.name !== name && one.wants.includes(cluster)),
        ),
  };
}

/**
 * Whether `me`, which stands aside, is to come back: one that was to take a cluster of its stands
 * aside as well, and nobody else would take it, so that each would wait for the other. Of those who
 * left the same cluster the first by id comes back.
 *
 * @param mine what it leaves to others.
 */
export function isCalledBack(
  me: string,
  mine: readonly ClusterId[],
  others: readonly Pick<Controller, 'id' | 'wants' | 'leaves'>[],
): boolean {
  return mine.some((cluster) => {
    const beside = others.filter(({ leaves = [] }) => leaves.includes(cluster));
    const isTaken = others.some(({ wants }) => wants.includes(cluster));
    const isFirst = beside.every(({ id }) => compareText(me, id) < 0);
    return beside.length > 0 && !isTaken && isFirst;
  });
}
