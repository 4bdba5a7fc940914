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
 * Whether one that stands aside is to come back, because nobody else would take all of `mine`: two
 * that stepped aside at the same moment would each wait for the other. The first by id comes back.
 */
export function isCalledBack(
  me: string,
  mine: readonly ClusterId[],
  others: readonly Pick<Controller, 'id' | 'wants'>[],
): boolean {
  const isTaken = (cluster: ClusterId): boolean =>
    others.some(({ wants }) => wants.includes(cluster));
  const isFirst = others.every(({ id, wants }) => wants.length > 0 || compareText(me, id) < 0);
  return isFirst && !mine.every(isTaken);
}
