/**
 * Which hosts of a rolling maintenance are emptied at once: as many of the next ones as the batch
 * allows and as can be empty together, by the planner's own word: everybody on them has a place,
 * no hard rule (anti-affinity, failover reserve) is broken meanwhile, and not too large a share of
 * the cluster is out.
 */

import type { HostId } from '../domain/ids.ts';
import type { EstimateView, RollingGroup } from '../ports/api.ts';

/** What emptying these hosts at once would take. */
export type Estimate = (hosts: readonly HostId[]) => Promise<EstimateView>;

export interface NextGroup {
  readonly hosts: readonly HostId[];
  readonly view: EstimateView;
  /** Empty: they fit. */
  readonly reasons: readonly string[];
}

/** The largest beginning of `waiting`; of one host that does not fit it says why. */
export async function nextGroup(
  waiting: readonly HostId[],
  batch: number,
  estimate: Estimate,
): Promise<NextGroup> {
  for (let size = Math.min(batch, waiting.length); ; size -= 1) {
    const hosts = waiting.slice(0, Math.max(1, size));
    const view = await estimate(hosts);
    const reasons = reasonsAgainst(view);
    if (reasons.length === 0 || size <= 1) return { hosts, view, reasons };
  }
}

/** All groups, each as if those before it were back home. */
export async function allGroups(
  hosts: readonly HostId[],
  batch: number,
  estimate: Estimate,
): Promise<readonly RollingGroup[]> {
  const groups: RollingGroup[] = [];
  for (let done = 0; done < hosts.length; ) {
    const { hosts: group, view, reasons } = await nextGroup(hosts.slice(done), batch, estimate);
    done += group.length;
    const names = view.hosts.map(({ name }) => name);
    groups.push({ hosts: names, fits: reasons.length === 0, seconds: view.seconds, reasons });
  }
  return groups;
}

export function reasonsAgainst({ stays, breaks, held }: EstimateView): readonly string[] {
  const share = held.filter(({ code }) => code === 'evacuated-share');
  return [
    ...stays.map(({ name, host, code }) => `${name} cannot leave ${host} (${code})`),
    ...breaks.map((rule) => `the rule ${rule} would be broken meanwhile`),
    ...share.map(({ detail }) => `too large a share of the cluster would be out: ${detail}`),
  ];
}
