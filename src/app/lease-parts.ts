/** Makes what keeps the leases, and what binds moves, ledger and hypervisors to them. */

import type { ClusterId, HostId } from '../domain/ids.ts';
import { leaseScope } from '../domain/lease.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { GuardedHypervisor } from '../execute/guarded-hypervisor.ts';
import {
  DEFAULT_LEASE_TIMING,
  LeaseKeeper,
  type LeaseKeeperParts,
  type TokenMemory,
} from '../execute/lease-keeper.ts';
import { MoveLeases, type ScopeOf } from '../execute/move-leases.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Sources } from './sources.ts';

export interface LeaseHouse {
  readonly keeper: LeaseKeeper;
  readonly moves: MoveLeases;
}

/** @param world the newest snapshot; undefined before the first. */
export function makeLeases(parts: LeaseKeeperParts, world: () => Snapshot | undefined): LeaseHouse {
  const keeper = new LeaseKeeper(parts);
  return { keeper, moves: new MoveLeases(keeper, scopesOf(world)) };
}

/**
 * For a ledger that no other controller can have open. An older copy of its file is what somebody
 * restored on purpose: there is no memory outside of it.
 */
export function soleKeeper(leases: Ledger, events: EventSink, clock: Clock): LeaseKeeperParts {
  const tokens: TokenMemory = { highest: () => 0, remember: () => undefined };
  const me = { id: 'embedded', name: 'this controller' };
  const elapsed = (): ReturnType<Clock['monotonic']> => clock.monotonic();
  const always = { wants: () => true, sole: true, timing: DEFAULT_LEASE_TIMING };
  return { leases, elapsed, events, me, tokens, ...always };
}

/** The sources as everybody but the guard itself gets them. */
export function guarded({ hypervisors, metricSources }: Sources, moves: MoveLeases): Sources {
  const safe = [...hypervisors].map(
    ([source, hypervisor]) => [source, new GuardedHypervisor(hypervisor, moves)] as const,
  );
  return { hypervisors: new Map(safe), metricSources };
}

/** Looked up with every call to a hypervisor: one table for each snapshot. */
function scopesOf(world: () => Snapshot | undefined): ScopeOf {
  let known: Snapshot | undefined;
  let scopes = new Map<HostId, ClusterId>();
  return (host) => {
    const now = world();
    if (now !== known) {
      known = now;
      scopes = new Map(now?.hosts.map((one) => [one.id, leaseScope(one)]));
    }
    return scopes.get(host);
  };
}
