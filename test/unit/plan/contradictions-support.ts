// Role: a small fleet, and what is said of rules that contradict each other on it.
import type { Host } from '../../../src/domain/host.ts';
import type { PlacementRule } from '../../../src/domain/placement.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { contradictionsOf } from '../../../src/plan/plan.ts';
import { aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

/** h1 and h2 in rack a, h3 in b, h4 in c. */
export const HOSTS = ['h1', 'h2', 'h3', 'h4'].map((id, i) =>
  aHost({ id, faultDomains: { rack: 'aabc'.charAt(i) } }),
);
export const VMS = ['a', 'b', 'c', 'd', 'e'].map((id) => aVm({ id }));
export const ALL = ['h1', 'h2', 'h3', 'h4'];

export function told(
  rules: readonly PlacementRule[],
  vms: readonly Vm[] = VMS,
  hosts: readonly Host[] = HOSTS,
): { rules: string[]; vms: readonly string[]; text: string }[] {
  const placement = rules.map((rule, i) => ({ ...rule, origin: `p.yaml:${i + 1}` }));
  const found = contradictionsOf(request({ hosts, vms, placement }, []));
  return found.map((one) => ({ ...one, rules: one.rules.map(({ id }) => id) }));
}
