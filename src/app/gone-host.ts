/**
 * Hosts that no source reports any more, while there is an order about them: scrapped in
 * maintenance, say. People know them by the order. Or by their failure: scrapped because they died.
 */

import type { SourceStatus } from '../domain/measured.ts';
import type { Order } from '../domain/order.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { HostFailures } from '../execute/host-failures.ts';
import type { ApiProblem, OrderView } from '../ports/api.ts';
import type { Ledger } from '../ports/ledger.ts';
import { heldOut, hookRuns, notSeenYet, unknown } from './api-problems.ts';
import type { OrderDesk } from './order-desk.ts';
import { isHookAtWork } from './wanted-order.ts';

export interface GoneParts {
  readonly ledger: Pick<Ledger, 'orders'>;
  readonly orders: Pick<OrderDesk, 'endGone'>;
  /** Those of the newest snapshot; absent: all of them have answered. */
  readonly sources?: (() => readonly SourceStatus[]) | undefined;
  /**
   * What is known of failed hosts, where somebody says with the return that the host is gone for
   * good; absent: only its order is to be ended.
   */
  readonly gone?: Pick<HostFailures, 'ofGone' | 'forgetGone'> | undefined;
}

const FORGOTTEN = 'its failure is forgotten, and it must never come back as it was';

/** The order that is not over about a host of that id or (unique) name, which is in no snapshot. */
export function orderOfGone(orders: readonly Order[], name: string): Order | undefined {
  const going = orders.filter(({ state }) => state !== 'closed');
  const named = going.filter(({ hostName }) => hostName === name);
  return going.find(({ host }) => host === name) ?? (named.length === 1 ? named[0] : undefined);
}

/** What the return of a host means that is not in the fleet: there is nothing to bring home. */
export async function returnGone(
  parts: GoneParts,
  name: string,
  by: string,
): Promise<Result<OrderView, ApiProblem>> {
  const { ledger, orders, sources = () => [], gone } = parts;
  const order = orderOfGone(await ledger.orders(false), name);
  if (order === undefined) return forgetFailed(parts, name, by);
  const { host, hostName = host, hook } = order;
  const unseen = sources().find(({ lastAnswerAt }) => lastAnswerAt === undefined);
  if (unseen !== undefined) return fail(notSeenYet(hostName, unseen));
  if (isHookAtWork(order)) return fail(hookRuns(hostName, hook?.name ?? ''));
  const failure = await gone?.forgetGone({ id: host, name: hostName }, by);
  if (failure?.kind === 'refused') return fail(heldOut(failure.why));
  const ended = await orders.endGone(order, by);
  if (ended === undefined) return fail(unknown('host', name));
  const { length } = ended.home;
  const vms = length === 1 ? '1 VM stays away' : `${length} VMs stay away`;
  const text = `${hostName} is not in the fleet any more: its order is ended, its ${vms}`;
  const more = failure?.kind === 'readmitted' ? `; ${FORGOTTEN}` : '';
  return ok({ order: ended, what: 'changed', text: `${text}${more}` });
}

/** There is no order about it: it had failed, and was scrapped. */
async function forgetFailed(
  { gone, sources = () => [] }: GoneParts,
  name: string,
  by: string,
): Promise<Result<OrderView, ApiProblem>> {
  const host = gone?.ofGone(name);
  if (gone === undefined || host === undefined) return fail(unknown('host', name));
  const unseen = sources().find(({ lastAnswerAt }) => lastAnswerAt === undefined);
  if (unseen !== undefined) return fail(notSeenYet(host.name, unseen));
  const answer = await gone.forgetGone(host, by);
  if (answer.kind === 'refused') return fail(heldOut(answer.why));
  if (answer.kind === 'well') return fail(unknown('host', name));
  const text = `${host.name} is not in the fleet any more: ${FORGOTTEN}`;
  return ok({ what: 'changed', text });
}
