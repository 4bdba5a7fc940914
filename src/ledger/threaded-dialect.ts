/**
 * kysely's dialect for SQLite in a worker thread. A durable commit waits for the disk, a tenth of
 * a second and more where others use it, too; and SQLite waits in the thread that asks. In a thread
 * of its own nobody else waits along. What it promises is the same.
 *
 * A thread that ends is followed by another (ThreadKeeper); a transaction never is: each connection
 * that kysely takes belongs to one thread, and dies with it.
 */

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

import type { SqliteThread } from './thread-client.ts';
import type { ThreadKeeper } from './thread-keeper.ts';

export class ThreadedSqliteDialect implements Dialect {
  readonly #threads: ThreadKeeper;

  constructor(threads: ThreadKeeper) {
    this.#threads = threads;
  }

  createDriver(): Driver {
    return new ThreadedDriver(this.#threads);
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
  readonly #threads: ThreadKeeper;

  constructor(threads: ThreadKeeper) {
    this.#threads = threads;
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  /** Never rejects: kysely would wait for the connection for ever. The first statement does. */
  acquireConnection(): Promise<ThreadedConnection> {
    return Promise.resolve(new ThreadedConnection(this.#threads));
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: ThreadedConnection): Promise<void> {
    await connection.rollback();
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return this.#threads.close();
  }
}

class ThreadedConnection implements DatabaseConnection {
  readonly #threads: ThreadKeeper;
  #thread: Promise<SqliteThread> | undefined;

  constructor(threads: ThreadKeeper) {
    this.#threads = threads;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    this.#thread ??= this.#threads.running();
    const thread = await this.#thread;
    const { rows, changes } = await thread.do({ kind: 'query', sql, parameters });
    return { rows: rows as Row[], numAffectedRows: BigInt(changes) }; // kysely knows what it asked
  }

  /** Of a thread that has ended, SQLite rolls back what was not committed by itself. */
  async rollback(): Promise<void> {
    const thread = await this.#thread;
    if (thread?.isLost === false) await thread.do({ kind: 'rollback' });
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error('the ledger reads whole answers');
  }
}
