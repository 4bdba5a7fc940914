/**
 * Over which uplinks of switches the moves go, each direction by itself: out of the source's switch
 * and into the target's, unless that is the same one.
 */

import { groupedBy } from './grouped.ts';
import type { Step } from './world.ts';

export function uplinksOf({ from, to }: Pick<Step, 'from' | 'to'>): readonly string[] {
  if (from.uplink?.id === to.uplink?.id) return [];
  return [
    ...(from.uplink === undefined ? [] : [`leaving by ${from.uplink.id}`]),
    ...(to.uplink === undefined ? [] : [`coming in by ${to.uplink.id}`]),
  ];
}

/** What goes over each, in the order given. */
export function byUplink<Item>(
  items: readonly Item[],
  stepOf: (item: Item) => Pick<Step, 'from' | 'to'>,
): ReadonlyMap<string, readonly Item[]> {
  return groupedBy(items, (item) => uplinksOf(stepOf(item)));
}
