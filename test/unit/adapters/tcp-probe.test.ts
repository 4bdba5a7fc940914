// Role: a port that listens is told from one that refuses, and both from silence.
import { createServer } from 'node:net';

import { describe, expect, it } from 'vitest';

import { TcpProbe } from '../../../adapters/tcp-probe.ts';
import { aHost } from '../../support/fleet.ts';

const NEVER = new AbortController().signal;

describe('TcpProbe', () => {
  it('hears who listens, and who refuses', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const probe = new TcpProbe([{ of: 'h1', address: '127.0.0.1', port }]);
    expect(await probe.ask(aHost(), NEVER)).toBe('answers');
    await new Promise((resolve) => {
      server.close(resolve);
    });
    expect(await probe.ask(aHost(), NEVER)).toBe('refuses');
  });

  it('takes a question that was given up, and an unknown host, for silence', async () => {
    const probe = new TcpProbe([{ of: 'h1', address: '127.0.0.1', port: 9 }]);
    expect(await probe.ask(aHost(), AbortSignal.abort())).toBe('silent');
    expect(probe.covers(aHost({ id: 'h2' }))).toBe(false);
    expect(await probe.ask(aHost({ id: 'h2' }), NEVER)).toBe('silent');
  });
});
