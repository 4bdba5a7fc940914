/**
 * How many hosts of a cluster may be out of service at once. Those that are being emptied, or are
 * empty, count first; what is left of the allowance goes to the hosts that the plan evacuates, in
 * the plan's order. A cluster of any size may always evacuate one.
 */

import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Plan } from '../domain/plan.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Ratio } from '../domain/units.ts';

interface ClusterCount {
  hosts: number;
  out: number;
}

/** The hosts whose mandatory moves have to wait, with the reason in figures. */
export function hostsBeyondShare(
  plan: Plan,
  snapshot: Snapshot,
  share: Ratio,
): ReadonlyMap<HostId, string> {
  const hosts = new Map(snapshot.hosts.map((host) => [host.id, host]));
  const clusters = countClusters(snapshot);
  const seen = new Set<HostId>();
  const beyond = new Map<HostId, string>();
  for (const move of plan.moves) {
    const host = hosts.get(move.from);
    if (move.tier !== 'mandatory' || host === undefined || seen.has(host.id)) continue;
    seen.add(host.id);
    const cluster = clusters.get(clusterOf(host));
    if (cluster === undefined || isOut(host)) continue;
    const allowed = Math.max(1, Math.floor(cluster.hosts * share));
    if (cluster.out >= allowed) {
      beyond.set(host.id, `${cluster.out} of ${cluster.hosts} hosts are out, ${allowed} may be`);
    } else {
      cluster.out += 1;
    }
  }
  return beyond;
}

function countClusters(snapshot: Snapshot): Map<string, ClusterCount> {
  const clusters = new Map<string, ClusterCount>();
  for (const host of snapshot.hosts) {
    const name = clusterOf(host);
    const count = clusters.get(name) ?? { hosts: 0, out: 0 };
    count.hosts += 1;
    if (isOut(host)) count.out += 1;
    clusters.set(name, count);
  }
  return clusters;
}

/** Hosts without a cluster are taken together, per source. */
function clusterOf(host: Host): string {
  return host.cluster === undefined ? `source ${host.source}` : `cluster ${host.cluster}`;
}

/** A `draining` host only takes nothing in; its evacuation has not begun. */
function isOut(host: Host): boolean {
  return host.state === 'evacuating' || host.state === 'maintenance';
}
