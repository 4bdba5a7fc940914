/**
 * The one narrow port to hypervisors. Drover decides; an adapter reports and obeys. Every call
 * rejects with AdapterError when the hypervisor cannot be asked at all; what it may legitimately
 * answer is returned.
 *
 * A migration is started once and then only observed: `startMove` returns as soon as the
 * hypervisor has taken the order, `job` tells how it goes. So a move that was started before a
 * crash of the daemon is followed with the same calls as one that was started just now.
 */

import type { MoveProgress, MoveSteering } from '../domain/events.ts';
import type { Host, HypervisorKind } from '../domain/host.ts';
import type { HostId, MoveId, NetworkId, VmId } from '../domain/ids.ts';
import type { MoveMethod } from '../domain/plan.ts';
import type { Refusal } from '../domain/refusal.ts';
import type { Storage } from '../domain/storage.ts';
import type { Bytes, BytesPerSecond, Seconds } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';
import type { Attempt, MetricSource } from './metric-source.ts';

/** What an adapter can do. The contract suite skips, visibly, what is declared absent. */
export interface HypervisorCapabilities {
  readonly methods: readonly MoveMethod[];
  readonly abort: boolean;
  readonly progress: boolean;
  /**
   * Slowing a guest down that writes faster than is copied. `at-start`: only a copy that begins
   * with it has it (steering towards it begins the copy anew); `any-time`: also one under way.
   */
  readonly autoConverge: 'no' | 'at-start' | 'any-time';
  readonly downtimeLimit: boolean;
  readonly bandwidthLimit: boolean;
  /** A broken post-copy can be resumed. */
  readonly postCopyRecovery: boolean;
  /** The hypervisor has a check of its own that is worth asking before a move. */
  readonly precheck: boolean;
  readonly maintenanceMode: boolean;
  /**
   * Its inventory may show what was so up to a poll before it was asked, as a manager keeps it;
   * else what is so, and a move that has ended is in every answer that is asked for after its end.
   */
  readonly answersFromCache: boolean;
}

/** A host or VM as the hypervisor describes it: no metrics, no policy, no ladder yet. */
export type HostFacts = Omit<
  Host,
  'state' | 'failure' | 'metrics' | 'health' | 'silentSensors' | 'alerts'
>;
export type VmFacts = Omit<Vm, 'metrics' | 'criticality' | 'permission' | 'noRestart'>;

export interface Inventory {
  readonly hosts: readonly HostFacts[];
  readonly vms: readonly VmFacts[];
  readonly storages: readonly (Storage & { readonly shared: boolean })[];
  readonly networks: readonly NetworkId[];
  /** Parts that did not answer; their hosts are listed as disconnected where they are known. */
  readonly problems: readonly string[];
}

/** One place where a VM was found. A VM that migrates is seen in two. */
export interface Sighting {
  readonly host: HostId;
  /**
   * `running` runs here; `incoming` is being received; `paused` is stopped with its memory here;
   * `post-copy` runs here and still pulls memory from the source; `post-copy-paused` is broken
   * in the middle of post-copy; `defined` is only a configuration that could be started.
   */
  readonly state:
    | 'running'
    | 'incoming'
    | 'paused'
    | 'post-copy'
    | 'post-copy-paused'
    | 'defined'
    | 'unknown';
  /** The configuration is stored here and survives a reboot of the host. */
  readonly persistent: boolean;
}

/** Everything that the hypervisor needs to carry out one move. */
export interface MoveOrder {
  readonly move: MoveId;
  readonly vm: VmId;
  readonly from: HostId;
  readonly to: HostId;
  readonly method: MoveMethod;
  /** Longest stop of the guest that is aimed at. */
  readonly downtimeLimitSeconds: Seconds;
  readonly bandwidth: BytesPerSecond | undefined;
  /** From the start of the move on; otherwise `steer` may switch it on later. */
  readonly autoConverge: boolean;
  /** The switch to post-copy may be asked for later (hypervisors need to know beforehand). */
  readonly allowPostCopy: boolean;
  /** For `cleanUp`: the power of `to` was confirmed off just now, so it is not asked. */
  readonly targetIsOff?: true;
  /**
   * With `restart`: it is none. A move that was begun so has lost its source, and is brought to its
   * end by its target alone. The VM may have arrived, and been shut down there since.
   */
  readonly begunAs?: MoveMethod;
}

export type Job =
  /** No migration of this VM is known there: never started, or ended and forgotten. */
  | { readonly kind: 'none' }
  | { readonly kind: 'running'; readonly progress: MoveProgress }
  | {
      readonly kind: 'ended';
      readonly ok: boolean;
      readonly detail: string;
      readonly downtimeSeconds: Seconds | undefined;
      readonly bytes: Bytes | undefined;
    };

export type Steering =
  | MoveSteering
  | { readonly kind: 'bandwidth'; readonly bandwidth: BytesPerSecond };

export interface Hypervisor extends MetricSource {
  readonly kind: HypervisorKind;
  readonly capabilities: HypervisorCapabilities;

  inventory(signal: AbortSignal): Promise<Inventory>;

  /**
   * Every place where the VM is, by asking all hosts of this source at this moment. `blind` names
   * the hosts that did not answer: absence there proves nothing.
   */
  locate(
    vm: VmId,
    signal: AbortSignal,
  ): Promise<{ readonly sightings: readonly Sighting[]; readonly blind: readonly HostId[] }>;

  /** The hypervisor's own opinion on a move; empty: no objection, or no check (capabilities). */
  precheck(order: MoveOrder, signal: AbortSignal): Promise<readonly Refusal[]>;

  /**
   * Starts the move and returns when the hypervisor has taken it, not when it is done. Idempotent:
   * while a move of the VM from `from` to `to` is under way it is not started again. Asserts the
   * source: it is refused where the VM does not run on `from` (a late call must be harmless).
   * Where the platform queues it (an HA manager that answers at once and moves later), `job` says
   * `running`, `queued`, from this answer on until it begins or is dropped.
   */
  startMove(order: MoveOrder, signal: AbortSignal): Promise<Attempt>;

  /** How the move goes. Asked of both ends; works for moves that another process started. */
  job(order: MoveOrder, signal: AbortSignal): Promise<Job>;

  steer(order: MoveOrder, steering: Steering, signal: AbortSignal): Promise<Attempt>;

  /** Asks to stop the move before its point of no return. Idempotent; refused after it. */
  abort(order: MoveOrder, signal: AbortSignal): Promise<Attempt>;

  /**
   * After the VM was seen running on the target: makes the target's definition persistent (if the
   * source's was) and removes the source's, so that a rebooted source cannot start a second copy.
   * Idempotent. Never touches a running guest.
   */
  commit(order: MoveOrder, signal: AbortSignal): Promise<Attempt>;

  /**
   * After a failure before the point of no return, with the VM on its source: removes what the
   * attempt left on the target (a paused incoming guest, a definition, copies of disks). Where a
   * cold move that nobody carries on had shut the VM down, it is started again there, unless a
   * third host has it by now. Idempotent; refuses to touch a target on which the guest runs, or
   * where the source has died (`begunAs`) a definition there, which may be the only one; touches no
   * disk that was there before, or that a guest has.
   */
  cleanUp(order: MoveOrder, signal: AbortSignal): Promise<Attempt>;

  /** Marks the host in the platform's own terms, where capabilities.maintenanceMode says so. */
  setMaintenance(host: HostId, on: boolean, signal: AbortSignal): Promise<Attempt>;
}
