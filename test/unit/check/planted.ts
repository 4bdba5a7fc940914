// Role: the small fleet and the helpers with which the checker's tests plant their faults.
import { type CheckRequest, check } from '../../../src/check/check.ts';
import type { Host } from '../../../src/domain/host.ts';
import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, bytes, bytesPerSecond, cores } from '../../../src/domain/units.ts';
import type { Violation, ViolationCode } from '../../../src/domain/violation.ts';
import {
  type VmOptions,
  aHost,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
} from '../../support/fleet.ts';
import { aMove, aPlan, startingAt } from '../../support/plans.ts';

/** A fault in a plan, and the code under which it is found. */
export interface Planted {
  readonly what: string;
  readonly code: ViolationCode;
  readonly also?: readonly ViolationCode[];
  readonly snapshot?: Snapshot;
  readonly moves?: readonly Move[];
  readonly more?: Partial<CheckRequest>;
}

/** Three like hosts; v1 and v2 on h1, v3 on h2. */
export function fleet(options: Partial<Snapshot> = {}): Snapshot {
  return aSnapshot({
    hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2' }), aHost({ id: 'h3' })],
    vms: [aVm({ id: 'v1' }), aVm({ id: 'v2' }), aVm({ id: 'v3', host: 'h2' })],
    ...options,
  });
}

/** The fleet, and h4, on two switches: h1 and h4 on one, h2 and h3 on the other. */
export function twoSwitches(vms: Snapshot['vms'] = fleet().vms): Snapshot {
  const hosts = ['h1', 'h2', 'h3', 'h4'].map((id) => {
    const uplink = id === 'h1' || id === 'h4' ? 'a' : 'b';
    return aHost({ id, uplink: { id: uplink, bandwidth: bytesPerSecond(1e9) } });
  });
  return fleet({ hosts, vms });
}

/** The fleet with one VM replaced. */
export function withVm(options: VmOptions): Snapshot {
  const others = fleet().vms.filter((vm) => vm.id !== options.id);
  return fleet({ vms: [...others, aVm(options)] });
}

/** The fleet with h2, the usual target, changed. */
export function withTarget(change: (host: Host) => Partial<Host>): Snapshot {
  const snapshot = fleet();
  const hosts = snapshot.hosts.map((host) =>
    host.id === 'h2' ? { ...host, ...change(host) } : host,
  );
  return { ...snapshot, hosts };
}

/** The fleet with h1, the usual source, changed; all may be restarted. */
export function withSource(change: Partial<Host>): Snapshot {
  const { hosts, vms, ...others } = fleet();
  return {
    ...others,
    hosts: hosts.map((host) => (host.id === 'h1' ? { ...host, ...change } : host)),
    vms: vms.map((vm) => ({ ...vm, permission: 'restart' })),
  };
}

export function judge(
  snapshot: Snapshot,
  moves: readonly Move[] = [aMove()],
  more: Partial<CheckRequest> = {},
): readonly Violation[] {
  const plan = aPlan(moves);
  return check({ snapshot, plan, limits: someLimits(), migration: someMigration(), ...more });
}

/** The different codes, sorted. */
export function codes(...request: Parameters<typeof judge>): string[] {
  return [...new Set(judge(...request).map((violation) => violation.code))].toSorted();
}

/** v1 to h2, and another move that waits for it. */
export function inTurn(second: Parameters<typeof aMove>[0]): readonly Move[] {
  return [aMove(), aMove({ id: 'm2', dependsOn: ['m1'], predicted: startingAt(30), ...second })];
}

/** Room held on h2 for a VM that is not in the fleet. */
export function reservation(memoryGib: number, cpu: number): Snapshot['reservations'][number] {
  return {
    move: moveId('earlier'),
    vm: vmId('v9'),
    host: hostId('h2'),
    memoryBytes: bytes(memoryGib * GIB),
    cpu: cores(cpu),
  };
}

export function limitedTo(
  total: number,
  perHostIn: number,
  perHostOut: number,
  perLink = 99,
): Partial<CheckRequest> {
  return { limits: someLimits({ concurrency: { total, perHostIn, perHostOut, perLink } }) };
}
