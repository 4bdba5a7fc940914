/**
 * What a controller knows of itself outside of the ledger, in its state folder: who it is, and the
 * highest token that it has seen of each cluster of which ledger. One that has an older token is an
 * older copy of it.
 */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

import { z } from 'zod';

import type { ClusterId } from '../domain/ids.ts';
import type { TokenMemory } from '../execute/lease-keeper-parts.ts';

const schema = z.object({
  id: z.string().min(1),
  /** Absent: written before ledgers had names, or before one was seen. */
  ledger: z.string().min(1).optional(),
  tokens: z.record(z.string(), z.number().int().nonnegative()),
});
type Contents = z.output<typeof schema>;

export class ControllerFile implements TokenMemory {
  readonly #file: string;
  readonly #id: string;
  #ledger: string | undefined;
  #tokens: Map<string, number>;

  private constructor(file: string, { id, ledger, tokens }: Contents) {
    this.#file = file;
    this.#id = id;
    this.#ledger = ledger;
    this.#tokens = new Map(Object.entries(tokens));
  }

  /**
   * Makes the file where there is none. Throws where it cannot be read or written: who forgets the
   * tokens would not see that the ledger has stepped back.
   */
  static open(file: string, newId: () => string): ControllerFile {
    const text = readIfThere(file);
    if (text !== undefined) return new ControllerFile(file, parsed(file, text));
    const made = new ControllerFile(file, { id: newId(), tokens: {} });
    made.#write(undefined, made.#tokens);
    return made;
  }

  get id(): string {
    return this.#id;
  }

  get ledger(): string | undefined {
    return this.#ledger;
  }

  adopt(ledger: string): void {
    if (ledger === this.#ledger) return;
    const tokens = this.#ledger === undefined ? this.#tokens : new Map<string, number>();
    this.#write(ledger, tokens);
    this.#ledger = ledger;
    this.#tokens = tokens;
  }

  highest(cluster: ClusterId): number {
    return this.#tokens.get(cluster) ?? 0;
  }

  remember(cluster: ClusterId, token: number): void {
    if (token <= this.highest(cluster)) return;
    // First the file: what could not be written is written at the next call.
    this.#write(this.#ledger, new Map(this.#tokens).set(cluster, token));
    this.#tokens.set(cluster, token);
  }

  /** All of it or nothing, and for good: a crash in between leaves the file as it was. */
  #write(ledger: string | undefined, tokens: ReadonlyMap<string, number>): void {
    const contents: Contents = { id: this.#id, ledger, tokens: Object.fromEntries(tokens) };
    const half = `${this.#file}.new`;
    const handle = openSync(half, 'w', 0o600);
    try {
      writeSync(handle, `${JSON.stringify(contents)}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(half, this.#file);
    keepNames(dirname(this.#file));
  }
}

/** Until then a power failure may bring back the file that was replaced. */
function keepNames(folder: string): void {
  try {
    const handle = openSync(folder, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if (!FOLDERS_UNKNOWN.some((code) => isCode(error, code))) throw error;
  }
}

/**
 * Of a file system that keeps the names by itself, or knows no such call for folders, and of a
 * folder that may be written to and not be read: the file itself is on the disk by then.
 */
const FOLDERS_UNKNOWN = [
  'EINVAL',
  'EBADF',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EACCES',
  'EPERM',
  'EISDIR',
];

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function parsed(file: string, text: string): Contents {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const hint = 'restore it, or remove it and look at drover status before anything moves';
    throw new Error(`${file} is damaged; ${hint}`, { cause: error });
  }
}
