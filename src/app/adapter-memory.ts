/**
 * What adapters keep over a restart of Drover: one file a name, in a folder of the state folder
 * that only the owner can read (definitions of guests hold the passwords of their consoles).
 */

import { chmod, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { AdapterMemory } from '../../adapters/adapter.ts';
import type { SourceId } from '../domain/ids.ts';

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
const SUFFIX = '.kept';
/** File systems take 255 bytes for a name; the rest is for the suffix and for the draft's. */
const LONGEST_NAME = 240;

export class FolderMemory implements AdapterMemory {
  readonly #folder: string;
  #isMade = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(name: string): Promise<string | undefined> {
    try {
      return await readFile(this.#file(name), 'utf8');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** All of it or nothing: a crash in between leaves what was there. */
  async write(name: string, text: string): Promise<void> {
    await this.#make();
    const file = this.#file(name);
    const draft = `${file}.new`;
    const handle = await open(draft, 'w', OWNER_ONLY_FILE);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  }

  async remove(name: string): Promise<void> {
    await rm(this.#file(name), { force: true });
  }

  async names(): Promise<readonly string[]> {
    try {
      const files = (await readdir(this.#folder)).filter((file) => file.endsWith(SUFFIX));
      return files.map((file) => decodeURIComponent(file.slice(0, -SUFFIX.length))).sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  #file(name: string): string {
    return join(this.#folder, `${fileNameOf(name)}${SUFFIX}`);
  }

  async #make(): Promise<void> {
    if (this.#isMade) return;
    await mkdir(this.#folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
    await chmod(this.#folder, OWNER_ONLY_FOLDER);
    this.#isMade = true;
  }
}

/** Each source has a folder of its own. */
export function memoryOf(stateDir: string, source: SourceId): AdapterMemory {
  return new FolderMemory(join(stateDir, 'sources', fileNameOf(source)));
}

/** Throws RangeError for a name that makes no file name. */
function fileNameOf(name: string): string {
  const encoded = encodeURIComponent(name).replaceAll('.', '%2E');
  if (encoded === '' || encoded.length > LONGEST_NAME) {
    throw new RangeError(`${name.slice(0, 40)}…: too long for the name of a file`);
  }
  return encoded;
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
