/** Who a selector of a policy means. All given parts have to match; within a list any one. */

import type { Host } from '../domain/host.ts';
import { compareText } from '../domain/ids.ts';
import { own } from '../domain/own.ts';
import type { Selector } from '../domain/policy.ts';
import type { Vm } from '../domain/vm.ts';
import { globMatches } from './glob.ts';

/** What a selector looks at. */
export interface Selectable {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly cluster: string | undefined;
  readonly site: string | undefined;
}

/** A VM is where its host is; undefined: the host is unknown, and so are cluster and site. */
export function selectableVm(vm: Vm, host: Host | undefined): Selectable {
  const { id, name, labels } = vm;
  return { id, name, labels, cluster: host?.cluster, site: host?.site };
}

/** True for a selector without any part: it means everybody. */
export function matches(selector: Selector, subject: Selectable): boolean {
  return (
    matchesNames(selector.names, subject) &&
    matchesLabels(selector.labels, subject.labels) &&
    matchesPlace(selector.clusters, subject.cluster) &&
    matchesPlace(selector.sites, subject.site)
  );
}

function matchesNames(patterns: readonly string[], subject: Selectable): boolean {
  if (patterns.length === 0) return true;
  return patterns.some(
    (pattern) => globMatches(pattern, subject.name) || globMatches(pattern, subject.id),
  );
}

function matchesLabels(
  wanted: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  for (const [name, pattern] of Object.entries(wanted)) {
    const label = own(labels, name);
    if (label === undefined || !globMatches(pattern, label)) return false;
  }
  return true;
}

/** Clusters and sites are globs too; a subject without a place matches none. */
function matchesPlace(patterns: readonly string[], place: string | undefined): boolean {
  if (patterns.length === 0) return true;
  return place !== undefined && patterns.some((pattern) => globMatches(pattern, place));
}

/**
 * How near a selector is to its subjects: 4 by name, 3 by label, 2 by cluster, 1 by site, 0 for
 * everybody. The nearest rule decides, whatever the order of rules and files.
 */
export function nearness(selector: Selector): number {
  if (selector.names.length > 0) return 4;
  if (Object.keys(selector.labels).length > 0) return 3;
  if (selector.clusters.length > 0) return 2;
  return selector.sites.length > 0 ? 1 : 0;
}

/** Ids of those whom it means, sorted. @param selectables of the entities, in their order. */
export function select<Id extends string>(
  selector: Selector,
  entities: readonly { readonly id: Id }[],
  selectables: readonly Selectable[],
): Id[] {
  const chosen: Id[] = [];
  for (const [index, entity] of entities.entries()) {
    const selectable = selectables[index];
    if (selectable !== undefined && matches(selector, selectable)) chosen.push(entity.id);
  }
  return chosen.sort(compareText);
}
