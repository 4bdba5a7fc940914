// Role: placement rules of the richer kinds, hard and always unless said otherwise.
import { hostId, ruleId, vmId } from '../../src/domain/ids.ts';
import type {
  AmongRule,
  DependencyRule,
  FailoverReserveRule,
  LicensedRule,
  LonelyRule,
  PlacementRule,
  PreserveRule,
  SpareRule,
  SpreadRule,
} from '../../src/domain/placement.ts';

type Common = Pick<PlacementRule, 'id' | 'strength' | 'hold' | 'origin'>;

function common(id: string): Common {
  return { id: ruleId(id), strength: 'hard', hold: 'always', origin: 'test' };
}

export function anAmong(
  id: string,
  vms: readonly string[],
  sets: readonly (readonly string[])[],
): AmongRule {
  const named = sets.map((set) => set.map(hostId));
  return { ...common(id), kind: 'among', vms: vms.map(vmId), sets: named };
}

export function aSpread(
  id: string,
  vms: readonly string[],
  minimum: number,
  over = 'rack',
): SpreadRule {
  return { ...common(id), kind: 'spread', vms: vms.map(vmId), over, minimum };
}

export function aDependency(
  id: string,
  vms: readonly string[],
  on: readonly string[],
  over = 'host',
): DependencyRule {
  return { ...common(id), kind: 'dependency', vms: vms.map(vmId), on: on.map(vmId), over };
}

export function aLonely(id: string, vms: readonly string[]): LonelyRule {
  return { ...common(id), kind: 'lonely', vms: vms.map(vmId) };
}

export function aPreserve(
  id: string,
  hosts: readonly string[],
  free: PreserveRule['free'],
): PreserveRule {
  return { ...common(id), kind: 'preserve', vms: [], hosts: hosts.map(hostId), free };
}

export function aSpare(id: string, hosts: readonly string[]): SpareRule {
  return { ...common(id), kind: 'spare', vms: [], hosts: hosts.map(hostId) };
}

export function aFailoverReserve(
  id: string,
  hosts: readonly string[],
  failures = 1,
): FailoverReserveRule {
  return { ...common(id), kind: 'failover-reserve', vms: [], hosts: hosts.map(hostId), failures };
}

/** Free in total over the hosts. */
export function aTotalPreserve(
  id: string,
  hosts: readonly string[],
  free: PreserveRule['free'],
): PreserveRule {
  return { ...aPreserve(id, hosts, free), scope: 'all' };
}

/** In the end, as licences usually are; no hosts: any of them may have one. */
export function aLicensed(
  id: string,
  vms: readonly string[],
  maximum: number,
  hosts?: readonly string[],
): LicensedRule {
  const named = hosts && { hosts: hosts.map(hostId) };
  return {
    ...common(id),
    hold: 'finally',
    kind: 'licensed',
    vms: vms.map(vmId),
    maximum,
    ...named,
  };
}
