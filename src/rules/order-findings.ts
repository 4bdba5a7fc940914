/**
 * Orders → findings. An order needs no metrics: it holds while it is open, also when everything
 * that is measured about the host is missing. A host in `returning` gets its VMs back.
 */

import type { Evidence, Finding, Trigger } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import { compareText, type VmId } from '../domain/ids.ts';
import { mayCome, type Order, orderFindingId } from '../domain/order.ts';
import { assertNever } from '../domain/result.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { makeFindingId } from './finding-id.ts';
import type { Gap } from './gap.ts';

export function orderFindings(
  snapshot: Snapshot,
  orders: readonly Order[],
): { readonly findings: readonly Finding[]; readonly gaps: readonly Gap[] } {
  const findings: Finding[] = [];
  const gaps: Gap[] = [];
  for (const order of orders) {
    if (order.state === 'closed' || order.state === 'waiting') continue;
    const host = hostOf(snapshot, order.host);
    if (host === undefined) {
      const reason = 'no source reports the host of this order';
      gaps.push({ host: order.host, rule: `order ${order.id}`, fact: 'host', reason });
      continue;
    }
    switch (order.state) {
      case 'open':
        findings.push(ordered(order, host));
        break;
      case 'returning':
        findings.push(...returns(order, host, snapshot));
        break;
      default:
        assertNever(order.state, 'state of an order');
    }
  }
  return { findings, gaps };
}

/** The findings with those about orders as the orders are now; what rules have found stays. */
export function withOrders(
  findings: readonly Finding[],
  snapshot: Snapshot,
  orders: readonly Order[],
): readonly Finding[] {
  const others = findings.filter(({ kind }) => !ABOUT_ORDERS.has(kind));
  const all = [...others, ...orderFindings(snapshot, orders).findings];
  return all.sort((a, b) => compareText(a.id, b.id));
}

const ABOUT_ORDERS: ReadonlySet<Finding['kind']> = new Set([
  'maintenance',
  'evacuation-ordered',
  'return-home',
]);

function ordered(order: Order, host: Host): Finding {
  const what = order.kind === 'maintenance' ? 'maintenance' : 'evacuation';
  const reason = order.reason === '' ? '' : `: ${order.reason}`;
  return {
    id: orderFindingId(order),
    kind: order.kind === 'maintenance' ? 'maintenance' : 'evacuation-ordered',
    response: 'evacuate',
    tier: 'mandatory',
    subject: { kind: 'host', host: host.id },
    trigger: triggerOf(order),
    since: order.createdAt,
    evidence: [
      { fact: 'host.order', operator: 'equal', threshold: order.kind, value: order.kind },
      ...areaOf(order),
    ],
    text: `host ${host.name}: ${what} ordered by ${order.by.name}${reason}`,
    relieveBelow: undefined,
    deadline: order.deadline,
  };
}

/** That a whole site or cluster is to be empty is what the order says: no share of it is kept. */
function areaOf({ area }: Order): readonly Evidence[] {
  if (area === undefined) return [];
  return [{ fact: 'order.area', operator: 'equal', threshold: area, value: area }];
}

/** One per VM that is still elsewhere; the planner reads the home from the evidence. */
function returns(order: Order, host: Host, snapshot: Snapshot): readonly Finding[] {
  const findings: Finding[] = [];
  for (const id of new Set(mayCome(order))) {
    const vm = vmOf(snapshot, id as VmId); // looked up: a home that is no VM finds none
    if (vm === undefined || vm.host === host.id) continue;
    findings.push({
      id: makeFindingId('return', order.id, vm.id),
      kind: 'return-home',
      response: 'return',
      tier: 'optional',
      subject: { kind: 'vm', vm: vm.id },
      trigger: triggerOf(order),
      since: order.createdAt,
      evidence: [{ fact: 'vm.home', operator: 'notEqual', threshold: vm.host, value: host.id }],
      text: `VM ${vm.name}: at home on ${host.name}, which is back in service`,
      relieveBelow: undefined,
      deadline: undefined,
    });
  }
  return findings;
}

function triggerOf(order: Order): Trigger {
  return order.by.kind === 'operator'
    ? { kind: 'operator', who: order.by.name }
    : { kind: 'alert', alert: order.by.name };
}
