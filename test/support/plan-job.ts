// Role: the least that there is to plan: one VM that has to leave one of two hosts.
import type { PlanJob } from '../../src/app/plan-job.ts';
import {
  aFinding,
  aHost,
  aSnapshot,
  aVm,
  someLimits,
  someMigration,
  someWeights,
} from './fleet.ts';

export function aPlanJob(seed = 1): PlanJob {
  return {
    snapshot: aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2' })],
      vms: [aVm({ id: 'v1', host: 'h1' })],
    }),
    findings: [aFinding('evacuate', { host: 'h1' })],
    limits: someLimits(),
    migration: someMigration(),
    weights: someWeights(),
    seed,
  };
}
