// Role: hooks that really run: processes, and webhooks on the loopback.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { configuredHooks } from '../../../src/app/configured-hooks.ts';
import type { HookConfig } from '../../../src/config/daemon.ts';
import { hostId, orderId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import type { HookAnswer } from '../../../src/ports/hooks.ts';

const CALL = {
  order: orderId('o1'),
  host: { id: hostId('h1'), name: 'node one' },
  reason: 'firmware; rm -rf $HOME',
  attempt: 2,
};

async function run(
  action: HookConfig['action'],
  options: { timeout?: number; signal?: AbortSignal } = {},
): Promise<HookAnswer> {
  const times = { attempts: 1, wellSeconds: seconds(0), patienceSeconds: seconds(1) };
  const timeoutSeconds = seconds(options.timeout ?? 20);
  const [hook] = configuredHooks([{ name: 'x', action, timeoutSeconds, ...times }]);
  const answer = await hook?.run(CALL, options.signal ?? new AbortController().signal);
  if (answer === undefined) throw new Error('no hook');
  return answer;
}

const command = (...words: string[]) => ({ kind: 'command', command: words }) as const;

describe('a command', () => {
  it('is done when it ends with 0, and is told what it is about', async () => {
    const script = 'echo "$DROVER_HOST_ID|$DROVER_HOST_NAME|$DROVER_REASON|$DROVER_ATTEMPT"';
    const detail = 'h1|node one|firmware; rm -rf $HOME|2';
    expect(await run(command('sh', '-c', script))).toEqual({ isDone: true, detail });
  });

  it('gets nothing else of what Drover knows', async () => {
    process.env['DROVER_TOKEN'] = 'secret';
    const { detail } = await run(command('env'));
    delete process.env['DROVER_TOKEN'];
    expect(detail).toContain('DROVER_ORDER=o1');
    expect(detail).not.toContain('secret');
  });

  it('is over when it has ended, whatever it leaves behind in another session', async () => {
    const left = 'setsid sleep 20 & echo done; ';
    expect(await run(command('sh', '-c', `${left} exit 0`), { timeout: 15 })).toEqual({
      isDone: true,
      detail: 'done',
    });
    const late = await run(command('sh', '-c', `${left} exec sleep 20`), { timeout: 1 });
    expect(late.detail).toBe('not done within 1 s: done');
  });

  it('has failed when it ends otherwise, or cannot be started', async () => {
    expect(await run(command('sh', '-c', 'echo bad disk >&2; exit 3'))).toEqual({
      isDone: false,
      detail: 'ended with 3: bad disk',
    });
    const { isDone, detail } = await run(command('/no/such/program'));
    expect([isDone, detail]).toEqual([false, expect.stringMatching(/cannot be started.*ENOENT/)]);
  });

  it('is not run by a shell', async () => {
    expect((await run(command('echo', '$HOME;', 'ls'))).detail).toBe('$HOME; ls');
  });

  it('ends at its time-out, with all that it has started', async () => {
    const started = performance.now();
    const answer = await run(command('sh', '-c', 'sleep 60 & sleep 60'), { timeout: 0.2 });
    expect(answer).toEqual({ isDone: false, detail: 'not done within 0.2 s' });
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it('ends with Drover', async () => {
    const stop = AbortSignal.timeout(100);
    const answer = await run(command('sleep', '60'), { signal: stop });
    expect(answer).toEqual({ isDone: false, detail: 'Drover stops' });
  });

  it('is told with the end of what it printed', async () => {
    const { detail } = await run(command('sh', '-c', 'seq 1 5000'));
    expect(detail.length).toBeLessThanOrEqual(4_000);
    expect(detail).toMatch(/5000$/);
  });
});

describe('a webhook', () => {
  let server: Server | undefined;

  afterEach(() => server?.close());

  async function listen(answer: (request: IncomingMessage, body: string) => [number, string]) {
    const made = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += String(part);
      });
      request.on('end', () => {
        const [status, text] = answer(request, body);
        if (status === 0) return;
        response.writeHead(status, { location: 'http://127.0.0.1:9/' }).end(text);
      });
    });
    server = made;
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    const { port } = made.address() as AddressInfo; // it listens on TCP
    return { kind: 'webhook', url: `http://127.0.0.1:${port}/patch`, bearerToken: 't0k' } as const;
  }

  it('is a POST with JSON and the token; 2xx means done', async () => {
    let seen: unknown;
    const target = await listen((request, body) => {
      const { authorization } = request.headers;
      seen = { method: request.method, authorization, body: JSON.parse(body) };
      return [202, 'patched'];
    });
    expect(await run(target)).toEqual({ isDone: true, detail: 'patched' });
    expect(seen).toEqual({ method: 'POST', authorization: 'Bearer t0k', body: CALL });
  });

  it.each([
    [500, 'HTTP 500: no'],
    [302, 'HTTP 302: no'],
  ])('has failed when it answers with %d', async (status, detail) => {
    const target = await listen(() => [status, 'no']);
    expect(await run(target)).toEqual({ isDone: false, detail });
  });

  it('has failed when it does not answer in time, or nobody is there', async () => {
    const target = await listen(() => [0, '']);
    const late = await run(target, { timeout: 0.1 });
    expect(late).toEqual({ isDone: false, detail: 'no answer within 0.1 s' });
    server?.closeAllConnections();
    const nobody = await run({ ...target, url: 'http://127.0.0.1:9/' });
    expect(nobody.isDone).toBe(false);
  });
});
