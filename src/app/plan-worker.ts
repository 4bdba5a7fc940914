/** The worker's side of the planner: one job in, one checked plan (or the error) out. */

import { parentPort } from 'node:worker_threads';

import { planAndCheck, type CheckedPlan, type PlanJob } from './plan-job.ts';

export type WorkerAnswer =
  | { readonly id: number; readonly ok: true; readonly checked: CheckedPlan }
  | { readonly id: number; readonly ok: false; readonly error: string };

export interface WorkerQuestion {
  readonly id: number;
  readonly job: PlanJob;
}

parentPort?.on('message', (question: WorkerQuestion) => {
  parentPort?.postMessage(answer(question));
});

function answer({ id, job }: WorkerQuestion): WorkerAnswer {
  try {
    return { id, ok: true, checked: planAndCheck(job) };
  } catch (error) {
    return { id, ok: false, error: error instanceof Error ? (error.stack ?? error.message) : '?' };
  }
}
