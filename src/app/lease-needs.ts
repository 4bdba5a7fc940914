/**
 * Which clusters this controller has to have in one hand. A move needs the leases of both its ends:
 * where a VM that has to leave could go only to a host on which another controller acts, neither of
 * the two can move it. So the one that has the VM asks for both clusters (Controller.together), and
 * gets them as soon as nothing moves there.
 *
 * Once asked for, they stay together until nothing is left open of it, also where having them did
 * not help: else they would be given up and asked for again, for ever.
 */

import type { Finding } from '../domain/finding.ts';
import { type ClusterId, compareText, type HostId } from '../domain/ids.ts';
import { leaseScope } from '../domain/lease.ts';
import type { PlanReport, Unresolved } from '../domain/plan.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { LeaseKeeper } from '../execute/lease-keeper.ts';
import type { TickState } from './tick.ts';

/** What of a tick's state says what is left open. */
export interface LeftOpen extends Pick<TickState, 'snapshot' | 'findings'> {
  readonly result: { readonly report: Pick<PlanReport, 'unresolved'> } | undefined;
}

type Need = readonly ClusterId[];

export class LeaseNeeds {
  readonly #keeper: Pick<LeaseKeeper, 'askFor'>;
  /** By what is open. */
  #needs: ReadonlyMap<string, Need> = new Map();

  constructor(keeper: Pick<LeaseKeeper, 'askFor'>) {
    this.#keeper = keeper;
  }

  /** After each tick. */
  look(state: LeftOpen): void {
    if (state.result === undefined) return;
    const pressing = new Set(state.findings.filter(isPressing).map(({ id }) => id));
    const needs = new Map<string, Need>();
    for (const open of state.result.report.unresolved) {
      if (open.finding === undefined || !pressing.has(open.finding)) continue;
      const key = JSON.stringify([open.finding, open.subject]);
      const all = new Set([...(this.#needs.get(key) ?? []), ...clustersOf(open, state)]);
      if (all.size > 0) needs.set(key, [...all].toSorted(compareText));
    }
    this.#needs = needs;
    // Hundreds of VMs may need the same two clusters.
    const sets = new Map([...needs.values()].map((need) => [JSON.stringify(need), need]));
    this.#keeper.askFor([...sets.values()]);
  }
}

/** What has to be done, and what is owed: VMs come home. */
function isPressing({ tier, response }: Finding): boolean {
  return tier === 'mandatory' || response === 'return';
}

/** Those of the VMs, and of the hosts that another controller only could let them go to. */
function clustersOf({ pairs }: Unresolved, { snapshot }: LeftOpen): readonly ClusterId[] {
  const scopeOf = (id: HostId | undefined): readonly ClusterId[] => {
    const host = id === undefined ? undefined : hostOf(snapshot, id);
    return host === undefined ? [] : [leaseScope(host)];
  };
  return pairs
    .filter(({ code }) => code === 'other-controller')
    .flatMap(({ vm, host }) => [...scopeOf(vmOf(snapshot, vm)?.host), ...scopeOf(host)]);
}
