/**
 * The daemon's state folder (the ledger lies there), and the access file by which the CLI on the
 * same machine finds the daemon and is let in. Only the owner can read either.
 */

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { z } from 'zod';

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
const TOKEN_BYTES = 32;

const accessSchema = z.object({ server: z.string(), token: z.string(), pid: z.number() });
export type CliAccess = z.infer<typeof accessSchema>;

/** Makes the folder (0700). Throws what the file system throws. */
export function makeStateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
  chmodSync(folder, OWNER_ONLY_FOLDER);
}

/** The embedded ledger; SQLite keeps its side files beside it. */
export function ledgerFileIn(folder: string): string {
  return join(folder, 'ledger.db');
}

export function makeToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** Tells the CLI where the daemon listens and with which token it is let in. */
export function writeCliAccess(file: string, access: CliAccess): void {
  makeStateFolder(dirname(file));
  rmSync(file, { force: true });
  writeFileSync(file, `${JSON.stringify(access)}\n`, { mode: OWNER_ONLY_FILE });
}

/** Leaves the file of another daemon, which came later and wrote its own. */
export function removeCliAccess(file: string, token: string): void {
  if (readCliAccess(file)?.token !== token) return;
  rmSync(file, { force: true });
}

/** Undefined when no daemon left one there, or it is not readable for this user. */
export function readCliAccess(file: string): CliAccess | undefined {
  try {
    return accessSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // Absent, unreadable or half-written: in each case there is no way in from here.
    return undefined;
  }
}
