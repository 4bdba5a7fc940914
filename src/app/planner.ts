/**
 * Runs plan jobs in a worker thread, so that a big plan never stalls the event loop. A worker
 * that dies is replaced; the job that it held fails, and the next tick tries again.
 */

import { Worker } from 'node:worker_threads';

import type { CheckedPlan, PlanJob } from './plan-job.ts';
import type { WorkerAnswer, WorkerQuestion } from './plan-worker.ts';

interface Waiting {
  readonly resolve: (checked: CheckedPlan) => void;
  readonly reject: (error: Error) => void;
}

export interface PlanRunner {
  run(job: PlanJob): Promise<CheckedPlan>;
  close(): Promise<void>;
}

/** In a worker thread of its own. */
export class Planner implements PlanRunner {
  #worker: Worker | undefined;
  #nextId = 1;
  readonly #waiting = new Map<number, Waiting>();

  /** Rejects when the worker fails; the plan itself cannot be "wrong", only violated. */
  run(job: PlanJob): Promise<CheckedPlan> {
    const worker = this.#worker ?? this.#start();
    const question: WorkerQuestion = { id: this.#nextId++, job };
    return new Promise((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      worker.postMessage(question);
    });
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
    this.#waiting.delete(answer.id);
    if (answer.ok) waiting?.resolve(answer.checked);
    else waiting?.reject(new Error(`the planner failed: ${answer.error}`));
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

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
