/**
 * The worker's side of the planner: a fleet in parts and a job in, the checked plan (or the error)
 * out, before it the plan of what cannot wait, where that was asked for. Or the job, packed to be
 * kept.
 */

import { parentPort } from 'node:worker_threads';

import type { Host } from '../domain/host.ts';
import type { Vm } from '../domain/vm.ts';
import { packInputs } from './plan-inputs.ts';
import { planAndCheck, urgentPart, type CheckedPlan, type PlanJob } from './plan-job.ts';

export type WorkerAnswer =
  | { readonly id: number; readonly kind: 'early'; readonly checked: CheckedPlan }
  | { readonly id: number; readonly kind: 'whole'; readonly checked: CheckedPlan }
  | { readonly id: number; readonly kind: 'packed'; readonly packed: Uint8Array }
  | { readonly id: number; readonly kind: 'error'; readonly error: string };

/** Of one id in this order: its fleet in parts, then the job without: to plan, or to be packed. */
export type WorkerQuestion =
  | { readonly id: number; readonly kind: 'hosts'; readonly hosts: readonly Host[] }
  | { readonly id: number; readonly kind: 'vms'; readonly vms: readonly Vm[] }
  | { readonly id: number; readonly kind: 'pack'; readonly job: PlanJob }
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
    answer(question, { ...question.job, snapshot: { ...question.job.snapshot, ...fleet } });
  }
});

function answer(question: Exclude<WorkerQuestion, { kind: 'hosts' | 'vms' }>, job: PlanJob): void {
  const { id } = question;
  const tell = (said: WorkerAnswer): void => parentPort?.postMessage(said);
  try {
    if (question.kind === 'pack') {
      tell({ id, kind: 'packed', packed: packInputs(job) });
      return;
    }
    const urgent = question.early ? urgentPart(job) : undefined;
    if (urgent !== undefined) tell({ id, kind: 'early', checked: planAndCheck(urgent) });
    tell({ id, kind: 'whole', checked: planAndCheck(job) });
  } catch (error) {
    const said = error instanceof Error ? (error.stack ?? error.message) : '?';
    tell({ id, kind: 'error', error: said });
  }
}
