/**
 * How many hosts of a cluster may be out of service at once. Those that are being emptied, or are
 * empty, count first; what is left of the allowance goes to the hosts that the plan really
 * empties: those that fail before those that are only planned, each in the plan's order. A host
 * none of whose moves may run takes nothing of it. A cluster of any size may always evacuate one.
 * Hosts of a site or cluster that a person has ordered empty as a whole are not held back by it,
 * nor is one from which a VM moves only to make room for those of another, or to mend a rule: it
 * stays in service.
 */

import type { Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import type { HostId, MoveId } from '../domain/ids.ts';
import type { Move, Plan } from '../domain/plan.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Ratio } from '../domain/units.ts';
import { saysFailing } from './mass-failure.ts';

interface ClusterCount {
  readonly hosts: number;
  out: number;
}

export interface ShareRequest {
  readonly plan: Plan;
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
  readonly share: Ratio;
  /** Moves that every other guard refuses. */
  readonly refused: ReadonlySet<MoveId>;
}

/** The hosts whose mandatory moves have to wait, with the reason in figures. */
export function hostsBeyondShare(request: ShareRequest): ReadonlyMap<HostId, string> {
  const clusters = countClusters(request.snapshot);
  const beyond = new Map<HostId, string>();
  for (const { host, runs } of candidates(request)) {
    const cluster = clusters.get(clusterOf(host));
    if (cluster === undefined) continue;
    const allowed = Math.max(1, Math.floor(cluster.hosts * request.share));
    if (cluster.out >= allowed) {
      beyond.set(host.id, `${cluster.out} of ${cluster.hosts} hosts are out, ${allowed} may be`);
    } else if (runs) {
      cluster.out += 1;
    }
  }
  return beyond;
}

interface Candidate {
  readonly host: Host;
  /** At least one of its mandatory moves may run. */
  readonly runs: boolean;
}

/** Who asks for a part of the allowance, in the order in which it is given. */
function candidates({ plan, snapshot, findings, refused }: ShareRequest): readonly Candidate[] {
  const hosts = new Map(snapshot.hosts.map((host) => [host.id, host]));
  const runs = new Map<HostId, boolean>();
  const empties = whatEmpties(findings);
  for (const move of plan.moves) {
    if (empties(move)) runs.set(move.from, (runs.get(move.from) ?? false) || !refused.has(move.id));
  }
  const failing = new Set(
    findings.flatMap((finding) =>
      finding.subject.kind === 'host' && saysFailing(finding) ? [finding.subject.host] : [],
    ),
  );
  const whole = new Set(
    findings.flatMap(({ subject, evidence }) =>
      subject.kind === 'host' && evidence.some(({ fact }) => fact === 'order.area')
        ? [subject.host]
        : [],
    ),
  );
  const rank = ({ host, runs: may }: Candidate): number =>
    (may ? 0 : 2) + (failing.has(host.id) ? 0 : 1);
  return [...runs]
    .flatMap(([id, may]): Candidate[] => {
      const host = hosts.get(id);
      const isAsked = host !== undefined && !isOut(host) && !whole.has(host.id);
      return isAsked ? [{ host, runs: may }] : [];
    })
    .sort((a, b) => rank(a) - rank(b));
}

/** Whether a move is one of those that empty its host; one of an unknown reason is taken to be. */
function whatEmpties(findings: readonly Finding[]): (move: Move) => boolean {
  const known = new Set(findings.map(({ id }) => id));
  const emptied = new Set(
    findings.flatMap(({ subject, response }) =>
      subject.kind === 'host' && response === 'evacuate' ? [subject.host] : [],
    ),
  );
  return ({ from, tier, method, reason }) => {
    // A dead host is out already; that its VMs come up again takes no further one out.
    if (tier !== 'mandatory' || method === 'restart') return false;
    return emptied.has(from) || !known.has(reason.finding);
  };
}

function countClusters(snapshot: Snapshot): Map<string, ClusterCount> {
  const clusters = new Map<string, ClusterCount>();
  for (const host of snapshot.hosts) {
    const name = clusterOf(host);
    const count = clusters.get(name);
    const out = isOut(host) ? 1 : 0;
    clusters.set(name, { hosts: (count?.hosts ?? 0) + 1, out: (count?.out ?? 0) + out });
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
