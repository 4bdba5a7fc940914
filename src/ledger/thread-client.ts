/** The main thread's side of sqlite-thread.ts: one SQLite connection in a worker thread. */

import { Worker } from 'node:worker_threads';

import {
  errorOf,
  type ThreadAnswer,
  type ThreadResult,
  type ThreadSettings,
  type ThreadTask,
} from './thread-messages.ts';

/** What was asked of the thread may have been done, or not. */
export class ThreadLost extends Error {
  constructor(why: string, cause?: unknown) {
    super(`the thread of the ledger has ended${why}`, { cause });
    this.name = 'ThreadLost';
  }
}

interface Waiting {
  readonly resolve: (result: ThreadResult) => void;
  readonly reject: (error: Error) => void;
}

/** Rows of one answer at a time; what grows is SQLite's own memory. */
const SMALL = { maxYoungGenerationSizeMb: 8 };

/** One SQLite connection in a thread, from its beginning to its end. */
export class SqliteThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #lost: ThreadLost | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (answer: ThreadAnswer) => this.#settle(answer));
    worker.on('error', (error) => this.#fail(new ThreadLost(`: ${String(error)}`, error)));
    worker.on('exit', (code) => this.#fail(new ThreadLost(` with exit code ${code}`)));
  }

  /** Rejects with what kept the file from being opened. */
  static async open(settings: ThreadSettings): Promise<SqliteThread> {
    // The same file runs as source (types stripped by node) and as built JavaScript.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const url = new URL(`./sqlite-thread.${extension}`, import.meta.url);
    const thread = new SqliteThread(
      new Worker(url, { workerData: settings, resourceLimits: SMALL }),
    );
    try {
      await thread.#answer(0);
      return thread;
    } catch (error) {
      await thread.#worker.terminate();
      throw error;
    }
  }

  /** It has ended, and answers nothing any more. */
  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Rejects with what SQLite threw, or with ThreadLost: nothing is known then. */
  do(task: ThreadTask): Promise<ThreadResult> {
    const id = this.#nextId++;
    const answer = this.#answer(id);
    this.#worker.postMessage({ id, task });
    return answer;
  }

  /** What was asked before is answered first. */
  async close(): Promise<void> {
    if (this.#lost === undefined) await this.do({ kind: 'close' });
    await this.#worker.terminate();
  }

  #answer(id: number): Promise<ThreadResult> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      // Who waits for an answer keeps the process alive, and nothing else here does.
      this.#worker.ref();
    });
  }

  #settle(answer: ThreadAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (answer.kind === 'done') waiting?.resolve(answer.result);
    else waiting?.reject(errorOf(answer.failure));
  }

  #fail(lost: ThreadLost): void {
    this.#lost ??= lost;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(this.#lost);
  }
}
