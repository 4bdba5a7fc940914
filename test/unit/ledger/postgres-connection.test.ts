// Role: how a connection to a PostgreSQL ledger is begun: with nothing that a pooler refuses.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

import { expect, it } from 'vitest';

import { openPool } from '../../../src/ledger/postgres-connection.ts';

/** The names of the start-up message (PostgreSQL documentation, "Message Formats"). */
function parametersOf(message: Buffer): readonly string[] {
  const texts = message.toString('utf8', 8).split('\0');
  return texts.filter((_text, index) => index % 2 === 0).filter((name) => name !== '');
}

it('names who asks for what at the start, and no setting', async () => {
  let message = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.once('data', (bytes) => {
      message = bytes;
      socket.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of a TCP server
  const url = `postgres://drover@127.0.0.1:${port}/fleet`;
  const pool = openPool({ url, password: undefined }, { connections: 1, settings: { a: 'b' } });
  await expect(pool.connect()).rejects.toThrow('Connection terminated');
  await pool.end();
  server.close();
  const known = ['user', 'database', 'client_encoding', 'application_name'];
  expect(parametersOf(message).toSorted()).toEqual(known.toSorted());
});
