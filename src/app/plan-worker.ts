/**
 * The worker's side of the planner: a fleet in parts and a job in, the checked plan (or the error)
 * out, before it the plan of what cannot wait, where that was asked for. A job that something more
 * urgent has come after is given up at the next step of its search. Or the job, packed to be kept.
 */

import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

import { type Fleet, type FleetPart, hearFleet } from './fleet-parts.ts';
import { packInputs } from './plan-inputs.ts';
import { planUntil, urgentPart, type CheckedPlan, type PlanJob } from './plan-job.ts';
import { Practice, practiceFindings } from './practice.ts';
import { SpareMemory } from './spare-memory.ts';

/** Given to the worker when it starts. */
export interface PlannerSettings {
  /** Shared: plans of jobs with an id below the number in it are not wanted any more. */
  readonly stopBefore: Int32Array;
}

export type WorkerAnswer =
  | { readonly id: number; readonly kind: 'early' | 'whole'; readonly checked: CheckedPlan }
  | { readonly id: number; readonly kind: 'packed'; readonly packed: Uint8Array }
  | { readonly id: number; readonly kind: 'superseded' }
  | { readonly id: number; readonly kind: 'error'; readonly error: string };

type Asked =
  | { readonly id: number; readonly kind: 'pack'; readonly job: PlanJob }
  | { readonly id: number; readonly kind: 'job'; readonly job: PlanJob; readonly early: boolean };

/** In this order, and not those of two jobs mixed; the job has no hosts and VMs in it. */
export type WorkerQuestion =
  | { readonly id: number; readonly kind: 'fleet'; readonly isWhole: boolean }
  | { readonly id: number; readonly kind: 'part'; readonly part: FleetPart }
  | Asked;

class Superseded extends Error {}

const { stopBefore } = workerData as PlannerSettings; // given by Planner
let held: Fleet | undefined;
const practice = new Practice();
const spareMemory = new SpareMemory();
/** What has come of the fleet whose last part has not. */
let coming: { readonly isWhole: boolean; readonly parts: FleetPart[] } = {
  isWhole: true,
  parts: [],
};

parentPort?.on('message', (question: WorkerQuestion) => {
  switch (question.kind) {
    case 'fleet':
      coming = { isWhole: question.isWhole, parts: [] };
      // Two fleets at a time are one too many.
      if (question.isWhole) held = undefined;
      break;
    case 'part':
      coming.parts.push(question.part);
      break;
    case 'pack':
    case 'job': {
      held = hearFleet(held, coming);
      coming = { isWhole: true, parts: [] };
      const job = { ...question.job, snapshot: { ...question.job.snapshot, ...held } };
      answer(question, job);
      spareMemory.soon();
      void practise(job, practice.roundsFor(job.snapshot.vms.length));
    }
  }
});

/** Between the rounds it hears what it is asked; within one, only what cannot wait. */
async function practise(job: PlanJob, rounds: number): Promise<void> {
  if (rounds === 0) return;
  const findings = practiceFindings(job.snapshot.hosts);
  const urgentBefore = Atomics.load(stopBefore, 0);
  const shouldStop = (): boolean => {
    if (Atomics.load(stopBefore, 0) !== urgentBefore) throw new Superseded();
    // A first answer is what there is to practise: the long search compiles itself.
    return true;
  };
  try {
    for (let round = 0; round < rounds; round += 1) {
      // The first answer to an order has ways of its own.
      for (const isFirst of [false, true]) {
        await setImmediate();
        planUntil({ ...job, findings, isFirst }, shouldStop);
      }
    }
  } catch {
    // Superseded, or what the next real job will fail at and tell.
  }
}

function answer(question: Asked, job: PlanJob): void {
  const { id } = question;
  const tell = (said: WorkerAnswer): void => parentPort?.postMessage(said);
  const giveUp = (): boolean => {
    if (id < Atomics.load(stopBefore, 0)) throw new Superseded();
    return false;
  };
  try {
    if (question.kind === 'pack') {
      tell({ id, kind: 'packed', packed: packInputs(job) });
      return;
    }
    giveUp();
    const urgent = question.early ? urgentPart(job) : undefined;
    if (urgent !== undefined) {
      tell({ id, kind: 'early', checked: planUntil(urgent, giveUp) });
      giveUp();
    }
    tell({ id, kind: 'whole', checked: planUntil(job, giveUp) });
  } catch (error) {
    if (error instanceof Superseded) {
      tell({ id, kind: 'superseded' });
      return;
    }
    const said = error instanceof Error ? (error.stack ?? error.message) : '?';
    tell({ id, kind: 'error', error: said });
  }
}
