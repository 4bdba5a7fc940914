/**
 * A whole site or cluster, emptied to what is elsewhere and filled again. All its hosts get their
 * orders at once, so that none of them is taken for a refuge; one plan then brings everybody out,
 * the most important of all hosts first.
 */

import type { Host } from '../domain/host.ts';
import { compareText } from '../domain/ids.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Area, AreaRequest, OrderView } from '../ports/api.ts';
import type { GivenOrder } from './order-desk.ts';
import type { NewOrder } from './wanted-order.ts';
import { type InForce, orderText } from './order-text.ts';

/** By name. */
export function hostsIn({ kind, name }: Area, snapshot: Snapshot | undefined): readonly Host[] {
  const hosts = (snapshot?.hosts ?? []).filter((host) => host[kind] === name);
  return hosts.toSorted((a, b) => compareText(a.name, b.name) || compareText(a.id, b.id));
}

export function areaText({ kind, name }: Area): string {
  return `${kind} ${name}`;
}

export function areaOrders(request: AreaRequest, hosts: readonly Host[]): readonly NewOrder[] {
  const { area, reason, by, deadlineSeconds } = request;
  const rest = { by: { kind: 'operator', name: by }, reason, dedupeKey: '' } as const;
  return hosts.map(({ id }) => {
    return { kind: 'evacuate', host: id, ...rest, deadlineSeconds, area: areaText(area) };
  });
}

export function orderViews(
  given: readonly GivenOrder[],
  hosts: readonly Host[],
  inForce: InForce,
): readonly OrderView[] {
  const byId = new Map(hosts.map((host) => [host.id, host]));
  return given.flatMap((one) => {
    const host = byId.get(one.order.host);
    return host === undefined ? [] : [{ ...one, text: orderText(one, host, inForce) }];
  });
}
