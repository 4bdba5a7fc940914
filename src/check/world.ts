/**
 * What the checks look at: the snapshot by id, the moves that refer to things that exist, and who
 * is where, from when to when. Built once for a plan; nothing in it is ever changed.
 */

import type { Host } from '../domain/host.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import type { Move, Plan } from '../domain/plan.ts';
import type { Limits, MigrationSettings, Weights } from '../domain/policy.ts';
import { offInFlight } from '../domain/off-in-flight.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { withChanged } from '../domain/snapshot-index.ts';
import type { Violation, ViolationCode } from '../domain/violation.ts';
import type { Vm } from '../domain/vm.ts';
import { type Precedence, precedenceOf } from './precedence.ts';

export interface CheckRequest {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly limits: Limits;
  readonly migration: MigrationSettings;
  /** With which the plan was made, by this very policy; absent: its costs are not looked at. */
  readonly weights?: Weights | undefined;
}

/** A move whose VM and hosts exist and that starts from where the VM then is. */
export interface Step {
  /** Position in the plan's list. */
  readonly at: number;
  readonly move: Move;
  readonly vm: Vm;
  readonly from: Host;
  readonly to: Host;
}

/** A VM on a host, from the start of one move to the end of another; undefined: all along. */
export interface Stay {
  readonly vm: VmId;
  readonly host: HostId;
  readonly arrival: number | undefined;
  readonly departure: number | undefined;
}

/** What all placement rules look at. */
export interface Scene {
  readonly world: World;
  /** Of each VM that the plan moves, in list order. */
  readonly steps: ReadonlyMap<VmId, readonly Step[]>;
  readonly stays: ReadonlyMap<VmId, readonly Stay[]>;
}

/** In its snapshot those who are off in the middle of a cold move are as they will run. */
export interface World extends CheckRequest {
  readonly hosts: ReadonlyMap<HostId, Host>;
  readonly vms: ReadonlyMap<VmId, Vm>;
  readonly moves: readonly Move[];
  readonly order: Precedence;
}

/** Snapshots are immutable, and share the lists that did not change: gone through once each. */
const hostsById = new WeakMap<readonly Host[], ReadonlyMap<HostId, Host>>();
const vmsById = new WeakMap<readonly Vm[], ReadonlyMap<VmId, Vm>>();

function byId<Id, Item extends { readonly id: Id }>(
  known: WeakMap<readonly Item[], ReadonlyMap<Id, Item>>,
  items: readonly Item[],
): ReadonlyMap<Id, Item> {
  const found = known.get(items) ?? new Map(items.map((item) => [item.id, item]));
  known.set(items, found);
  return found;
}

export function worldOf(request: CheckRequest): World {
  const { plan } = request;
  const snapshot = asTheyRun(request);
  return {
    ...request,
    snapshot,
    hosts: byId(hostsById, snapshot.hosts),
    vms: byId(vmsById, snapshot.vms),
    moves: plan.moves,
    order: precedenceOf(plan.moves),
  };
}

/** What the plan itself is to move has to run now: its own reservations say nothing of that. */
function asTheyRun({ snapshot, plan }: CheckRequest): Snapshot {
  const all = byId(vmsById, snapshot.vms);
  const own = new Set(plan.moves.map(({ id }) => id));
  const running = offInFlight(snapshot, (id) => all.get(id), own);
  return running.size === 0 ? snapshot : { ...snapshot, vms: withChanged(snapshot.vms, running) };
}

/**
 * Every stay of the VMs for which `wanted` says yes. A VM in flight stays on both hosts to the
 * end: nobody knows when, or whether, its move will be done.
 */
export function staysOf(
  world: World,
  steps: readonly Step[],
  wanted: (vm: VmId) => boolean,
): ReadonlyMap<VmId, readonly Stay[]> {
  const stays = new Map<VmId, Stay[]>();
  for (const vm of world.snapshot.vms) {
    if (!wanted(vm.id)) continue;
    stays.set(vm.id, [{ vm: vm.id, host: vm.host, arrival: undefined, departure: undefined }]);
  }
  for (const { at, vm, to } of steps) {
    const own = stays.get(vm.id);
    const last = own?.pop();
    if (own === undefined || last === undefined) continue;
    own.push({ ...last, departure: at });
    own.push({ vm: vm.id, host: to.id, arrival: at, departure: undefined });
  }
  for (const { vm, to } of world.snapshot.inFlight) {
    stays.get(vm)?.push({ vm, host: to, arrival: undefined, departure: undefined });
  }
  return stays;
}

/** Whether some interleaving sees both stays at one moment. */
export function canOverlap(order: Precedence, a: Stay, b: Stay): boolean {
  return !endsBefore(order, a, b) && !endsBefore(order, b, a);
}

function endsBefore(order: Precedence, a: Stay, b: Stay): boolean {
  if (a.departure === undefined || b.arrival === undefined) return false;
  return order.before(a.departure, b.arrival);
}

/** A violation about one step; `more` names what else it is about. */
export function against(
  step: Step,
  code: ViolationCode,
  detail: string,
  more: Partial<Pick<Violation, 'host' | 'rule'>> = {},
): Violation {
  return {
    code,
    index: step.at,
    move: step.move.id,
    vm: step.vm.id,
    host: more.host ?? step.to.id,
    rule: more.rule,
    detail,
  };
}
