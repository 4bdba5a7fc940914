/**
 * What is read from a store is written down first and told then: whoever reads our words may take
 * an hour for a page (`| less`), and a store that has to show one moment for so long grows. It is
 * told as slowly as it is read, so that it is never in memory whole.
 */

import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes in memory at a time. */
const PIECE = 1 << 20;

export interface Spooling {
  /** Reads the store; `write` adds text. */
  readonly fill: (write: (text: string) => Promise<void>) => Promise<void>;
  /** Gets all of it afterwards, in pieces; resolves when the reader has taken the piece. */
  readonly tell: (text: string) => Promise<void>;
  readonly stop: AbortSignal;
}

/** Rejects with the reason of `stop` when that is aborted first, however long `tell` waits. */
export async function spool({ fill, tell, stop }: Spooling): Promise<void> {
  const file = await openNameless();
  try {
    await fill(async (text) => {
      stop.throwIfAborted();
      await file.appendFile(text);
    });
    await tellAll(file, tell, stop);
  } finally {
    await file.close();
  }
}

/** The system takes it back with the process, however that ends. */
async function openNameless(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-export-'));
  try {
    return await open(join(folder, 'text'), 'wx+', 0o600);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function tellAll(file: FileHandle, tell: Spooling['tell'], stop: AbortSignal): Promise<void> {
  const stopped = rejectionOf(stop);
  const stream = file.createReadStream({
    start: 0,
    encoding: 'utf8',
    highWaterMark: PIECE,
    autoClose: false,
  });
  for await (const text of stream) await Promise.race([stopped, tell(String(text))]);
}

function rejectionOf(stop: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined); // also where nobody waits for it any more
  const onAbort = (): void => reject(stop.reason);
  if (stop.aborted) onAbort();
  else stop.addEventListener('abort', onAbort, { once: true });
  return promise;
}
