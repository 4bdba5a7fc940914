/**
 * Long lists on their way out, piece by piece: the event loop is free in between, and what is not
 * sent yet is not there yet as text either.
 */

import { Readable } from 'node:stream';

import type { FastifyReply } from 'fastify';

import { inChunks } from '../domain/chunks.ts';
import type { Pause } from '../domain/slices.ts';

/** Items put into words at once: less than a millisecond. */
const PIECE = 250;

/**
 * As JSON; the same, byte for byte, as if it were sent at once. `pause`: what others may have a
 * turn by; undefined: they wait.
 */
export function sendList(
  reply: FastifyReply,
  items: readonly unknown[],
  pause: Pause | undefined,
): FastifyReply {
  const text = Readable.from(inPieces(items, pause), { objectMode: false });
  return reply.type('application/json; charset=utf-8').send(text);
}

async function* inPieces(
  items: readonly unknown[],
  pause: Pause | undefined,
): AsyncGenerator<string> {
  let before = '[';
  for (const piece of inChunks(items, PIECE)) {
    yield before + JSON.stringify(piece).slice(1, -1);
    before = ',';
    const turn = pause?.();
    if (turn !== undefined) await turn;
  }
  yield items.length === 0 ? '[]' : ']';
}
