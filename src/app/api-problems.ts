/** What the API says no with, and what to do about it. */

import { APPROVAL_SECONDS } from '../domain/approval.ts';
import type { SourceStatus } from '../domain/measured.ts';
import type { Order } from '../domain/order.ts';
import type { ApiProblem } from '../ports/api.ts';
import { faultsOf } from './status.ts';
import type { RejectedPlan } from './tick.ts';

const APPROVAL_MINUTES = APPROVAL_SECONDS / 60;

export const NOT_YET: ApiProblem = {
  status: 503,
  code: 'not-ready',
  detail: 'no snapshot has been taken yet',
  hint: 'try again in a few seconds; drover doctor shows what the sources say',
};

export function unknown(kind: string, name: string): ApiProblem {
  return {
    status: 404,
    code: 'not-found',
    detail: `no ${kind} has the id or (unique) name ${JSON.stringify(name)}`,
    hint: 'drover hosts and drover vms list what is known',
  };
}

export function noPlanWaits(plan: string): ApiProblem {
  return {
    status: 404,
    code: 'not-found',
    detail: `no plan ${JSON.stringify(plan)} waits for an approval`,
    hint: `drover status shows the newest plan; its id is good for ${APPROVAL_MINUTES} min`,
  };
}

export function noPlan(rejected: RejectedPlan | undefined): ApiProblem {
  if (rejected === undefined) return NOT_YET;
  const faults = faultsOf(rejected).join('; ');
  return {
    status: 409,
    code: 'plan-rejected',
    detail: `the newest plan (${rejected.plan}) was rejected by Drover's own checker: ${faults}`,
    hint: 'nothing of it runs; the next tick plans anew. Please report it: drover snapshot save',
  };
}

export function notOrdered(host: string): ApiProblem {
  return {
    status: 409,
    code: 'no-order',
    detail: `host ${host} is neither in maintenance nor being evacuated`,
    hint: 'drover hosts shows the state of each host',
  };
}

export function unknownHook(hook: string, known: readonly string[]): ApiProblem {
  const names = known.length === 0 ? 'none is configured' : `there are ${known.join(', ')}`;
  return {
    status: 400,
    code: 'unknown-hook',
    detail: `no maintenance hook is called ${JSON.stringify(hook)}: ${names}`,
    hint: 'maintenance.hooks in the daemon file says what may be run',
  };
}

export function hookRuns(host: string, hook: string): ApiProblem {
  return {
    status: 409,
    code: 'hook-runs',
    detail: `the hook ${hook} is at work on ${host}: its VMs cannot come home yet`,
    hint: 'wait until it ends (its time-out ends it for sure), then return the host',
  };
}

export function notSeenYet(host: string, { source }: Pick<SourceStatus, 'source'>): ApiProblem {
  return {
    status: 503,
    code: 'not-ready',
    detail: `the source ${source} has not answered yet: ${host} may be one of its hosts`,
    hint: 'try again when it has; drover doctor shows what the sources say',
  };
}

export function otherHook({ hook }: Pick<Order, 'hook'>, host: string): ApiProblem {
  const has = `has the hook ${hook?.name} already (${hook?.state})`;
  return {
    status: 409,
    code: 'other-hook',
    detail: `the order for ${host} ${has}; nothing was ordered`,
    hint: 'wait until it has ended and the host is back in service, then order the other one',
  };
}

export function notApplied(id: string): ApiProblem {
  return {
    status: 404,
    code: 'not-found',
    detail: `no plan ${JSON.stringify(id)} is being applied; the daemon may have been restarted`,
    hint: 'apply it again: what is done is left alone',
  };
}

export function heldOut(why: string): ApiProblem {
  return {
    status: 409,
    code: 'held-out',
    detail: why,
    hint: 'drover history HOST tells what is waited for',
  };
}
