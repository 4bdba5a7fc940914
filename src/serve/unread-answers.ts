/**
 * Answers that were put into words and that nobody has read yet. A reader that has stopped (a
 * `curl | less` that sleeps) holds its whole answer in the daemon's memory: all of them together
 * get only so much. Of what is sent piece by piece (lists.ts) only a piece is there.
 */

import { finished } from 'node:stream';

import type { FastifyInstance } from 'fastify';

import { problemText } from './problems.ts';

/** Characters; shorter ones are not counted: all connections together have little of those. */
const LARGE = 64 * 1024;
/** Characters of all the large ones together; one by itself may be longer. */
const MOST = 64 * 1024 * 1024;

export function limitUnread(server: FastifyInstance): void {
  let unread = 0;
  server.addHook('onSend', async (request, reply, payload) => {
    if (typeof payload !== 'string' || payload.length < LARGE) return payload;
    const { length } = payload;
    // What was ordered is done by now, and its answer says so; and one reader blinds no monitoring.
    const mayRefuse = request.method === 'GET' && request.routeOptions.url !== '/metrics';
    if (mayRefuse && unread > 0 && unread + length > MOST) {
      reply.code(TOO_MUCH.status).type('application/problem+json');
      return problemText(TOO_MUCH);
    }
    unread += length;
    finished(reply.raw, () => {
      unread -= length;
    });
    return payload;
  });
}

const TOO_MUCH = {
  status: 503,
  code: 'unread-answers',
  detail: 'too much of what others asked for has not been read by them yet',
  hint: 'ask again in a minute or two: who does not read is cut off',
};
