/** What a person is told after giving an order: what happens now, in the mode in force. */

import type { Host } from '../domain/host.ts';
import type { PolicySet } from '../domain/policy.ts';
import { modeOf } from '../execute/gate.ts';
import type { GivenOrder } from './order-desk.ts';

export function orderText(given: GivenOrder, host: Host, policies: PolicySet): string {
  const { order, what } = given;
  if (order.state === 'returning') return `${host.name} returns to service; its VMs come home`;
  const verb = order.kind === 'maintenance' ? 'enters maintenance' : 'is being evacuated';
  const repeated = what === 'repeated' ? ' (this order was open already)' : '';
  const { length } = order.home;
  const vms = length === 1 ? '1 VM' : `${length} VMs, mission-critical first`;
  if (modeOf(host, policies) === 'observe')
    return `${host.name}: mode observe: shown by drover plan, nothing is moved${repeated}`;
  return `${host.name} ${verb}: ${vms}${repeated}`;
}
