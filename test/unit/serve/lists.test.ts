// Role: a list that is sent piece by piece is the one that would be sent at once.
import fastify from 'fastify';
import { expect, it } from 'vitest';

import { sendList } from '../../../src/serve/lists.ts';

it.each([0, 1, 250, 251, 600])(
  'sends %d items as one JSON text, and lets others in',
  async (count) => {
    const items = Array.from({ length: count }, (_none, index) => ({
      id: `ü"${index}`,
      none: null,
    }));
    let turns = 0;
    const pause = (): Promise<void> => {
      turns += 1;
      return Promise.resolve();
    };
    const server = fastify();
    server.get('/list', async (_request, reply) => sendList(reply, items, pause));
    const answer = await server.inject('/list');
    expect(answer.payload).toBe(JSON.stringify(items));
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(turns).toBe(Math.ceil(count / 250));
    await server.close();
  },
);

it('makes no item before the piece in which it goes', async () => {
  let made = 0;
  const madeAtTurns: number[] = [];
  const items = Array.from({ length: 600 }, (_none, index) => index).values();
  const counted = items.map((index) => {
    made += 1;
    return index;
  });
  const pause = (): Promise<void> => {
    madeAtTurns.push(made);
    return Promise.resolve();
  };
  const server = fastify();
  server.get('/list', async (_request, reply) => sendList(reply, counted, pause));
  const answer = await server.inject('/list');
  expect(answer.json()).toHaveLength(600);
  // Others have their turn before each piece but the first, which is made by then; the last is "]".
  expect(madeAtTurns).toEqual([500, 600, 600]);
  await server.close();
});
