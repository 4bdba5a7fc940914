/**
 * What policies name and the fleet does not have, in plain sentences, for people: a name that was
 * mistyped binds nobody, and what it was to keep from happening happens.
 */

import { nearest } from '../config/problem.ts';
import { compareText } from '../domain/ids.ts';
import type { PlacementKind, PlacementRule } from '../domain/placement.ts';
import type { PolicySet } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { isWhole } from '../rules/own-vms.ts';
import { matches } from '../rules/selector.ts';

/** Clusters that `mode.clusters` names and no host is in: their hosts are in the default mode. */
export function modeNotes(
  { mode }: Pick<PolicySet, 'mode'>,
  snapshot: Pick<Snapshot, 'hosts' | 'sources'>,
): readonly string[] {
  if (!isWhole(snapshot)) return [];
  const clusters = new Set<string>();
  for (const { cluster } of snapshot.hosts) if (cluster !== undefined) clusters.add(cluster);
  const known = [...clusters].toSorted(compareText);
  return Object.keys(mode.clusters)
    .filter((name) => !clusters.has(name))
    .map((name) => {
      const near = nearest(name, known);
      const meant = near === undefined ? '' : ` (is ${near} meant?)`;
      return `mode.clusters: no host is in cluster ${name}${meant}: its mode binds nobody`;
    });
}

/** Rules about hosts: they bind no VMs. */
const ABOUT_HOSTS: ReadonlySet<PlacementKind> = new Set(['spare', 'failover-reserve']);

/**
 * Rules that mean nobody in this fleet.
 *
 * @param snapshot with the placement rules of the policies.
 */
export function idleRuleNotes(
  { rules }: Pick<PolicySet, 'rules'>,
  snapshot: Snapshot,
): readonly string[] {
  if (!isWhole(snapshot)) return [];
  const idle = rules.filter(
    ({ hosts }) => hosts !== undefined && !snapshot.hosts.some((host) => matches(hosts, host)),
  );
  return [
    ...idle.map(({ name, origin }) => nobody(name, origin, 'host')),
    ...snapshot.placement.flatMap(idlePlacement),
  ];
}

function idlePlacement(rule: PlacementRule): readonly string[] {
  const { id, kind, origin, vms } = rule;
  const isWithoutVms = vms.length === 0 && !ABOUT_HOSTS.has(kind);
  const isWithoutHosts = 'hosts' in rule && rule.hosts?.length === 0;
  return [
    ...(isWithoutVms ? [nobody(id, origin, 'VM')] : []),
    ...(isWithoutHosts ? [nobody(id, origin, 'host')] : []),
  ];
}

function nobody(rule: string, origin: string, what: 'VM' | 'host'): string {
  return `${rule} (${origin}): no ${what} of the fleet is meant by it`;
}
