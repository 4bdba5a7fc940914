/**
 * kysely's dialect for SQLite in a worker thread. A durable commit waits for the disk, a tenth of
 * a second and more where others use it, too; and SQLite waits in the thread that asks. In a thread
 * of its own nobody else waits along. What it promises is the same.
 */

import { Worker } from 'node:worker_threads';

import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

import {
  errorOf,
  type ThreadAnswer,
  type ThreadResult,
  type ThreadSettings,
  type ThreadTask,
} from './thread-messages.ts';

interface Waiting {
  readonly resolve: (result: ThreadResult) => void;
  readonly reject: (error: Error) => void;
}

/** Rows of one answer at a time; what grows is SQLite's own memory. */
const SMALL = { maxYoungGenerationSizeMb: 8 };

/** One SQLite connection in a thread. */
export class SqliteThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #lost: Error | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (answer: ThreadAnswer) => this.#settle(answer));
    worker.on('error', (error) => this.#fail(error instanceof Error ? error : undefined));
    worker.on('exit', () => this.#fail(undefined));
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

  /** Rejects with what SQLite threw, or when the thread is gone: nothing is known then. */
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

  #fail(error: Error | undefined): void {
    this.#lost ??= error ?? new Error('the thread of the ledger has ended');
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(this.#lost);
  }
}

export class ThreadedSqliteDialect implements Dialect {
  readonly #thread: SqliteThread;

  constructor(thread: SqliteThread) {
    this.#thread = thread;
  }

  createDriver(): Driver {
    return new ThreadedDriver(this.#thread);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter();
  }

  // oxlint-disable-next-line no-explicit-any -- kysely's own signature
  createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** kysely lets one at a time have the connection: a transaction is not interrupted. */
class ThreadedDriver implements Driver {
  readonly #thread: SqliteThread;
  readonly #connection: DatabaseConnection;

  constructor(thread: SqliteThread) {
    this.#thread = thread;
    this.#connection = new ThreadedConnection(thread);
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.#connection);
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(): Promise<void> {
    await this.#thread.do({ kind: 'rollback' });
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return this.#thread.close();
  }
}

class ThreadedConnection implements DatabaseConnection {
  readonly #thread: SqliteThread;

  constructor(thread: SqliteThread) {
    this.#thread = thread;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const { rows, changes } = await this.#thread.do({ kind: 'query', sql, parameters });
    return { rows: rows as Row[], numAffectedRows: BigInt(changes) }; // kysely knows what it asked
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error('the ledger reads whole answers');
  }
}
