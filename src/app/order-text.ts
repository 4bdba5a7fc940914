/** What a person is told after giving an order: what happens now, in the mode in force. */

import type { Host } from '../domain/host.ts';
import type { Order } from '../domain/order.ts';
import type { PolicySet } from '../domain/policy.ts';
import { modeOf } from '../execute/gate.ts';
import type { GivenOrder } from './order-desk.ts';

export interface InForce {
  readonly policies: PolicySet;
  /** The kill switch. */
  readonly paused: boolean;
}

const PAUSED = 'Drover is paused: nothing moves until drover resume';

export function orderedText({ kind, by, reason }: Order): string {
  return `${kind} ordered by ${by.kind} ${by.name}: ${reason}`;
}

export function orderText(given: GivenOrder, host: Host, { policies, paused }: InForce): string {
  const { order, what } = given;
  const isObserved = modeOf(host, policies) === 'observe';
  if (order.state === 'returning') {
    const back = `${host.name} returns to service`;
    if (isObserved) return `${back}; mode observe: its VMs are not moved home`;
    return paused ? `${back}; ${PAUSED}` : `${back}; its VMs come home`;
  }
  const repeated = what === 'repeated' ? ' (this order was open already)' : '';
  if (isObserved)
    return `${host.name}: mode observe: shown by drover plan, nothing is moved${repeated}`;
  const { length } = order.home;
  const vms = length === 1 ? '1 VM' : `${length} VMs, mission-critical first`;
  if (paused) {
    const verb = order.kind === 'maintenance' ? 'is to enter maintenance' : 'is to be evacuated';
    return `${host.name} ${verb}: ${vms}${repeated}; ${PAUSED}`;
  }
  const verb = order.kind === 'maintenance' ? 'enters maintenance' : 'is being evacuated';
  return `${host.name} ${verb}: ${vms}${repeated}`;
}
