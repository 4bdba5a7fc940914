/**
 * Hosts that no source reports any more, while there is an order about them: scrapped in
 * maintenance, say. People know them by the order.
 */

import type { SourceStatus } from '../domain/measured.ts';
import type { Order } from '../domain/order.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { ApiProblem, OrderView } from '../ports/api.ts';
import type { Ledger } from '../ports/ledger.ts';
import { hookRuns, notSeenYet, unknown } from './api-problems.ts';
import type { OrderDesk } from './order-desk.ts';
import { isHookAtWork } from './wanted-order.ts';

export interface GoneParts {
  readonly ledger: Pick<Ledger, 'orders'>;
  readonly orders: Pick<OrderDesk, 'endGone'>;
  /** Those of the newest snapshot; absent: all of them have answered. */
  readonly sources?: (() => readonly SourceStatus[]) | undefined;
}

/** The order that is not over about a host of that id or (unique) name, which is in no snapshot. */
export function orderOfGone(orders: readonly Order[], name: string): Order | undefined {
  const going = orders.filter(({ state }) => state !== 'closed');
  const named = going.filter(({ hostName }) => hostName === name);
  return going.find(({ host }) => host === name) ?? (named.length === 1 ? named[0] : undefined);
}

/** What the return of a host means that is not in the fleet: there is nothing to bring home. */
export async function returnGone(
  { ledger, orders, sources = () => [] }: GoneParts,
  name: string,
  by: string,
): Promise<Result<OrderView, ApiProblem>> {
  const order = orderOfGone(await ledger.orders(false), name);
  if (order === undefined) return fail(unknown('host', name));
  const { host, hostName = host, hook } = order;
  const unseen = sources().find(({ lastAnswerAt }) => lastAnswerAt === undefined);
  if (unseen !== undefined) return fail(notSeenYet(hostName, unseen));
  if (isHookAtWork(order)) return fail(hookRuns(hostName, hook?.name ?? ''));
  const ended = await orders.endGone(order, by);
  if (ended === undefined) return fail(unknown('host', name));
  const { length } = ended.home;
  const vms = length === 1 ? '1 VM stays away' : `${length} VMs stay away`;
  const text = `${hostName} is not in the fleet any more: its order is ended, its ${vms}`;
  return ok({ order: ended, what: 'changed', text });
}
