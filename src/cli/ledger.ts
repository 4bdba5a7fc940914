/**
 * The ledger that a verb reads by itself, without asking a daemon: which one, and its errors in
 * words. Named by --config it is the file in the state folder or the database; by --state the file.
 */

import type { Command } from 'commander';

import { ledgerFileIn } from '../app/state-folder.ts';
import { loadPlace } from '../config/daemon.ts';
import { formatProblem } from '../config/problem.ts';
import type { LedgerPlace, LedgerReader } from '../ledger/ledger-reader.ts';
import { LedgerError } from '../ports/ledger.ts';
import { type StateOptions, stateFolder } from './access.ts';
import { CliError, EXIT, type Io } from './io.ts';

export interface LedgerOptions extends StateOptions {
  readonly json?: boolean;
}

export function ledgerOptions(command: Command): Command {
  return command
    .option('--state <folder>', 'the state folder (default: $DROVER_STATE_DIR)')
    .option('--config <file>', 'the ledger of this drover.yaml: a file, or a PostgreSQL database')
    .option('--json', 'print JSON');
}

const NO_LEDGER_HINT =
  'name the ledger: --config drover.yaml (needed where it is on PostgreSQL), or --state FOLDER';

/** Throws CliError where there is no such ledger, or it cannot be read. */
export async function withLedger<Value>(
  io: Io,
  options: LedgerOptions,
  read: (ledger: LedgerReader) => Promise<Value>,
): Promise<Value> {
  const place = await placeOf(io, options);
  const { readLedger } = await import('../ledger/ledger-reader.ts');
  try {
    return await readLedger(place, read);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw new CliError(EXIT.unavailable, error.message, NO_LEDGER_HINT);
  }
}

async function placeOf(io: Io, options: LedgerOptions): Promise<LedgerPlace> {
  // Says first what is wrong with the options.
  const { folder } = await stateFolder(io, options);
  const file = { kind: 'file', file: ledgerFileIn(folder) } as const;
  if (options.config === undefined) return file;
  const place = await loadPlace(options.config, io.env, 'ledger');
  if (!place.ok) throw new CliError(EXIT.usage, place.error.map(formatProblem).join('\n'));
  const { ledger } = place.value;
  return ledger === undefined ? file : { kind: 'postgres', ...ledger };
}
