/**
 * Runs plan jobs in a worker thread, so that a big plan never stalls the event loop; nor does
 * handing over a big fleet, which goes in parts. A worker that dies is replaced; the job that it
 * held fails, and the next tick tries again.
 *
 * One worker: hosts that exchange no VMs could be searched apart, but of a second or two for 10,000
 * hosts that search is a quarter, and all else (order, timetable, objective) is about the whole.
 */

import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import type { CheckedPlan, PlanJob } from './plan-job.ts';
import type { WorkerAnswer, WorkerQuestion } from './plan-worker.ts';

interface Waiting {
  readonly resolve: (answer: LastAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly early: ((checked: CheckedPlan) => void) | undefined;
}

type LastAnswer = Exclude<WorkerAnswer, { readonly kind: 'early' | 'error' }>;
type Wish =
  | { readonly kind: 'plan'; readonly early: ((checked: CheckedPlan) => void) | undefined }
  | { readonly kind: 'pack' };

/** Hosts or VMs handed over at once: about 3 ms of the event loop. */
const PART = 500;

export interface PlanRunner {
  /** `early` is told what cannot wait (urgentPart) as soon as that is planned, where it pays. */
  run(job: PlanJob, early?: (checked: CheckedPlan) => void): Promise<CheckedPlan>;
  /** The job as it is kept (plan-inputs.ts). */
  pack(job: PlanJob): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** In a worker thread of its own. */
export class Planner implements PlanRunner {
  #worker: Worker | undefined;
  #nextId = 1;
  readonly #waiting = new Map<number, Waiting>();

  /** Rejects when the worker fails; the plan itself cannot be "wrong", only violated. */
  async run(job: PlanJob, early?: (checked: CheckedPlan) => void): Promise<CheckedPlan> {
    const answer = await this.#ask(job, { kind: 'plan', early });
    if (answer.kind === 'whole') return answer.checked;
    throw new Error('the planner packed what it was to plan');
  }

  async pack(job: PlanJob): Promise<Uint8Array> {
    const answer = await this.#ask(job, { kind: 'pack' });
    if (answer.kind === 'packed') return answer.packed;
    throw new Error('the planner planned what it was to pack');
  }

  #ask(job: PlanJob, wish: Wish): Promise<LastAnswer> {
    const worker = this.#worker ?? this.#start();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const early = wish.kind === 'plan' ? wish.early : undefined;
      this.#waiting.set(id, { resolve, reject, early });
      const rest = { ...job, snapshot: { ...job.snapshot, hosts: [], vms: [] } };
      const last: WorkerQuestion =
        wish.kind === 'pack'
          ? { id, kind: 'pack', job: rest }
          : { id, kind: 'job', job: rest, early: early !== undefined };
      const sent = this.#send(worker, job, last);
      sent.catch((error: unknown) => this.#lost(worker, toError(error)));
    });
  }

  /** The event loop is free between the parts. Ends early where nobody waits any more. */
  async #send(
    worker: Worker,
    { snapshot: { hosts, vms } }: PlanJob,
    last: WorkerQuestion,
  ): Promise<void> {
    const { id } = last;
    const parts: readonly WorkerQuestion[] = [
      ...slices(hosts).map((part) => ({ id, kind: 'hosts', hosts: part }) as const),
      ...slices(vms).map((part) => ({ id, kind: 'vms', vms: part }) as const),
    ];
    for (const part of parts) {
      if (!this.#waiting.has(id)) return;
      worker.postMessage(part);
      await setImmediate();
    }
    worker.postMessage(last);
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#failAll(new Error('the planner was closed'));
    await worker?.terminate();
  }

  #start(): Worker {
    // The same file runs as source (types stripped by node) and as built JavaScript.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./plan-worker.${extension}`, import.meta.url));
    worker.on('message', (answer: WorkerAnswer) => this.#settle(answer));
    worker.on('error', (error) => this.#lost(worker, toError(error)));
    worker.on('exit', (code) => this.#lost(worker, new Error(`the planner ended (code ${code})`)));
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #settle(answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if (answer.kind === 'early') {
      waiting?.early?.(answer.checked);
      return;
    }
    this.#waiting.delete(answer.id);
    if (answer.kind === 'error') waiting?.reject(new Error(`the planner failed: ${answer.error}`));
    else waiting?.resolve(answer);
  }

  #lost(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#failAll(error);
  }

  #failAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}

function slices<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / PART);
  return Array.from({ length: count }, (_none, at) => items.slice(at * PART, (at + 1) * PART));
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
