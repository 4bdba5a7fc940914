/** A host returned to service by a person: readmitted where it had died, its order ended. */

import type { Host } from '../domain/host.ts';
import type { SourceStatus } from '../domain/measured.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { HostFailures } from '../execute/host-failures.ts';
import type { ApiProblem, OrderView } from '../ports/api.ts';
import type { Ledger } from '../ports/ledger.ts';
import { heldOut, hookRuns, notOrdered, unknown } from './api-problems.ts';
import { orderOfGone, returnGone } from './gone-host.ts';
import type { OrderDesk } from './order-desk.ts';
import { type InForce, orderText } from './order-text.ts';
import { isHookAtWork } from './wanted-order.ts';

export interface ReturnParts {
  readonly ledger: Pick<Ledger, 'orders'>;
  readonly orders: Pick<OrderDesk, 'returnHost' | 'endGone'>;
  readonly failures: Pick<HostFailures, 'readmit'>;
  readonly findHost: (name: string) => Host | undefined;
  /** See {@link returnGone}. */
  readonly sources?: (() => readonly SourceStatus[]) | undefined;
  readonly gone?: Pick<HostFailures, 'ofGone' | 'forgetGone'> | undefined;
  readonly inForce: () => InForce;
}

/** Rejects with LedgerError. */
export async function returnHost(
  parts: ReturnParts,
  name: string,
  by: string,
): Promise<Result<OrderView, ApiProblem>> {
  const { findHost, ledger } = parts;
  const host = findHost(name);
  if (host !== undefined) return returnSeen(parts, host, by);
  const order = orderOfGone(await ledger.orders(false), name);
  const there = order && findHost(order.host);
  if (there === undefined || there.id !== order?.host) return returnGone(parts, name, by);
  // It bears another name since its order; or that name is another host's, too.
  return there.name === name ? fail(unknown('host', name)) : returnSeen(parts, there, by);
}

async function returnSeen(
  parts: ReturnParts,
  host: Host,
  by: string,
): Promise<Result<OrderView, ApiProblem>> {
  const before = await hookAtWork(parts, host);
  if (before !== undefined) return fail(hookRuns(host.name, before));
  const readmitted = await parts.failures.readmit(host, by);
  if (readmitted.kind === 'refused') return fail(heldOut(readmitted.why));
  const order = await parts.orders.returnHost(host, by);
  // It may have begun since: nobody is returned to a host that it works on.
  const begun = order === undefined ? await hookAtWork(parts, host) : undefined;
  if (begun !== undefined) return fail(hookRuns(host.name, begun));
  if (order === undefined && readmitted.kind === 'readmitted') {
    return ok({ what: 'changed', text: `${host.name} is readmitted: it takes VMs in again` });
  }
  if (order === undefined) return fail(notOrdered(host.name));
  const given = { order, what: 'changed' } as const;
  return ok({ ...given, text: orderText(given, host, parts.inForce()) });
}

/** Its name; undefined: none is. */
async function hookAtWork({ ledger }: ReturnParts, host: Host): Promise<string | undefined> {
  const orders = await ledger.orders(false);
  return orders.find((one) => one.host === host.id && isHookAtWork(one))?.hook?.name;
}
