/**
 * A whole site or cluster, emptied to what is elsewhere and filled again. All its hosts get their
 * orders at once, so that none of them is taken for a refuge; one plan then brings everybody out,
 * the most important of all hosts first.
 */

import type { Host } from '../domain/host.ts';
import { compareText } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { ApiProblem, Area, AreaRequest, OrderView } from '../ports/api.ts';
import { notOrdered } from './api-problems.ts';
import type { GivenOrder, OrderDesk } from './order-desk.ts';
import type { NewOrder } from './wanted-order.ts';
import { type InForce, orderedText, orderText } from './order-text.ts';

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

export interface ReturningParts {
  readonly orders: Pick<OrderDesk, 'returnAll'>;
  readonly inForce: InForce;
}

/** The hosts that are left out, since others want them empty, too, are named. */
export async function returnArea(
  { orders, inForce }: ReturningParts,
  area: Area,
  { hosts, by }: { readonly hosts: readonly Host[]; readonly by: string },
): Promise<Result<readonly OrderView[], ApiProblem>> {
  const { returned, leftOut } = await orders.returnAll(hosts, { area: areaText(area), by });
  const kept = leftOut.map((order) => keptView(order, area, hosts));
  if (returned.length > 0) return ok([...orderViews(returned, hosts, inForce), ...kept]);
  const problem = notOrdered(areaText(area));
  const detail = kept.length === 0 ? problem.detail : kept.map(({ text }) => text).join('; ');
  return fail({ ...problem, detail });
}

function keptView(order: Order, area: Area, hosts: readonly Host[]): OrderView {
  const name = hosts.find(({ id }) => id === order.host)?.name ?? order.host;
  const text =
    `${name} stays as it is, not ordered for ${areaText(area)} alone: ${orderedText(order)}; ` +
    `drover maintenance exit ${name} returns it`;
  return { order, what: 'kept', text };
}
