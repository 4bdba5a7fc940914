/**
 * Plan and check as one pure job: what the worker runs, and what runs in-process where there is
 * no worker (the CLI's dry tick). A plan never leaves here without the checker's opinion on it.
 */

import { check } from '../check/check.ts';
import type { Finding } from '../domain/finding.ts';
import type { PlanResult } from '../domain/plan.ts';
import type { Limits, MigrationSettings, Weights } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Violation } from '../domain/violation.ts';
import type { Learned } from '../plan/learned.ts';
import { plan } from '../plan/plan.ts';

export interface PlanJob {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
  readonly limits: Limits;
  readonly migration: MigrationSettings;
  readonly weights: Weights;
  readonly seed: number;
  /** From finished moves. */
  readonly learned?: Learned | undefined;
  /** Undefined: as many as fit the size of the problem. */
  readonly steps?: number | undefined;
  /** As for the planner: only who is first to leave, as soon as it can be told. */
  readonly isFirst?: boolean | undefined;
}

export interface CheckedPlan {
  readonly result: PlanResult;
  readonly violations: readonly Violation[];
}

/** Fleets of fewer VMs are planned whole before an early answer would be of use. */
const EARLY_VMS = 2_000;

/**
 * The job with what cannot wait alone: the evacuations that are mandatory, and the hosts that take
 * nothing in. Levelling a large fleet takes fifty times as long. Undefined: there is nothing of the
 * kind, nothing else, or the whole is planned as quickly.
 */
export function urgentPart(job: PlanJob, least = EARLY_VMS): PlanJob | undefined {
  const asking = job.findings.filter(({ response }) => response !== 'notify');
  const urgent = urgentFindings(asking);
  if (
    !urgent.some(isUrgent) ||
    urgent.length === asking.length ||
    job.snapshot.vms.length < least
  ) {
    return undefined;
  }
  return { ...job, findings: urgent };
}

/** What is mandatory, and the hosts that take nothing in. */
export function urgentFindings(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(
    ({ tier, response }) =>
      response !== 'notify' && (tier === 'mandatory' || response === 'quarantine'),
  );
}

/** A host has to be emptied, or the VMs of a dead one to be started elsewhere. */
export function isUrgent({ tier, response }: Finding): boolean {
  return tier === 'mandatory' && (response === 'evacuate' || response === 'restart');
}

export function planAndCheck(job: PlanJob): CheckedPlan {
  return planUntil(job, () => false);
}

/** @param shouldStop as for the planner; where it throws, there is no plan. */
export function planUntil(job: PlanJob, shouldStop: () => boolean): CheckedPlan {
  const result = plan({ ...job, shouldStop });
  shouldStop();
  const { snapshot, limits, migration, weights } = job;
  return { result, violations: check({ snapshot, plan: result.plan, limits, migration, weights }) };
}
