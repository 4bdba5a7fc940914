/**
 * The policy's prices of groups and paths with their selectors resolved. Of the paths that a move
 * matches the first one decides: those that name hosts more nearly come first, those between sites
 * and the like last, and of equally near ones the dearest.
 */

import type { MoveCosts, PathPrice } from '../domain/move-costs.ts';
import type { PathCostRule, PolicySet } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { nearness, select, type Selectable } from './selector.ts';

/** @param selectables of the snapshot's VMs. Undefined: there are none. */
export function resolveMoveCosts(
  { vms, hosts }: Snapshot,
  { groupCosts, pathCosts }: PolicySet,
  selectables: readonly Selectable[],
): MoveCosts | undefined {
  if (groupCosts.length === 0 && pathCosts.length === 0) return undefined;
  const inOrder = pathCosts.toSorted(
    (a, b) => nearnessOf(b) - nearnessOf(a) || b.factor - a.factor,
  );
  return {
    groups: groupCosts.map(({ origin, vms: named, once }) => {
      return { origin, vms: select(named, vms, selectables), bytes: once };
    }),
    paths: inOrder.map(({ origin, factor, path }): PathPrice => {
      if ('across' in path) return { origin, factor, across: path.across };
      const [from, to] = [select(path.from, hosts, hosts), select(path.to, hosts, hosts)];
      return { origin, factor, from, to };
    }),
  };
}

/** Both ends count. */
function nearnessOf({ path }: PathCostRule): number {
  return 'across' in path ? -1 : nearness(path.from) + nearness(path.to);
}
