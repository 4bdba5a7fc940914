// Role: those who ask for much and do not read it hold little of the daemon's memory, and not for
// long.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, expect, it, vi } from 'vitest';

import { ok } from '../../../src/domain/result.ts';
import type { Api } from '../../../src/ports/api.ts';
import { buildServer, type HttpServer } from '../../../src/serve/server.ts';
import { quietApi } from '../../support/quiet-api.ts';

const MIB = 1024 * 1024;
/** More than the kernel takes off the daemon's hands for a connection over loopback. */
const LARGE = 24 * MIB;

let server: HttpServer | undefined;
let sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await server?.close();
  server = undefined;
});

async function listening(overrides: Partial<Api>, silenceMs?: number): Promise<HttpServer> {
  server = buildServer({
    api: quietApi(overrides).api,
    tokens: [],
    listenHost: '127.0.0.1',
    metricsText: async () => 'm'.repeat(LARGE),
    monotonicMs: () => 0,
    ...(silenceMs !== undefined && { silenceMs }),
    onRejectedAlerts: () => undefined,
    onFailure: () => undefined,
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  return server;
}

function portOf({ server: http }: HttpServer): number {
  return (http.address() as AddressInfo).port;
}

/** Asks, sees that the answer begins, and reads no further. */
async function stalled(from: HttpServer, path: string): Promise<Socket> {
  const socket = connect(portOf(from), '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  await once(socket, 'readable');
  return socket;
}

it('answers that nobody reads are held up to a limit, and others are told', async () => {
  const daemon = await listening({ latestPlan: () => ok({ text: 'x'.repeat(LARGE) }) });
  const ask = () => fetch(`http://127.0.0.1:${portOf(daemon)}/api/v1/plan`);
  const [first] = [await stalled(daemon, '/api/v1/plan'), await stalled(daemon, '/api/v1/plan')];
  const refused = await ask();
  expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'unread-answers' }]);
  // One who does not read blinds no monitoring.
  const metrics = await fetch(`http://127.0.0.1:${portOf(daemon)}/metrics`);
  expect((await metrics.text()).length).toBe(LARGE);
  first.destroy();
  const answered = async (): Promise<void> => {
    const { status, body } = await ask();
    await body?.cancel();
    expect(status).toBe(200);
  };
  await vi.waitFor(answered, { timeout: 20_000 });
});

it('a fleet file is made as far as it is read', async () => {
  let made = 0;
  function* pieces(): Generator<string> {
    for (; made < 64; made++) yield 'x'.repeat(MIB);
  }
  const daemon = await listening({ fleetFile: () => ok(pieces()) });
  await stalled(daemon, '/api/v1/snapshot');
  await sleep(200);
  expect(made).toBeLessThan(32);
});

it('who does not read is cut off', async () => {
  const daemon = await listening({ latestPlan: () => ok({ text: 'x'.repeat(LARGE) }) }, 300);
  await stalled(daemon, '/api/v1/plan');
  const connections = (): Promise<number> =>
    new Promise((resolve) => daemon.server.getConnections((_none, count) => resolve(count)));
  await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 20_000 });
});
