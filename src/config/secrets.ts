/**
 * Secrets: written in place, in a file, or in the environment. Messages name where a secret was
 * looked for, never what it is.
 */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { own } from '../domain/own.ts';
import { type Result, fail, ok } from '../domain/result.ts';

export interface SecretEntry {
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly tokenEnv?: string | undefined;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths start from. */
  readonly folder: string;
}

export function readSecret(entry: SecretEntry, around: Surroundings): Result<string, string> {
  const { token, tokenFile, tokenEnv } = entry;
  const given = [token, tokenFile, tokenEnv].filter((one) => one !== undefined);
  if (given.length !== 1) return fail('needs exactly one of token, tokenFile and tokenEnv');
  if (tokenFile !== undefined) return fromFile(resolve(around.folder, tokenFile));
  const secret = tokenEnv === undefined ? token : own(around.env, tokenEnv);
  if (secret === undefined || secret === '') {
    return fail(`the environment variable ${tokenEnv ?? ''} is not set`);
  }
  return ok(secret);
}

function fromFile(path: string): Result<string, string> {
  try {
    const secret = readFileSync(path, 'utf8').trim();
    return secret === '' ? fail(`${path} is empty`) : ok(secret);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'error';
    return fail(`${path} cannot be read: ${code}`);
  }
}
