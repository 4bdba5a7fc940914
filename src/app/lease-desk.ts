/** The leases as people see them: who acts where, and what waits for an operator. */

import type { ClusterId } from '../domain/ids.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { LeaseState } from '../execute/lease-keeper-parts.ts';
import type { LeaseKeeper } from '../execute/lease-keeper.ts';
import type { ApiProblem, LeaseView } from '../ports/api.ts';

export type LeaseSight = Pick<LeaseKeeper, 'confirm' | 'states' | 'isShared' | 'memoryFault'>;

/** Empty where one controller is alone with its ledger: there is nothing to be told. */
export function leaseViews(keeper: LeaseSight): readonly LeaseView[] {
  return keeper.isShared ? keeper.states().map(viewOf) : [];
}

/** Why a cluster is not acted on that waits for an operator, or none can be taken. */
export function leaseReasons(keeper: LeaseSight): readonly string[] {
  const { memoryFault } = keeper;
  const stopped = keeper.states().filter(({ steppedBack }) => steppedBack);
  const reasons = stopped.map(
    ({ cluster }) =>
      `${cluster}: the ledger is older than what was seen before: drover lease confirm ${cluster}`,
  );
  return memoryFault === undefined
    ? reasons
    : [...reasons, `no more leases are taken: ${memoryFault}`];
}

export async function confirmLease(
  keeper: LeaseSight,
  name: string,
  by: string,
): Promise<Result<LeaseView, ApiProblem>> {
  const state = keeper.states().find(({ cluster }) => cluster === name);
  const cluster: ClusterId | undefined = state?.cluster;
  if (cluster === undefined || state === undefined || !(await keeper.confirm(cluster, by))) {
    return fail({
      status: 409,
      code: 'nothing-to-confirm',
      detail: `no lease of a cluster ${JSON.stringify(name)} waits for a confirmation here`,
      hint: 'drover status lists the leases, and which of them are stopped',
    });
  }
  return ok(viewOf({ ...state, steppedBack: false }));
}

function viewOf({ cluster, holder, token, mine, steppedBack }: LeaseState): LeaseView {
  return { cluster, holder: holder === '' ? null : holder, token, mine, steppedBack };
}
