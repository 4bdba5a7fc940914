/** A person's orders about hosts: all of them are given, or none is. */

import type { Host } from '../domain/host.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { ApiProblem, OrdersRequest, OrderView } from '../ports/api.ts';
import { otherHook, unknown } from './api-problems.ts';
import { orderViews } from './areas.ts';
import type { OrderDesk } from './order-desk.ts';
import type { InForce } from './order-text.ts';
import { findNamed } from './views.ts';

export interface GivingParts {
  readonly orders: Pick<OrderDesk, 'giveAllOrNone'>;
  readonly inForce: InForce;
}

/** In the order of the request; a host that is named twice gets one order. */
export async function giveOrders(
  { orders, inForce }: GivingParts,
  { hosts: names, ...rest }: OrdersRequest,
  snapshot: Snapshot,
): Promise<Result<readonly OrderView[], ApiProblem>> {
  const hosts = new Map<string, Host>();
  for (const name of names) {
    const host = findNamed(snapshot.hosts, name);
    if (host === undefined) return fail(unknown('host', name));
    hosts.set(host.id, host);
  }
  const wanted = [...hosts.values()].map(({ id }) => ({ ...rest, host: id }));
  const given = await orders.giveAllOrNone(wanted, snapshot);
  if (!given.ok)
    return fail(otherHook(given.error, hosts.get(given.error.host)?.name ?? given.error.host));
  return ok(orderViews(given.value, [...hosts.values()], inForce));
}
