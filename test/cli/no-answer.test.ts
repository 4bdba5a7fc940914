// Role: calls that nobody answers: what was sent may have been done, and is not told as refused.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { CliError } from '../../src/cli/io.ts';
import { NoDaemonError, unanswered } from '../../src/cli/no-answer.ts';
import { cli } from '../support/cli.ts';

const realTimeout = AbortSignal.timeout.bind(AbortSignal);
let servers: Server[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  servers = [];
});

/** @param taken what the server does with a call that it has read. */
async function serving(taken: (socket: { destroy: () => void }) => void): Promise<string> {
  const server = createServer((request) => {
    request.resume().on('end', () => taken(request.socket));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // of a server that listens on TCP
  return `http://127.0.0.1:${port}`;
}

/** An address at which somebody has listened, and nobody does. */
async function deserted(): Promise<string> {
  const address = await serving(() => undefined);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return address;
}

function impatient(): void {
  vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => realTimeout(100));
}

const cutOff = (socket: { destroy: () => void }) => socket.destroy();

const refused = Object.assign(new Error(), { code: 'ECONNREFUSED' });
const unreachable = Object.assign(new Error(), { code: 'ENETUNREACH', syscall: 'connect' });
const reset = Object.assign(new Error(), { code: 'ECONNRESET', syscall: 'read' });

describe('a call without an answer', () => {
  it.each([
    ['is not taken in time', () => undefined],
    ['is cut off', cutOff],
  ])('that was sent and %s may have been done', async (_what, taken) => {
    impatient();
    const server = await serving(taken);
    const { code, err } = await cli(['pause', '--server', server]);
    expect(code).toBe(3);
    expect(err).toMatch(/no answer from http.*: whether it does what it was asked is not known/);
    expect(err).toMatch(/hint: look before you ask again: drover status/);
    expect(err).not.toMatch(/no daemon|start it/);
  });

  it('that only asked is told as that', async () => {
    const { code, err } = await cli(['status', '--server', await serving(cutOff)]);
    expect([code, err]).toEqual([3, expect.stringMatching(/no answer from http/)]);
    expect(err).not.toMatch(/not known|no daemon|look before/);
  });

  it('that found nobody has done nothing', async () => {
    const { code, err } = await cli(['pause', '--server', await deserted()]);
    expect([code, err]).toEqual([3, expect.stringMatching(/no daemon answers at .*\nhint: start/)]);
    expect(err).not.toContain('not known');
  });

  it.each([
    ['any address of a name', [refused, unreachable], NoDaemonError],
    ['one address of a name', [refused, reset], CliError],
  ])('that found nobody at %s', (_what, reasons, kind) => {
    const error = new TypeError('fetch failed', { cause: new AggregateError(reasons) });
    const state = { folder: '/nowhere', isNamed: false };
    const call = { method: 'POST', server: 'http://h', state, isStopped: false } as const;
    expect(unanswered(call, error).constructor).toBe(kind);
  });

  it('that a person does not wait for says the same', async () => {
    const stop = new AbortController();
    const server = await serving(() => stop.abort());
    const { err } = await cli(['pause', '--server', server], {}, stop.signal);
    expect(err).toMatch(/stopped before .* answered: whether .* is not known\nhint: look before/);
  });
});
