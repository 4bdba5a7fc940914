/**
 * Long answers on their way out, piece by piece: the event loop is free in between, and what is not
 * sent yet is not there yet as text either, nor need its items be made, also where the reader has
 * stopped to read.
 */

import { Readable } from 'node:stream';

import type { FastifyReply } from 'fastify';

import type { Pause } from '../domain/slices.ts';

/** Items put into words at once: less than a millisecond. */
const PIECE = 250;

/**
 * As JSON; the same, byte for byte, as if it were sent at once. `pause`: what others may have a
 * turn by; undefined: they wait.
 */
export function sendList(
  reply: FastifyReply,
  items: Iterable<unknown>,
  pause: Pause | undefined,
): FastifyReply {
  return sendPieces(reply, piecesOf(items), pause);
}

/** JSON in pieces, each made when the one before is on its way; `pause` as above. */
export function sendPieces(
  reply: FastifyReply,
  pieces: Iterable<string>,
  pause: Pause | undefined,
): FastifyReply {
  const text = Readable.from(inTurns(pieces, pause), { objectMode: false });
  return reply.type('application/json; charset=utf-8').send(text);
}

async function* inTurns(
  pieces: Iterable<string>,
  pause: Pause | undefined,
): AsyncGenerator<string> {
  let isFirst = true;
  for (const piece of pieces) {
    const turn = isFirst ? undefined : pause?.();
    isFirst = false;
    if (turn !== undefined) await turn;
    yield piece;
  }
}

function* piecesOf(items: Iterable<unknown>): Generator<string> {
  let before = '[';
  for (const chunk of chunksOf(items)) {
    yield before + JSON.stringify(chunk).slice(1, -1);
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

function* chunksOf(items: Iterable<unknown>): Generator<readonly unknown[]> {
  let chunk: unknown[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length < PIECE) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
