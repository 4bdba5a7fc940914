/**
 * Whether a move still fits the world: the gate's last word before anything is started, asked of
 * the world as it is now (current-world.ts): VMs under way count on both of their hosts. Pure.
 */

import { staticRefusals } from '../domain/compatibility.ts';
import {
  cpuCapacity,
  cpuDemand,
  hugePageCapacity,
  hugePageNeed,
  memoryCapacity,
  memoryNeed,
} from '../domain/demand.ts';
import type { Host } from '../domain/host.ts';
import type { HostId, VmId } from '../domain/ids.ts';
import { offInFlight } from '../domain/off-in-flight.ts';
import { own } from '../domain/own.ts';
import type { AntiAffinityRule, LicensedRule, LonelyRule } from '../domain/placement.ts';
import type { Move } from '../domain/plan.ts';
import type { PolicySet } from '../domain/policy.ts';
import type { RefusalCode } from '../domain/refusal.ts';
import { overcommitOf, safetyOf } from '../domain/resource-need.ts';
import { assertNever } from '../domain/result.ts';
import { hostRuleMisfit } from './fits-hosts.ts';
import { resourceMisfit } from './fits-resources.ts';
import { storageMisfit } from './fits-storage.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { guestsOf, hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { Vm } from '../domain/vm.ts';

/**
 * Load goes up and down between the plan and the move. A host that has to be emptied is not kept
 * waiting for that: its VMs may take a target this much above the safety capacity.
 */
const MANDATORY_CPU_TOLERANCE = 0.05;

const MIB = 1024 * 1024;

export interface Misfit {
  readonly code: RefusalCode;
  readonly detail: string;
}

interface Way {
  readonly from: Host;
  readonly to: Host;
}

/** The first reason against the move as the world is now; undefined: it fits. */
export function misfit(move: Move, snapshot: Snapshot, policies: PolicySet): Misfit | undefined {
  const vm = vmOf(snapshot, move.vm);
  const from = hostOf(snapshot, move.from);
  const to = hostOf(snapshot, move.to);
  if (vm === undefined) return { code: 'world-moved-on', detail: `${move.vm} is gone` };
  if (from === undefined) return { code: 'world-moved-on', detail: `${move.from} is gone` };
  if (to === undefined) return { code: 'world-moved-on', detail: `${move.to} is gone` };
  const [incompatible] = staticRefusals(vm, from, to, move.method, policies.migration);
  const there = whoIsOn(to.id, vm, snapshot);
  return (
    incompatible ??
    memoryMisfit(vm, to, there, policies) ??
    cpuMisfit(move, vm, to, snapshot, there, policies) ??
    resourceMisfit({ move, vm, to, there, snapshot }) ??
    storageMisfit(vm, to, snapshot) ??
    placementMisfit(vm, { from, to }, snapshot) ??
    hostRuleMisfit(move, {
      snapshot,
      from,
      to,
      memoryBytes: [vm, ...there].reduce((sum, one) => sum + memoryNeed(one), 0),
      cpu: cpuLoad([vm, ...there], snapshot),
      overcommit: overcommitOf(to, policies.limits),
    })
  );
}

/**
 * VMs that run on the host or are on their way to it. One that is leaving still counts, and one
 * that is off in the middle of its move as it will run.
 */
function whoIsOn(host: HostId, except: Vm, snapshot: Snapshot): readonly Vm[] {
  const here = guestsOf(snapshot, host);
  const coming = snapshot.inFlight.flatMap((flight) => {
    const vm = flight.to === host ? vmOf(snapshot, flight.vm) : undefined;
    return vm === undefined || vm.host === host ? [] : [vm];
  });
  const running = offInFlight(snapshot, (id) => vmOf(snapshot, id));
  return [...here, ...new Set(coming)]
    .filter((vm) => vm.id !== except.id)
    .map((vm) => running.get(vm.id) ?? vm);
}

function memoryMisfit(
  vm: Vm,
  to: Host,
  there: readonly Vm[],
  policies: PolicySet,
): Misfit | undefined {
  const { limits } = policies;
  const given = memoryCapacity(to, overcommitOf(to, limits));
  const capacity = given * safetyOf(to, 'memory', limits);
  const free = capacity - there.reduce((sum, one) => sum + memoryNeed(one), 0);
  const need = memoryNeed(vm);
  if (need > free) {
    return { code: 'memory', detail: `needs ${mib(need)}, ${mib(free)} free` };
  }
  const huge = hugePageNeed(vm);
  if (huge === undefined) return undefined;
  const used = there.reduce((sum, one) => {
    const other = hugePageNeed(one);
    return sum + (other?.pageBytes === huge.pageBytes ? other.bytes : 0);
  }, 0);
  const freePages = hugePageCapacity(to, huge.pageBytes) - used;
  if (huge.bytes <= freePages) return undefined;
  return { code: 'huge-pages', detail: `needs ${mib(huge.bytes)}, ${mib(freePages)} free` };
}

// oxlint-disable-next-line max-params -- what moves, where to, among whom, by which rules
function cpuMisfit(
  move: Move,
  vm: Vm,
  to: Host,
  snapshot: Snapshot,
  there: readonly Vm[],
  policies: PolicySet,
): Misfit | undefined {
  // Planned so, because no host has the room: another look finds none either.
  if (move.overCpu === true && move.tier === 'mandatory') return undefined;
  const load = cpuLoad([vm, ...there], snapshot);
  const tolerance = move.tier === 'mandatory' ? MANDATORY_CPU_TOLERANCE : 0;
  const share = safetyOf(to, 'cpu', policies.limits) + tolerance;
  const capacity = cpuCapacity(to);
  if (load <= capacity * share) return undefined;
  const percent = capacity > 0 ? Math.round((100 * load) / capacity) : Number.POSITIVE_INFINITY;
  return { code: 'cpu', detail: `${to.name} would be at ${percent} %` };
}

function cpuLoad(vms: readonly Vm[], snapshot: Snapshot): number {
  return vms.reduce((sum, one) => {
    const demand = cpuDemand(one);
    // Unknown is not nothing: the most that it can use counts, as in the plan.
    const used = demand.kind === 'known' ? demand.value : one.vcpus;
    return sum + used * (hostOf(snapshot, one.host)?.cpu.coreSpeed ?? 1);
  }, 0);
}

/** Hard rules that hold at every moment. An affinity group has to part while it moves. */
function placementMisfit(vm: Vm, { from, to }: Way, snapshot: Snapshot): Misfit | undefined {
  const about = snapshot.placement.filter(
    (rule) =>
      rule.strength === 'hard' &&
      rule.hold === 'always' &&
      (rule.kind === 'lonely' || rule.vms.includes(vm.id)),
  );
  for (const rule of about) {
    switch (rule.kind) {
      case 'pin':
        if (!rule.hosts.includes(to.id)) return { code: 'pin', detail: rule.id };
        break;
      case 'avoid':
        if (rule.hosts.includes(to.id)) return { code: 'avoid', detail: rule.id };
        break;
      case 'anti-affinity': {
        const clash = separationMisfit(rule, vm, { from, to }, snapshot);
        if (clash !== undefined) return clash;
        break;
      }
      case 'among':
        if (!rule.sets.some((set) => set.includes(to.id)))
          return { code: 'among', detail: rule.id };
        break;
      case 'licensed': {
        const clash = licenceMisfit(rule, vm, to, snapshot);
        if (clash !== undefined) return clash;
        break;
      }
      case 'lonely': {
        const clash = lonelyMisfit(rule, vm, to, snapshot);
        if (clash !== undefined) return clash;
        break;
      }
      case 'affinity':
      case 'spread':
      case 'dependency':
      // About hosts: hostRuleMisfit.
      case 'preserve':
      case 'spare':
      case 'failover-reserve':
        break;
      default:
        return assertNever(rule, 'placement rule');
    }
  }
  return undefined;
}

/** Hosts to which members are on their way are in use, too; one that is off needs no licence. */
function licenceMisfit(
  { id, vms, hosts, maximum }: LicensedRule,
  vm: Vm,
  to: Host,
  snapshot: Snapshot,
): Misfit | undefined {
  if (hosts?.includes(to.id) === false) return { code: 'licensed', detail: `${id}: ${to.name}` };
  const running = offInFlight(snapshot, (id) => vmOf(snapshot, id));
  const counts = (id: VmId): boolean => running.has(id) || vmOf(snapshot, id)?.powerState !== 'off';
  const places = placesOf(vms.filter(counts), snapshot).map(({ host }) => host);
  const inUse = new Set(places.filter((host) => hosts?.includes(host) !== false));
  if (inUse.has(to.id) || inUse.size < maximum) return undefined;
  return { code: 'licensed', detail: `${id}: ${inUse.size} hosts are in use, ${vm.name} is not` };
}

/** Who runs there, or is on the way there, and is not to be together with the VM. */
function lonelyMisfit(rule: LonelyRule, vm: Vm, to: Host, snapshot: Snapshot): Misfit | undefined {
  const isOwn = rule.vms.includes(vm.id);
  const other = whoIsOn(to.id, vm, snapshot).find(
    (one) => one.powerState !== 'off' && rule.vms.includes(one.id) !== isOwn,
  );
  if (other === undefined || vm.powerState === 'off') return undefined;
  return { code: 'lonely', detail: `${rule.id}: ${other.id} is there` };
}

/**
 * Also those that are only on their way count: two must not arrive at the same place. Within its
 * domain the VM meets nobody new; who comes in from elsewhere is judged by itself.
 */
function separationMisfit(
  rule: AntiAffinityRule,
  vm: Vm,
  { from, to }: Way,
  snapshot: Snapshot,
): Misfit | undefined {
  const domain = domainOf(to, rule.over);
  if (domain === undefined || domainOf(from, rule.over) === domain) return undefined;
  const clash = placesOf(rule.vms, snapshot).find(
    (one) => one.vm !== vm.id && domainOf(hostOf(snapshot, one.host), rule.over) === domain,
  );
  if (clash === undefined) return undefined;
  return { code: 'anti-affinity', detail: `${rule.id}: ${clash.vm} is there` };
}

/** Where the members of a rule are, and where those of them come to that are under way. */
function placesOf(
  members: readonly VmId[],
  snapshot: Snapshot,
): readonly { readonly vm: VmId; readonly host: HostId }[] {
  const running = members.flatMap((id) => {
    const vm = vmOf(snapshot, id);
    return vm === undefined ? [] : [{ vm: id, host: vm.host }];
  });
  const own = new Set(members);
  const coming = snapshot.inFlight.filter((flight) => own.has(flight.vm));
  return [...running, ...coming.map(({ vm, to }) => ({ vm, host: to }))];
}

function domainOf(host: Host | undefined, over: string): string | undefined {
  if (host === undefined) return undefined;
  return over === 'host' ? host.id : own(host.faultDomains, over);
}

function mib(amount: number): string {
  return `${Math.floor(amount / MIB)} MiB`;
}
