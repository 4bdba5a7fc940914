/**
 * The worker's side of the planner: a fleet in parts and a job in, the checked plan (or the error)
 * out, before it the plan of what cannot wait, where that was asked for.
 */

import { parentPort } from 'node:worker_threads';

import type { Host } from '../domain/host.ts';
import type { Vm } from '../domain/vm.ts';
import { planAndCheck, urgentPart, type CheckedPlan, type PlanJob } from './plan-job.ts';

export type WorkerAnswer =
  | { readonly id: number; readonly kind: 'early' | 'whole'; readonly checked: CheckedPlan }
  | { readonly id: number; readonly kind: 'error'; readonly error: string };

/** Of one id in this order: the parts of its fleet, then the job, with no hosts and VMs in it. */
export type WorkerQuestion =
  | { readonly id: number; readonly kind: 'hosts'; readonly hosts: readonly Host[] }
  | { readonly id: number; readonly kind: 'vms'; readonly vms: readonly Vm[] }
  | { readonly id: number; readonly kind: 'job'; readonly job: PlanJob; readonly early: boolean };

interface Fleet {
  readonly hosts: Host[];
  readonly vms: Vm[];
}

/** What has come of jobs whose last part has not. */
const fleets = new Map<number, Fleet>();

parentPort?.on('message', (question: WorkerQuestion) => {
  const fleet = fleets.get(question.id) ?? { hosts: [], vms: [] };
  fleets.set(question.id, fleet);
  if (question.kind === 'hosts') fleet.hosts.push(...question.hosts);
  else if (question.kind === 'vms') fleet.vms.push(...question.vms);
  else {
    fleets.delete(question.id);
    const { id, job, early } = question;
    answer(id, { ...job, snapshot: { ...job.snapshot, ...fleet } }, early);
  }
});

function answer(id: number, job: PlanJob, early: boolean): void {
  const tell = (said: WorkerAnswer): void => parentPort?.postMessage(said);
  try {
    const urgent = early ? urgentPart(job) : undefined;
    if (urgent !== undefined) tell({ id, kind: 'early', checked: planAndCheck(urgent) });
    tell({ id, kind: 'whole', checked: planAndCheck(job) });
  } catch (error) {
    const said = error instanceof Error ? (error.stack ?? error.message) : '?';
    tell({ id, kind: 'error', error: said });
  }
}
