/**
 * Opens the ledger, and makes what keeps its leases and what binds moves, ledger and hypervisors
 * to them. Embedded, one controller has it all; on PostgreSQL several share the clusters.
 */

import { hostname } from 'node:os';
import { join } from 'node:path';

import { uuidv7 } from 'uuidv7';

import type { DaemonConfig } from '../config/daemon.ts';
import type { ClusterId, HostId } from '../domain/ids.ts';
import { leaseScope } from '../domain/lease.ts';
import type { MoveRecord } from '../domain/journal.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Seconds } from '../domain/units.ts';
import { GuardedHypervisor } from '../execute/guarded-hypervisor.ts';
import { LeaseKeeper } from '../execute/lease-keeper.ts';
import {
  DEFAULT_LEASE_TIMING,
  type LeaseKeeperParts,
  NO_TOKENS,
} from '../execute/lease-keeper-parts.ts';
import { MoveLeases, type ScopeOf } from '../execute/move-leases.ts';
import { openPostgresLedger } from '../ledger/postgres-ledger.ts';
import { openSqliteLedger } from '../ledger/sqlite-ledger.ts';
import { lockStateFolder } from '../ledger/state-lock.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Leases } from '../ports/leases.ts';
import type { Closers } from './closers.ts';
import { ControllerFile } from './controller-file.ts';
import type { Holds } from './reach.ts';
import type { Sources } from './sources.ts';
import { ledgerFileIn } from './state-folder.ts';

export interface LeaseHouse {
  readonly keeper: LeaseKeeper;
  readonly moves: MoveLeases;
  /** Who may follow an open move, by name; undefined: one of its clusters is nobody's for long. */
  readonly follower: (record: MoveRecord) => string | undefined;
}

export interface StoreParts {
  readonly config: Pick<DaemonConfig, 'ledger' | 'stateDir'>;
  readonly clock: Clock;
  /** Whether an embedded ledger waits for the disk in a thread of its own. */
  readonly inThread: boolean;
}

/** The ledger that the configuration names, closed by `closers`. */
export async function openStore(
  { config: { ledger, stateDir }, clock, inThread }: StoreParts,
  closers: Closers,
): Promise<Ledger> {
  if (ledger !== undefined) {
    // The identity in it is this process's alone: an earlier one with the same is proven dead.
    const lock = lockStateFolder(stateDir);
    closers.add(() => lock.release());
  }
  const store =
    ledger === undefined
      ? await openSqliteLedger({ file: ledgerFileIn(stateDir), clock, inThread })
      : await openPostgresLedger({ ...ledger, clock });
  closers.add(() => store.close());
  return store;
}

export interface LeaseHouseParts {
  readonly config: DaemonConfig;
  readonly leases: Leases;
  readonly events: EventSink;
  readonly clock: Clock;
  /** LeaseKeeperParts.elapsed. */
  readonly elapsed: () => Seconds;
  /** The newest snapshot; undefined before the first. */
  readonly world: () => Snapshot | undefined;
}

export function makeLeases(parts: LeaseHouseParts): LeaseHouse {
  const { leases, events, elapsed, clock } = parts;
  const steady = (): Seconds => clock.monotonic();
  const common = { leases, events, elapsed, steady };
  const keeper = new LeaseKeeper({ ...common, ...controllerOf(parts.config) });
  const acts = actsOn(keeper);
  const isSeen = (id: HostId): boolean => {
    const now = parts.world();
    const host = now?.hosts.find((one) => one.id === id);
    return now !== undefined && host !== undefined && acts(host, now);
  };
  const moves = new MoveLeases(keeper, scopesOf(parts.world), isSeen);
  return { keeper, moves, follower: (record) => followerOf(keeper, moves.clustersOf(record)) };
}

type Own = Pick<LeaseKeeperParts, 'me' | 'wants' | 'sole' | 'timing' | 'tokens'>;

function controllerOf({ controller, ledger, stateDir }: DaemonConfig): Own {
  const name = controller.name ?? hostname();
  if (ledger === undefined) {
    // An older copy of the file is what somebody restored on purpose: nothing is kept outside.
    const me = { id: 'embedded', name };
    const tokens = NO_TOKENS;
    return { me, wants: () => true, sole: true, timing: DEFAULT_LEASE_TIMING, tokens };
  }
  const tokens = ControllerFile.open(join(stateDir, 'controller.json'), uuidv7);
  const only = new Set(controller.clusters);
  return {
    me: { id: tokens.id, name },
    wants: (cluster) => only.size === 0 || only.has(cluster),
    sole: false,
    timing: { ...DEFAULT_LEASE_TIMING, leaseSeconds: controller.leaseSeconds },
    tokens,
  };
}

function followerOf(
  keeper: Pick<LeaseKeeper, 'holderOf'>,
  clusters: readonly ClusterId[],
): string | undefined {
  const names = clusters.map((cluster) => keeper.holderOf(cluster));
  const known = names.filter((name) => name !== undefined);
  if (known.length < names.length) return undefined;
  return [...new Set(known)].map((name) => name || 'a controller to come').join(' and ');
}

/** The sources as everybody but the guard itself gets them. */
export function guarded(
  sources: Sources,
  moves: MoveLeases,
  ledger: Pick<Ledger, 'openMoves'>,
): Sources {
  const safe = [...sources.hypervisors].map(
    ([source, hypervisor]) => [source, new GuardedHypervisor(hypervisor, moves, ledger)] as const,
  );
  return { ...sources, hypervisors: new Map(safe) };
}

/**
 * A host is acted on only by what was asked after this controller had its lease: whoever had it
 * before may have moved VMs until then. One that does not answer tells nothing newer, and nothing
 * moves there; that it may be dead is not to wait for its answer.
 */
export function actsOn(keeper: Pick<LeaseKeeper, 'heldSince'>): Holds {
  return (host, { askedAt }) => {
    const since = keeper.heldSince(leaseScope(host));
    if (since === undefined || host.connection === 'disconnected') return since !== undefined;
    return (askedAt?.get(host.source) ?? Number.NEGATIVE_INFINITY) >= since;
  };
}

/** Whether another controller acts on a host; of one that nobody has seen yet nobody says so. */
export function actsElsewhere(
  keeper: Pick<LeaseKeeper, 'mayAct'>,
  world: () => Snapshot | undefined,
): (host: HostId) => boolean {
  return (id) => {
    const host = world()?.hosts.find((one) => one.id === id);
    return host !== undefined && keeper.mayAct(leaseScope(host)) === undefined;
  };
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
