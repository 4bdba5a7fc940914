/**
 * The embedded ledger: one SQLite file on a local disk, one process. It refuses to start rather
 * than to promise what the store does not keep: durability is set and read back, the file is
 * checked, the schema is brought up to date, the folder is locked.
 */

import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { type Dialect, Kysely, sql } from 'kysely';

import type { Bytes, Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import type { Reach } from './group-commit.ts';
import { keptDatabase, type KeptFile, keptLog, watchFiles } from './kept-files.ts';
import { assertOwnLog, noteOwnLog } from './log-owner.ts';
import { migrate } from './migrate.ts';
import type { LedgerSchema } from './schema.ts';
import { SqlLedger } from './sql-ledger.ts';
import { connectSqlite, IN_MEMORY } from './sqlite-connection.ts';
import { LedgerSqliteDialect } from './sqlite-dialect.ts';
import { isHeldByAnother, translateSqliteError } from './sqlite-errors.ts';
import { lockStateFolder, type StateLock } from './state-lock.ts';
import { withStorableTexts } from './storable-texts.ts';
import { ThreadLost } from './thread-client.ts';
import { ThreadKeeper } from './thread-keeper.ts';
import { ThreadedSqliteDialect } from './threaded-dialect.ts';

export interface SqliteLedgerOptions {
  /** The database's file, in a folder of its own (made where it is missing), or `:memory:`. */
  readonly file: string;
  readonly clock: Clock;
  /** Writes are refused (`full`) beyond this size; undefined: as large as the disk allows. */
  readonly maxBytes?: Bytes;
  /** The disk is waited for in a worker thread: for whoever has something else to do meanwhile. */
  readonly inThread?: boolean;
}

/**
 * Opens, locks, checks and migrates. Rejects with LedgerError: `in-use` (names the process that
 * holds the folder), `corrupt`, `read-only`, `full`, `newer-schema`, `unsafe`, `io`.
 */
export async function openSqliteLedger(options: SqliteLedgerOptions): Promise<Ledger> {
  const { clock } = options;
  const file = options.file === IN_MEMORY ? IN_MEMORY : resolve(options.file);
  const translate = (error: unknown): LedgerError => translateSqliteError(error, file);
  const lock = file === IN_MEMORY ? undefined : lockFolderOf(file);
  let db: Kysely<LedgerSchema> | undefined;
  try {
    if (lock !== undefined) assertOwnLog(file);
    const { dialect, log } = await openStore(file, options);
    db = new Kysely<LedgerSchema>({ dialect: withStorableTexts(dialect) });
    await migrate(db, 'sqlite', file);
    const now = () => sql<number>`${clock.now()}`;
    const traits = { now, concurrentWriters: false, reachOf, hurry: () => Promise.resolve() };
    const files = lock === undefined ? [] : [lock.file, keptDatabase(file)];
    const guard = watchFiles(
      () => [...files, ...log()],
      () => clock.monotonic(),
    );
    return SqlLedger.on({ db, clock, translate, traits, guard, onClose: () => lock?.release() });
  } catch (error) {
    await db?.destroy().catch(() => undefined);
    lock?.release();
    throw translate(error);
  }
}

/**
 * Of a thread that has ended nobody knows whether it has committed. And a file that another process
 * holds it holds against every write alike, each of which would wait as long as the first.
 */
function reachOf(error: unknown): Reach {
  if (error instanceof ThreadLost) return 'all';
  return isHeldByAnother(error) ? 'all' : 'unknown';
}

interface Store {
  readonly dialect: Dialect;
  /** The files of the log that is written now: none while there is no connection. */
  readonly log: () => readonly KeptFile[];
}

async function openStore(
  file: string,
  { clock, maxBytes, inThread }: SqliteLedgerOptions,
): Promise<Store> {
  const keptNow = (): readonly KeptFile[] => {
    if (file === IN_MEMORY) return [];
    noteOwnLog(file);
    return keptLog(file);
  };
  if (inThread !== true) {
    const dialect = new LedgerSqliteDialect(connectSqlite(file, maxBytes));
    const log = keptNow();
    return { dialect, log: () => log };
  }
  const settings = { file, maxBytes };
  const monotonic = (): Seconds => clock.monotonic();
  let log: readonly KeptFile[] = [];
  const onOpened = (): void => {
    log = keptNow();
  };
  const keeper = await ThreadKeeper.open({ settings, monotonic, onOpened });
  // SQLite makes the log anew for the next thread.
  return { dialect: new ThreadedSqliteDialect(keeper), log: () => (keeper.isLost ? [] : log) };
}

function lockFolderOf(file: string): StateLock {
  const folder = dirname(file);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw translateSqliteError(error, folder);
  }
  return lockStateFolder(folder);
}
