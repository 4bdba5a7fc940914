/** The worker's side of thread-client.ts: one SQLite connection, statements in, rows out. */

import { parentPort, workerData } from 'node:worker_threads';

import type Database from 'better-sqlite3';

import { assertNever } from '../domain/result.ts';
import { CompiledStatements } from './compiled-statements.ts';
import { connectSqlite } from './sqlite-connection.ts';
import {
  failureOf,
  type ThreadAnswer,
  type ThreadQuestion,
  type ThreadResult,
  type ThreadSettings,
  type ThreadTask,
} from './thread-messages.ts';

const NOTHING: ThreadResult = { rows: [], changes: 0 };

class Connection {
  readonly #db: Database.Database;
  readonly #statements: CompiledStatements;

  constructor({ file, maxBytes }: ThreadSettings) {
    this.#db = connectSqlite(file, maxBytes);
    this.#statements = new CompiledStatements(this.#db);
  }

  do(task: ThreadTask): ThreadResult {
    switch (task.kind) {
      case 'query':
        return this.#query(task.sql, task.parameters);
      case 'rollback':
        if (this.#db.inTransaction) this.#db.exec('rollback');
        return NOTHING;
      case 'close':
        this.#statements.close();
        return NOTHING;
      default:
        return assertNever(task, 'task of the ledger');
    }
  }

  #query(sql: string, parameters: readonly unknown[]): ThreadResult {
    const statement = this.#statements.prepare(sql);
    if (statement.reader) return { rows: statement.all(parameters), changes: 0 };
    return { rows: [], changes: statement.run(parameters).changes };
  }
}

function tell(answer: ThreadAnswer): void {
  parentPort?.postMessage(answer);
}

function attempt(id: number, work: () => ThreadResult): void {
  try {
    tell({ id, kind: 'done', result: work() });
  } catch (error) {
    tell({ id, kind: 'failed', failure: failureOf(error) });
  }
}

attempt(0, () => {
  const connection = new Connection(workerData as ThreadSettings); // given by SqliteThread.open
  parentPort?.on('message', ({ id, task }: ThreadQuestion) =>
    attempt(id, () => connection.do(task)),
  );
  return NOTHING;
});
