/**
 * What is no text for every store is made one before it reaches any: U+0000, which PostgreSQL
 * refuses, and halves of surrogate pairs, which are no UTF-8, are stored as U+FFFD (the Unicode
 * Standard's own replacement). Words of hypervisors, alerts and hooks may hold them, and one such
 * word must not keep a move from being written down. Ids are looked for in the same spelling that
 * they were stored in, since every statement passes here.
 */

import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  Driver,
  QueryResult,
  TransactionSettings,
} from 'kysely';

export const REPLACEMENT = '\ufffd';

/**
 * A regular expression for the same as JSON.stringify writes it, escaped. A body of JSON that holds
 * it is a text like others, which every store takes; but PostgreSQL reads nothing from such JSON.
 */
export const NO_TEXT_JSON = String.raw`\\u(0000|d[89a-f][0-9a-f]{2})`;

export function withStorableTexts(dialect: Dialect): Dialect {
  return {
    createDriver: () => new StorableDriver(dialect.createDriver()),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
  };
}

function storable(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (!value.includes('\0') && value.isWellFormed()) return value;
  return value.toWellFormed().replaceAll('\0', REPLACEMENT);
}

class StorableConnection implements DatabaseConnection {
  readonly inner: DatabaseConnection;

  constructor(inner: DatabaseConnection) {
    this.inner = inner;
  }

  executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    return this.inner.executeQuery({ ...query, parameters: query.parameters.map(storable) });
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error('the ledger reads whole answers');
  }
}

class StorableDriver implements Driver {
  readonly #inner: Driver;

  constructor(inner: Driver) {
    this.#inner = inner;
  }

  init(): Promise<void> {
    return this.#inner.init();
  }

  async acquireConnection(): Promise<StorableConnection> {
    return new StorableConnection(await this.#inner.acquireConnection());
  }

  beginTransaction({ inner }: StorableConnection, settings: TransactionSettings): Promise<void> {
    return this.#inner.beginTransaction(inner, settings);
  }

  commitTransaction({ inner }: StorableConnection): Promise<void> {
    return this.#inner.commitTransaction(inner);
  }

  rollbackTransaction({ inner }: StorableConnection): Promise<void> {
    return this.#inner.rollbackTransaction(inner);
  }

  releaseConnection({ inner }: StorableConnection): Promise<void> {
    return this.#inner.releaseConnection(inner);
  }

  destroy(): Promise<void> {
    return this.#inner.destroy();
  }
}
