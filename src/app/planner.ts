/**
 * Runs plan jobs in a worker thread, so that a big plan never stalls the event loop; nor does
 * handing over a big fleet, which goes in parts, and of which the worker keeps the newest: of one
 * that differs in a few hosts and VMs only those are handed over. A job that cannot wait stops the
 * one that is being planned. A worker that dies is replaced, by one with more memory where it had
 * too little; the jobs that it held fail, and the next tick tries again.
 *
 * One worker: hosts that exchange no VMs could be searched apart, but of a second or two for 10,000
 * hosts that search is a quarter, and all else (order, timetable, objective) is about the whole.
 */

import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { type ResourceLimits, Worker } from 'node:worker_threads';

import { type Fleet, packed, tellFleet } from './fleet-parts.ts';
import type { CheckedPlan, PlanJob } from './plan-job.ts';
import type { PlannerSettings, WorkerAnswer, WorkerQuestion } from './plan-worker.ts';
import { Turns } from '../domain/turns.ts';

interface Waiting {
  readonly resolve: (answer: LastAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly early: ((checked: CheckedPlan) => void) | undefined;
}

type LastAnswer = Exclude<WorkerAnswer, { readonly kind: 'early' | 'superseded' | 'error' }>;

/** What is asked for about a job. */
type Wish =
  | { readonly kind: 'plan'; readonly early: ((checked: CheckedPlan) => void) | undefined }
  | { readonly kind: 'pack' };

/** Something that cannot wait was to be planned instead; ask again where it is still wanted. */
export class PlanSuperseded extends Error {
  constructor() {
    super('something more urgent was planned instead');
    this.name = 'PlanSuperseded';
  }
}

/** For `catch`: undefined where the plan was superseded; rethrows everything else. */
export function ifSuperseded(error: unknown): undefined {
  if (!(error instanceof PlanSuperseded)) throw error;
}

export interface PlanRunner {
  /** `early` is told what cannot wait (urgentPart) as soon as that is planned, where it pays. */
  run(job: PlanJob, early?: (checked: CheckedPlan) => void): Promise<CheckedPlan>;
  /** The job as it is kept (plan-inputs.ts). */
  pack(job: PlanJob): Promise<Uint8Array>;
  /**
   * Before all others, which reject with PlanSuperseded. Absent: plans are made at once in any
   * case, one after the other.
   */
  runUrgent?(job: PlanJob): Promise<CheckedPlan>;
  close(): Promise<void>;
}

/** A third of it holds what a plan makes before a part of that is copied. */
const YOUNG_MIB = 24;
/** From here on for threads only: that of the main thread was taken when it began. */
const NO_COMMON_BOUND = '--max-semi-space-size=0';
const LEAST_OLD_MIB = 256;
/** Three times what lives. */
const OLD_KIB_PER_VM = 12;

/** One thread, and what it knows. */
interface Thread {
  readonly worker: Worker;
  /** Holds the id of the newest urgent job: every job before that is to stop. */
  readonly stopBefore: Int32Array;
  /** The newest fleet that was handed over whole. */
  held: Fleet | undefined;
  /** Fleets are handed over one after the other. */
  readonly turns: Turns;
}

/** In a worker thread of its own. */
export class Planner implements PlanRunner {
  readonly #leastOldMib: number;
  /** Doubled each time that a thread has run out of its memory. */
  #growth = 1;
  #thread: Thread | undefined;
  #nextId = 1;
  readonly #waiting = new Map<number, Waiting>();

  /** @param leastOldMib what a thread's heap may grow to, however small the fleet. */
  constructor(leastOldMib = LEAST_OLD_MIB) {
    this.#leastOldMib = leastOldMib;
  }

  /**
   * Rejects when the worker fails, or with PlanSuperseded; the plan itself cannot be "wrong", only
   * violated.
   */
  run(job: PlanJob, early?: (checked: CheckedPlan) => void): Promise<CheckedPlan> {
    return this.#plan(this.#nextId++, job, early);
  }

  async pack(job: PlanJob): Promise<Uint8Array> {
    const answer = await this.#ask(this.#nextId++, job, { kind: 'pack' });
    if (answer.kind === 'packed') return answer.packed;
    throw new Error('the planner planned what it was to pack');
  }

  runUrgent(job: PlanJob): Promise<CheckedPlan> {
    const id = this.#nextId++;
    const { stopBefore } = this.#thread ?? this.#start(job);
    Atomics.store(stopBefore, 0, id);
    return this.#plan(id, job, undefined);
  }

  async #plan(id: number, job: PlanJob, early: Waiting['early']): Promise<CheckedPlan> {
    const answer = await this.#ask(id, job, { kind: 'plan', early });
    if (answer.kind !== 'packed') return answer.checked;
    throw new Error('the planner packed what it was to plan');
  }

  #ask(id: number, job: PlanJob, wish: Wish): Promise<LastAnswer> {
    const thread = this.#thread ?? this.#start(job);
    return new Promise((resolve, reject) => {
      const early = wish.kind === 'plan' ? wish.early : undefined;
      this.#waiting.set(id, { resolve, reject, early });
      thread.turns
        .take(() => this.#send(thread, { id, job, wish }))
        .catch((error: unknown) => this.#lost(thread, toError(error)));
    });
  }

  /** The event loop is free between the parts. Ends early where nobody waits any more. */
  async #send(
    thread: Thread,
    { id, job, wish }: { readonly id: number; readonly job: PlanJob; readonly wish: Wish },
  ): Promise<void> {
    const { snapshot } = job;
    const { isWhole, parts } = tellFleet(snapshot, thread.held);
    const post = (question: WorkerQuestion): void => thread.worker.postMessage(question);
    post({ id, kind: 'fleet', isWhole });
    for (const part of parts) {
      // Also before the first: what was done until here has had its share of this turn.
      await setImmediate();
      if (!this.#waiting.has(id)) return;
      post({ id, kind: 'part', part: packed(part) });
    }
    thread.held = { hosts: snapshot.hosts, vms: snapshot.vms };
    const rest = { ...job, snapshot: { ...snapshot, hosts: [], vms: [] } };
    if (wish.kind === 'pack') post({ id, kind: 'pack', job: rest });
    else post({ id, kind: 'job', job: rest, early: wish.early !== undefined });
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#failAll(new Error('the planner was closed'));
    await thread?.worker.terminate();
  }

  #start({ snapshot }: PlanJob): Thread {
    // The same file runs as source (types stripped by node) and as built JavaScript.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const stopBefore = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const url = new URL(`./plan-worker.${extension}`, import.meta.url);
    const workerData: PlannerSettings = { stopBefore };
    // V8 heeds the bound that the launcher sets for the whole process before that of a thread.
    setFlagsFromString(NO_COMMON_BOUND);
    const worker = new Worker(url, {
      workerData,
      resourceLimits: this.#memoryFor(snapshot.vms.length),
    });
    const thread: Thread = { worker, stopBefore, held: undefined, turns: new Turns() };
    worker.on('message', (answer: WorkerAnswer) => this.#settle(answer));
    worker.on('error', (error) => this.#lost(thread, toError(error)));
    worker.on('exit', (code) => this.#lost(thread, new Error(`the planner ended (code ${code})`)));
    worker.unref();
    this.#thread = thread;
    return thread;
  }

  /**
   * What the thread's heap may grow to. With V8's own limits garbage stays until it is several
   * times what lives: of 20,000 VMs that is 80 MiB. One that a fleet has outgrown, by its number of
   * VMs or by what each of them has to tell, dies; the one after it may grow to twice as much.
   */
  #memoryFor(vms: number): ResourceLimits {
    const old = Math.max(this.#leastOldMib, Math.ceil((vms * OLD_KIB_PER_VM) / 1024));
    return { maxYoungGenerationSizeMb: YOUNG_MIB, maxOldGenerationSizeMb: old * this.#growth };
  }

  #settle(answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if (answer.kind === 'early') {
      waiting?.early?.(answer.checked);
      return;
    }
    this.#waiting.delete(answer.id);
    if (answer.kind === 'superseded') waiting?.reject(new PlanSuperseded());
    else if (answer.kind === 'error')
      waiting?.reject(new Error(`the planner failed: ${answer.error}`));
    else waiting?.resolve(answer);
  }

  #lost(thread: Thread, error: Error): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') this.#growth *= 2;
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
