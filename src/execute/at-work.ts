/**
 * Who may have a host off, or rebooting, on purpose: a hook that runs on it, or the person for whom
 * it was emptied. Such a silence says nothing, and cutting the power in the middle of an update of
 * its firmware may be the end of it. Pure.
 */

import type { Host } from '../domain/host.ts';
import type { Order } from '../domain/order.ts';
import { guestsOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';

type World = Pick<Snapshot, 'vms' | 'inFlight'>;

/** For people; undefined: nobody is known to. `orders`: those that are not closed. */
export function whoIsAtWork(
  host: Pick<Host, 'id' | 'unlistedGuests'>,
  orders: readonly Order[],
  world: World,
): string | undefined {
  const order = orders.find((one) => one.host === host.id && one.state === 'open');
  if (order?.hook?.state === 'running') return `the hook ${order.hook.name}`;
  // What an alert wants empty nobody works on yet.
  if (order?.by.kind !== 'operator' || mayHoldGuests(host, world)) return undefined;
  return order.by.name;
}

function mayHoldGuests(
  { id, unlistedGuests }: Pick<Host, 'id' | 'unlistedGuests'>,
  world: World,
): boolean {
  if (unlistedGuests !== undefined) return true;
  const isUnderWay = world.inFlight.some(({ from, to }) => from === id || to === id);
  return isUnderWay || guestsOf(world, id).some(({ powerState }) => powerState !== 'off');
}
