/**
 * Whether a move still fits the resources that the policy names, as the world is now. Pure. Who is
 * on the way to the target counts there; who is on the way off it counts still where the resource
 * is transient.
 */

import type { Host } from '../domain/host.ts';
import type { Move } from '../domain/plan.ts';
import type { RefusalCode } from '../domain/refusal.ts';
import { resourceNeed } from '../domain/resource-need.ts';
import type { Resource } from '../domain/resource.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Ratio } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';

export interface Comer {
  readonly move: Move;
  readonly vm: Vm;
  readonly to: Host;
  /** Who runs on the target or is on the way there, the comer not included. */
  readonly there: readonly Vm[];
  readonly snapshot: Snapshot;
}

/**
 * What is measured goes up and down between the plan and the move: a host that has to be emptied
 * is not kept waiting for so much of the target's capacity.
 */
const MANDATORY_TOLERANCE = 0.05;

/** The first resource against the move; undefined: there is none. */
export function resourceMisfit(
  comer: Comer,
): { readonly code: RefusalCode; readonly detail: string } | undefined {
  for (const resource of comer.snapshot.resources ?? []) {
    const need = resourceNeed(resource, comer.vm);
    const { name } = resource;
    if (need === undefined) {
      return { code: 'resource-unknown', detail: `nobody knows what it needs of ${name}` };
    }
    if (need === 0) continue;
    const free = freeOf(resource, comer);
    if (free === undefined) {
      const detail = `nobody knows how much ${comer.to.name} has free of ${name}`;
      return { code: 'resource-unknown', detail };
    }
    if (need > free) {
      const [wanted, left] = [need, Math.max(0, free)].map((one) => Number(one.toPrecision(4)));
      return { code: 'resource', detail: `needs ${wanted} of ${name}, ${left} free` };
    }
  }
  return undefined;
}

function freeOf(resource: Resource, { move, to, there, snapshot }: Comer): number | undefined {
  const share = resource.hosts.get(to.id);
  if (share === undefined) return undefined;
  const leaving = new Set(
    snapshot.inFlight.filter((flight) => flight.to !== to.id).map(({ vm }) => vm),
  );
  let free = share.capacity * mostFor(resource, share.safety, move);
  for (const vm of there) {
    if (!resource.transient && leaving.has(vm.id)) continue;
    const need = resourceNeed(resource, vm);
    if (need === undefined) return undefined;
    free -= need;
  }
  return free;
}

/** As a share of the capacity. */
function mostFor(resource: Resource, safety: Ratio, move: Move): number {
  if (move.tier !== 'mandatory') return safety;
  // Planned so, because no host has the room below; what the host has is never exceeded.
  if (resource.soft === true && move.overSoft === true) return Math.max(1, safety);
  return safety + (resource.measured ? MANDATORY_TOLERANCE : 0);
}
