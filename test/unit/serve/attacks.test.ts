import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import type { Token } from '../../../src/serve/access.ts';
import { type Api } from '../../../src/ports/api.ts';
import { ok } from '../../../src/domain/result.ts';
import { quietServer } from '../../support/quiet-server.ts';

const VIEWER: Token = { name: 'vera', role: 'viewer', token: 'viewer-token-of-vera' };
const OPERATOR: Token = { name: 'olga', role: 'operator', token: 'operator-token-of-olga' };
const ALERT: Token = { name: 'alertmanager', role: 'alert', token: 'alert-token-of-am' };
const TOKENS = [VIEWER, OPERATOR, ALERT];
const HOST = { host: '127.0.0.1:7466' };
const WEBHOOK = '/api/v1/webhooks/alertmanager';

function serverWith(overrides: Partial<Api> = {}, tokens = TOKENS, listenHost = '127.0.0.1') {
  return quietServer(overrides, tokens, listenHost);
}

function as({ token }: { readonly token: string }): Record<string, string> {
  return { ...HOST, authorization: `Bearer ${token}` };
}

describe('without a token', () => {
  const READS = ['status', 'hosts', 'vms', 'findings', 'orders', 'plan', 'snapshot', 'migrations'];

  it.each([
    ...[...READS, 'history', 'locate/x', 'why/x'].map((path) => ['GET', `/api/v1/${path}`]),
    ['HEAD', '/api/v1/hosts'],
    ['GET', '/metrics'],
    ['POST', '/api/v1/orders'],
    ['POST', '/api/v1/hosts/x/return'],
    ['POST', '/api/v1/cancel/x'],
    ['POST', '/api/v1/plans/x/approve'],
    ['POST', '/api/v1/pause'],
    ['POST', '/api/v1/resume'],
    ['POST', WEBHOOK],
  ])('%s %s is refused', async (method, url) => {
    const { server } = serverWith();
    const answer = await server.inject({ method: method as 'GET', url, headers: HOST });
    expect(answer.statusCode).toBe(401);
  });

  it('a route that does not say what it needs is closed', async () => {
    const { server } = serverWith();
    server.get('/forgotten', async () => 'secret');
    const answers = await Promise.all(
      [HOST, as(VIEWER), as(OPERATOR)].map((headers) =>
        server.inject({ url: '/forgotten', headers }),
      ),
    );
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([401, 403, 200]);
  });

  it.each([
    'Bearer',
    'Bearer ',
    'Basic b2xnYTpvcGVyYXRvcg==',
    `Bearer ${OPERATOR.token} x`,
    `Bearer ${OPERATOR.token.toUpperCase()}`,
    `Bearer ${OPERATOR.token}\u00a0`,
    `Token ${OPERATOR.token}`,
  ])('the header %j opens nothing', async (authorization) => {
    const { server, asked } = serverWith();
    const request = { method: 'POST', url: '/api/v1/pause' } as const;
    const answer = await server.inject({ ...request, headers: { ...HOST, authorization } });
    expect([answer.statusCode, asked.paused]).toEqual([401, []]);
  });
});

describe('guessing', () => {
  const pause = { method: 'POST', url: '/api/v1/pause' } as const;

  it('does not lock out who was admitted from there before', async () => {
    const { server } = serverWith();
    await server.inject({ ...pause, headers: as(OPERATOR) });
    for (let i = 0; i < 50; i++) await server.inject({ ...pause, headers: as({ token: `g${i}` }) });
    const post = { method: 'POST', url: WEBHOOK, payload: { version: '4', alerts: [] } } as const;
    const friend = await server.inject({ ...pause, headers: as(OPERATOR) });
    const stranger = await server.inject({ ...post, headers: as(ALERT) });
    expect([friend.statusCode, stranger.statusCode]).toEqual([200, 429]);
  });

  it('answers a right and a wrong token alike once it is blocked', async () => {
    const { server } = serverWith();
    for (let i = 0; i < 30; i++) await server.inject({ ...pause, headers: as({ token: `g${i}` }) });
    const right = await server.inject({ ...pause, headers: as(OPERATOR) });
    const wrong = await server.inject({ ...pause, headers: as({ token: 'g' }) });
    expect([right.statusCode, right.body]).toEqual([429, wrong.body]);
  });

  it('takes nothing from those who need no token', async () => {
    const { server } = serverWith({}, [OPERATOR]);
    for (let i = 0; i < 50; i++) await server.inject({ ...pause, headers: as({ token: `g${i}` }) });
    const answer = await server.inject({ url: '/api/v1/hosts', headers: HOST });
    expect(answer.statusCode).toBe(200);
  });

  it('is not what a scraper does that has no token, or one of too small a role', async () => {
    const { server } = serverWith();
    for (let i = 0; i < 50; i++) {
      await server.inject({ url: '/metrics', headers: HOST });
      await server.inject({ ...pause, headers: as(VIEWER) });
    }
    const answer = await server.inject({ ...pause, headers: as(OPERATOR) });
    expect(answer.statusCode).toBe(200);
  });
});

describe('tokens', () => {
  it.each([
    ['empty', [{ ...OPERATOR, token: '' }], '127.0.0.1', /olga is empty/u],
    ['with a space', [{ ...OPERATOR, token: 'two words' }], '127.0.0.1', /has spaces/u],
    ['of two roles', [OPERATOR, { ...VIEWER, token: OPERATOR.token }], '::1', /same token/u],
    ['short, on the network', [VIEWER, { ...OPERATOR, token: 'short' }], '0.0.0.0', /fewer than/u],
    ['none for reading, on the network', [OPERATOR], '0.0.0.0', /no viewer token/u],
    ['none for orders, on the network', [VIEWER], '::', /no operator token/u],
  ])('that are %s keep the server from being built', (_what, tokens, listenHost, message) => {
    expect(() => serverWith({}, tokens, listenHost)).toThrow(message);
    expect(() => serverWith({}, tokens, listenHost)).not.toThrow(/two words|short;|token-of/u);
  });

  it('are enough with one viewer and one operator', () => {
    expect(() => serverWith({}, [VIEWER, OPERATOR], '0.0.0.0')).not.toThrow();
  });
});

describe('the Host header', () => {
  it.each(['127.0.0.1', 'localhost:7466', '[::1]:7466', '127.8.9.1:1', 'LOCALHOST'])(
    '%s is this machine',
    async (host) => {
      const { server } = serverWith();
      const answer = await server.inject({ url: '/livez', headers: { host } });
      expect(answer.statusCode).toBe(200);
    },
  );

  it.each(['127.0.0.1.evil.example', 'localhost.evil.example:80', 'evil', '::ffff:7f00:1', ' '])(
    '%s is not, also for probes',
    async (host) => {
      const { server } = serverWith();
      const answer = await server.inject({ url: '/livez', headers: { host } });
      expect(answer.statusCode).toBe(421);
    },
  );

  it('says nothing where the server listens to the network', async () => {
    const { server } = serverWith({}, TOKENS, '0.0.0.0');
    const answer = await server.inject({ url: '/livez', headers: { host: 'drover.example' } });
    expect(answer.statusCode).toBe(200);
  });
});

describe('errors', () => {
  it.each([
    [
      'that carry a status of somebody else',
      Object.assign(new Error('pw'), { statusCode: 401, code: 'EPERM' }),
    ],
    ['of parsing somebody else’s answer', new z.ZodError([])],
    ['that are no errors', 'pw'],
  ])('%s are the daemon’s own', async (_what, error) => {
    const { server, failures } = serverWith({
      // The third is what careless libraries do.
      locate: () => Promise.reject(error as Error),
    });
    const answer = await server.inject({ url: '/api/v1/locate/x', headers: as(VIEWER) });
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'internal']);
    expect(answer.body).not.toContain('pw');
    expect(failures).toEqual([error]);
  });

  it.each([
    ['no JSON', '{"a":', 400],
    ['a poisoned prototype', '{"version":"4","alerts":[],"__proto__":{"by":"x"}}', 400],
    ['a very deep body', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
    ['too many alerts', `{"version":"4","alerts":[${'0,'.repeat(10_000)}0]}`, 400],
    ['a thousand faults', `{"version":"4","alerts":[${'0,'.repeat(1_000)}0]}`, 400],
    ['too much', ' '.repeat(9 * 2 ** 20), 413],
  ])('about %s are short and of one form', async (_what, payload, status) => {
    const { server, asked, failures } = serverWith();
    const headers = { ...as(ALERT), 'content-type': 'application/json' };
    const answer = await server.inject({ method: 'POST', url: WEBHOOK, headers, payload });
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect([answer.statusCode, asked.alerts, failures]).toEqual([status, [], []]);
    expect(answer.body.length).toBeLessThan(5_000);
  });

  it('takes a large body for alerts only', async () => {
    const { server } = serverWith();
    const headers = { ...as(OPERATOR), 'content-type': 'application/json' };
    const payload = `{"kind":"evacuate","host":"h1"${' '.repeat(100_000)}}`;
    const order = { method: 'POST', url: '/api/v1/orders', headers, payload } as const;
    expect((await server.inject(order)).statusCode).toBe(413);
    const alerts = {
      ...order,
      url: WEBHOOK,
      payload: `{"version":"4","alerts":[]${payload.slice(30)}`,
    };
    expect((await server.inject(alerts)).statusCode).toBe(200);
  });

  it.each(['/api/v1/why/%zz', '/api/v1/why/%ff', `/api/v1/why/${'a'.repeat(5_000)}`])(
    'about the path %s are problem details, too',
    async (url) => {
      const { server } = serverWith();
      const answer = await server.inject({ url, headers: as(VIEWER) });
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.statusCode).toBeGreaterThanOrEqual(400);
      expect(answer.statusCode).toBeLessThan(500);
    },
  );
});

describe('names in paths', () => {
  it.each(['a'.repeat(256), 'ü'.repeat(256), 'vm/with?odd#signs', '../../etc', '%41'])(
    'reach the daemon as they are: %s',
    async (name) => {
      const seen: string[] = [];
      const { server } = serverWith({
        why: async (asked) => {
          seen.push(asked);
          return ok({ about: 'vm' } as never);
        },
      });
      const url = `/api/v1/why/${encodeURIComponent(name)}`;
      const answer = await server.inject({ url, headers: as(VIEWER) });
      expect([answer.statusCode, seen]).toEqual([200, [name]]);
    },
  );
});

describe('every answer', () => {
  it.each(['/livez', '/api/v1/hosts', '/nowhere', '/metrics'])(
    'of %s tells browsers to make nothing of it',
    async (url) => {
      const { server } = serverWith();
      const answer = await server.inject({ url, headers: HOST });
      expect(answer.headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      });
    },
  );
});

describe('alerts', () => {
  it('without annotations are taken', async () => {
    const { server, asked } = serverWith();
    const alerts = [{ status: 'firing', labels: { alertname: 'Hot' }, annotations: null }];
    const payload = { version: '4', alerts };
    await server.inject({ method: 'POST', url: WEBHOOK, headers: as(ALERT), payload });
    expect(asked.alerts).toMatchObject([
      { name: 'Hot', annotations: {}, startsAt: '', endsAt: '' },
    ]);
  });
});
