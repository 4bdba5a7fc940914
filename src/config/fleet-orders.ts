/** Orders of a fleet file: of each what the rules go by, and nothing of how far it has come. */

import { type HostId, orderId } from '../domain/ids.ts';
import { mayCome, type Order } from '../domain/order.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import type { FleetEntries } from './fleet-schema.ts';

type OrderEntry = NonNullable<FleetEntries['orders']>[number];

/** @param place in the file, from 0; it has no id there. */
export function orderOf(
  entry: OrderEntry,
  place: number,
  { takenAt, vms }: { readonly takenAt: EpochSeconds; readonly vms: readonly Vm[] },
): Order {
  const { kind, host } = entry;
  return {
    id: orderId(`fleet-file-${place + 1}`),
    kind,
    host,
    by: entry.by ?? { kind: 'operator', name: 'fleet file' },
    reason: entry.reason ?? 'ordered in the fleet file',
    createdAt: entry.createdAt ?? takenAt,
    deadline: entry.deadline,
    state: entry.state ?? 'open',
    dedupeKey: `fleet-file:${kind}:${host}`,
    home: entry.home ?? vms.filter((vm) => vm.host === host).map(({ id }) => id),
    ...(entry.area !== undefined && { area: entry.area }),
  };
}

/**
 * Those that ask for something now, of hosts that are in the file. Of who is to come home those are
 * named that may come by now: the others wait for what only a daemon can see.
 */
export function writtenOrders(
  orders: readonly Order[],
  hosts: ReadonlySet<HostId>,
): readonly OrderEntry[] {
  return orders.flatMap((order): OrderEntry[] => {
    const { kind, host, by, reason, createdAt, deadline, state, area } = order;
    if (state === 'waiting' || state === 'closed' || !hosts.has(host)) return [];
    const home = state === 'returning' ? mayCome(order) : order.home;
    return [{ kind, host, by, reason, createdAt, deadline, state, area, home: [...home] }];
  });
}
