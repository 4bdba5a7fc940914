// Role: what the planner's tests ask of it, with the limits and weights of the other tests.
import type { Finding } from '../../../src/domain/finding.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { type PlanRequest, plan } from '../../../src/plan/plan.ts';
import { aHost, aSnapshot, someLimits, someMigration, someWeights } from '../../support/fleet.ts';

/** Three equal hosts, idle. */
export const HOSTS = ['h1', 'h2', 'h3'].map((id) => aHost({ id }));

export function request(
  snapshot: Partial<Snapshot>,
  findings: readonly Finding[],
  options: Partial<PlanRequest> = {},
): PlanRequest {
  return {
    snapshot: aSnapshot(snapshot),
    findings,
    limits: someLimits(),
    migration: someMigration(),
    weights: someWeights(),
    seed: 1,
    ...options,
  };
}

export function movesOf(asked: PlanRequest): string[] {
  return plan(asked).plan.moves.map(({ vm, from, to }) => `${vm}: ${from} > ${to}`);
}
