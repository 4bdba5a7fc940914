/**
 * What is read from a store is written down first and told then: whoever reads our words may take
 * an hour for a page (`| less`), and a store that has to show one moment for so long grows.
 */

import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes in memory at a time. */
const PIECE = 1 << 20;

/** @param write adds text; @param tell gets all of it afterwards, in pieces. */
export async function spool(
  fill: (write: (text: string) => Promise<void>) => Promise<void>,
  tell: (text: string) => void,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-export-'));
  try {
    const file = await open(join(folder, 'text'), 'wx+', 0o600);
    try {
      await fill((text) => file.appendFile(text));
      await tellAll(file, tell);
    } finally {
      await file.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function tellAll(file: FileHandle, tell: (text: string) => void): Promise<void> {
  const stream = file.createReadStream({
    start: 0,
    encoding: 'utf8',
    highWaterMark: PIECE,
    autoClose: false,
  });
  for await (const text of stream) tell(String(text));
}
