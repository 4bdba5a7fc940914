/**
 * Answers "what if these hosts were to be emptied": the same planner, checker and gate as for the
 * order itself, on the newest snapshot and beside the mandatory work that is open. Nothing is
 * ordered, remembered or moved.
 */

import { withoutResting } from '../domain/breaker.ts';
import type { Finding } from '../domain/finding.ts';
import { type HostId, orderId } from '../domain/ids.ts';
import type { Order } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { epochSeconds } from '../domain/units.ts';
import { gate, readGateCounters } from '../execute/gate.ts';
import type { EstimateView, OrderRequest } from '../ports/api.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { orderFindings } from '../rules/order-findings.ts';
import { estimateView } from './estimate.ts';
import type { Experience } from './experience.ts';
import { type PlanRunner, PlanSuperseded } from './planner.ts';
import type { PolicyStore } from './policy-store.ts';
import type { TickState } from './tick.ts';

export interface EstimatorParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly planner: PlanRunner;
  readonly experience: Experience;
  readonly seed: number;
}

export type WantedHosts = Pick<OrderRequest, 'kind' | 'deadlineSeconds'> & {
  readonly hosts: readonly HostId[];
  readonly area?: string | undefined;
};

export class Estimator {
  readonly #parts: EstimatorParts;

  constructor(parts: EstimatorParts) {
    this.#parts = parts;
  }

  /** Rejects where the planner fails, or its plan has a fault. */
  async estimate(wanted: WantedHosts, state: TickState): Promise<EstimateView> {
    const { ledger, clock, policies, planner, experience, seed } = this.#parts;
    // Who rests after failures has a place all the same: the gate tells that it is held.
    const snapshot = withoutResting(state.snapshot);
    const { limits, migration, weights } = policies.policies;
    const findings = [...openWork(state, wanted.hosts), ...wantedFindings(wanted, snapshot)];
    const learned = await experience.learned(snapshot, migration);
    const job = { snapshot, findings, limits, migration, weights, seed, learned };
    // What comes between is an order, of which there are few.
    const again = (error: unknown): ReturnType<PlanRunner['run']> => {
      if (!(error instanceof PlanSuperseded)) throw error;
      return planner.run(job);
    };
    const { result, violations } = await planner.run(job).catch(again);
    const [fault] = violations;
    if (fault !== undefined) throw new Error(`no valid plan: ${fault.code}: ${fault.detail}`);
    const now = clock.now();
    const counters = await readGateCounters(ledger, result.plan, now);
    const [approvals, { paused }] = await Promise.all([ledger.approvals(), ledger.paused()]);
    const request = { plan: result.plan, snapshot, findings, policies: policies.policies, now };
    const verdicts = gate({ ...request, paused, approvals, counters });
    const { hosts, deadlineSeconds } = wanted;
    return estimateView({ snapshot, hosts, result, verdicts, deadlineSeconds, limits });
  }
}

/** What has to be done in any case; what the hosts need already is in the order that is asked. */
function openWork({ findings }: TickState, hosts: readonly HostId[]): readonly Finding[] {
  return findings.filter(({ tier, response, subject }) => {
    if (response === 'notify' || (tier !== 'mandatory' && response !== 'quarantine')) return false;
    return subject.kind !== 'host' || !hosts.includes(subject.host);
  });
}

function wantedFindings(wanted: WantedHosts, snapshot: Snapshot): readonly Finding[] {
  const { kind, hosts, deadlineSeconds, area } = wanted;
  const { takenAt } = snapshot;
  const deadline = deadlineSeconds === null ? undefined : epochSeconds(takenAt + deadlineSeconds);
  const orders = hosts.map((host): Order => {
    return {
      id: orderId(`estimate ${host}`),
      kind,
      host,
      by: { kind: 'operator', name: 'estimate' },
      reason: '',
      createdAt: takenAt,
      deadline,
      state: 'open',
      dedupeKey: '',
      home: [],
      area,
    };
  });
  return orderFindings(snapshot, orders).findings;
}
