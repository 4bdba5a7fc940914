/** A host returned to service by a person: readmitted where it had died, its order ended. */

import type { Host } from '../domain/host.ts';
import type { SourceStatus } from '../domain/measured.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { HostFailures } from '../execute/host-failures.ts';
import type { ApiProblem, OrderView } from '../ports/api.ts';
import type { Ledger } from '../ports/ledger.ts';
import { heldOut, hookRuns, notOrdered } from './api-problems.ts';
import { returnGone } from './gone-host.ts';
import type { OrderDesk } from './order-desk.ts';
import { type InForce, orderText } from './order-text.ts';

export interface ReturnParts {
  readonly ledger: Pick<Ledger, 'orders'>;
  readonly orders: Pick<OrderDesk, 'returnHost' | 'endGone'>;
  readonly failures: Pick<HostFailures, 'readmit'>;
  readonly findHost: (name: string) => Host | undefined;
  /** See {@link returnGone}. */
  readonly sources?: (() => readonly SourceStatus[]) | undefined;
  readonly inForce: () => InForce;
}

/** Rejects with LedgerError. */
export async function returnHost(
  parts: ReturnParts,
  name: string,
  by: string,
): Promise<Result<OrderView, ApiProblem>> {
  const host = parts.findHost(name);
  if (host === undefined) return returnGone(parts, name, by);
  const orders = await parts.ledger.orders(false);
  const busy = orders.find((one) => one.host === host.id && one.hook?.state === 'running');
  if (busy?.state === 'open') return fail(hookRuns(host.name, busy.hook?.name ?? ''));
  const readmitted = await parts.failures.readmit(host, by);
  if (readmitted.kind === 'refused') return fail(heldOut(readmitted.why));
  const order = await parts.orders.returnHost(host, by);
  if (order === undefined && readmitted.kind === 'readmitted') {
    return ok({ what: 'changed', text: `${host.name} is readmitted: it takes VMs in again` });
  }
  if (order === undefined) return fail(notOrdered(host.name));
  const given = { order, what: 'changed' } as const;
  return ok({ ...given, text: orderText(given, host, parts.inForce()) });
}
