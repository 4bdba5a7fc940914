/**
 * One tick without a daemon: rules, plan and check on a snapshot, nothing executed and nothing
 * remembered. What the snapshot shows is taken as held for every hold time of the rules.
 */

import type { Finding } from '../domain/finding.ts';
import type { HostId } from '../domain/ids.ts';
import { dryOrderId, type Order } from '../domain/order.ts';
import type { PlanResult } from '../domain/plan.ts';
import type { PolicySet } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { epochSeconds } from '../domain/units.ts';
import type { Violation } from '../domain/violation.ts';
import { classify } from '../rules/classify.ts';
import type { RuleBook } from '../rules/rule-book.ts';
import { planAndCheck } from './plan-job.ts';

export interface DryTickInput {
  readonly snapshot: Snapshot;
  readonly policies: PolicySet;
  readonly rules: RuleBook;
  readonly seed: number;
  /** Orders that are open already (a fleet file may carry some). */
  readonly orders: readonly Order[];
  /** Hosts that an operator would order empty. */
  readonly evacuate: readonly HostId[];
}

export interface DryTick {
  /** With the policies applied. */
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
  readonly result: PlanResult;
  readonly violations: readonly Violation[];
}

export async function dryTick(input: DryTickInput): Promise<DryTick> {
  const { policies, seed } = input;
  const snapshot = classify(input.snapshot, policies);
  const asked = input.evacuate.map((host) => orderFor(host, snapshot));
  const orders = [...input.orders, ...asked];
  const findings = await heldFindings(input, snapshot, orders);
  const { limits, migration, weights } = policies;
  const checked = planAndCheck({ snapshot, findings, limits, migration, weights, seed });
  return { snapshot, findings, ...checked };
}

/** Looks twice, as far apart as the longest hold time: what is true both times has held. */
async function heldFindings(
  { policies, rules }: DryTickInput,
  snapshot: Snapshot,
  orders: readonly Order[],
): Promise<readonly Finding[]> {
  const now = snapshot.takenAt;
  const longest = Math.max(0, ...policies.rules.map(({ forSeconds }) => forSeconds));
  const later = epochSeconds(now + longest);
  const first = await rules.evaluate({ snapshot, orders, memory: [], now });
  const second = await rules.evaluate({ snapshot, orders, memory: first.memory, now: later });
  return second.findings;
}

function orderFor(host: HostId, snapshot: Snapshot): Order {
  return {
    id: dryOrderId(host),
    kind: 'evacuate',
    host,
    by: { kind: 'operator', name: 'drover plan' },
    reason: 'asked for on the command line',
    createdAt: snapshot.takenAt,
    deadline: undefined,
    state: 'open',
    dedupeKey: '',
    home: snapshot.vms.filter((vm) => vm.host === host).map((vm) => vm.id),
  };
}
