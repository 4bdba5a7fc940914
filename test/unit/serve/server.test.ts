import { describe, expect, it } from 'vitest';

import { ok } from '../../../src/domain/result.ts';
import type { Api } from '../../../src/ports/api.ts';
import { LedgerError } from '../../../src/ports/ledger.ts';
import type { Token } from '../../../src/serve/access.ts';
import { quietServer } from '../../support/quiet-server.ts';

const TOKENS: readonly Token[] = [
  { name: 'olga', role: 'operator', token: 'operator-token' },
  { name: 'alertmanager', role: 'alert', token: 'alert-token' },
];

const HOST = { host: '127.0.0.1:7466' };

function serverWith(overrides: Partial<Api> = {}, tokens = TOKENS, listenHost = '127.0.0.1') {
  return quietServer(overrides, tokens, listenHost);
}

function bearer(token: string): Record<string, string> {
  return { ...HOST, authorization: `Bearer ${token}` };
}

const ALERT = {
  version: '4',
  status: 'firing',
  alerts: [
    {
      status: 'firing',
      labels: { alertname: 'HostMemoryErrors', instance: 'h1:9100' },
      annotations: { summary: 'uncorrected errors' },
      startsAt: '2026-11-21T20:00:00Z',
      endsAt: '0001-01-01T00:00:00Z',
      fingerprint: 'abc',
      generatorURL: 'ignored',
    },
  ],
};

const TOO_MANY = { version: '4', alerts: Array.from({ length: 5_001 }, () => ALERT.alerts[0]) };

describe('reading', () => {
  it('needs no token on loopback when no viewer token is configured', async () => {
    const { server } = serverWith();
    const answer = await server.inject({ url: '/api/v1/hosts', headers: HOST });
    expect([answer.statusCode, answer.json()]).toEqual([200, []]);
  });

  it('needs one as soon as a viewer token is configured', async () => {
    const viewer = { name: 'vera', role: 'viewer', token: 'viewer-token' } as const;
    const { server } = serverWith({}, [...TOKENS, viewer]);
    const refused = await server.inject({ url: '/api/v1/vms', headers: HOST });
    const allowed = await server.inject({ url: '/api/v1/vms', headers: bearer('viewer-token') });
    expect([refused.statusCode, allowed.statusCode]).toEqual([401, 200]);
  });

  it('answers with problem details that carry code and hint', async () => {
    const { server } = serverWith();
    const answer = await server.inject({ url: '/api/v1/why/nobody', headers: HOST });
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({ status: 404, code: 'not-found', hint: '' });
  });

  it('refuses a page that rebinds its own name to loopback', async () => {
    const { server } = serverWith();
    const answer = await server.inject({
      url: '/api/v1/hosts',
      headers: { host: 'evil.example:7466' },
    });
    expect(answer.statusCode).toBe(421);
  });

  it('says what is wrong with a limit', async () => {
    const { server } = serverWith();
    const answer = await server.inject({ url: '/api/v1/history?limit=0', headers: HOST });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().detail).toContain('limit');
  });

  it('hides the error of a failing daemon and reports it', async () => {
    const { server, failures } = serverWith();
    const answer = await server.inject({ url: '/api/v1/status', headers: HOST });
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain('not asked for');
    expect(failures).toHaveLength(1);
  });

  it('says that the ledger cannot be written, and what to do', async () => {
    const { server } = serverWith({
      orders: () => Promise.reject(new LedgerError('full', 'the ledger cannot grow')),
    });
    const answer = await server.inject({ url: '/api/v1/orders', headers: HOST });
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ code: 'ledger-full' });
    expect(answer.json().detail).toContain('free disk space');
  });
});

describe('writing', () => {
  const batch = { method: 'POST', url: '/api/v1/orders/batch' } as const;

  it('takes an order from an operator, in the name of the token', async () => {
    const { server, asked } = serverWith();
    await server.inject({
      method: 'POST',
      url: '/api/v1/orders',
      headers: bearer('operator-token'),
      payload: { kind: 'evacuate', host: 'h1', reason: 'smoke', deadlineSeconds: null },
    });
    expect(asked.orders).toEqual([
      {
        kind: 'evacuate',
        host: 'h1',
        reason: 'smoke',
        deadlineSeconds: null,
        by: { kind: 'operator', name: 'olga' },
        dedupeKey: '',
      },
    ]);
  });

  it.each(['\u0000', 'quiet\u001b[2J', 'one\nline'])(
    'refuses %j as a reason: it goes to terminals, logs and hooks',
    async (reason) => {
      const { server, asked } = serverWith();
      const answer = await server.inject({
        method: 'POST',
        url: '/api/v1/orders',
        headers: bearer('operator-token'),
        payload: { kind: 'evacuate', host: 'h1', reason },
      });
      expect(answer.statusCode).toBe(400);
      expect(answer.json().detail).toContain('control characters');
      expect(asked.orders).toEqual([]);
    },
  );

  it('takes orders about many hosts in one call, in the name of the token', async () => {
    const asked: unknown[] = [];
    const { server } = serverWith({
      giveOrders: async (request) => {
        asked.push(request);
        return ok([]);
      },
    });
    const hosts = Array.from({ length: 2_000 }, (_none, at) => `host-${at}.dc-1.example`);
    const answer = await server.inject({
      ...batch,
      headers: bearer('operator-token'),
      payload: { kind: 'evacuate', hosts },
    });
    expect([answer.statusCode, answer.json()]).toEqual([200, []]);
    expect(asked).toEqual([
      {
        kind: 'evacuate',
        hosts,
        reason: 'ordered by an operator',
        deadlineSeconds: null,
        by: { kind: 'operator', name: 'olga' },
        dedupeKey: '',
      },
    ]);
  });

  it.each([
    ['no host', { hosts: [] }, 'hosts'],
    ['a host without a name', { hosts: ['h1', ''] }, 'hosts[1]'],
    ['one host, as for a single order', { host: 'h1' }, 'host'],
    ['an unknown key', { hosts: ['h1'], deadline: 60 }, 'deadline'],
  ])('refuses orders about %s, and says where', async (_what, wrong, where) => {
    const { server } = serverWith({
      giveOrders: () => Promise.reject(new Error('it was taken')),
    });
    const payload = { kind: 'evacuate', ...wrong };
    const answer = await server.inject({ ...batch, headers: bearer('operator-token'), payload });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().detail).toContain(where);
  });

  it('takes no orders about many hosts from who may only read, or raise alerts', async () => {
    const { server } = serverWith({
      giveOrders: () => Promise.reject(new Error('it was taken')),
    });
    const payload = { kind: 'evacuate', hosts: ['h1', 'h2'] };
    const answers = await Promise.all(
      [HOST, bearer('alert-token')].map((headers) => server.inject({ ...batch, headers, payload })),
    );
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([401, 403]);
  });

  it.each([
    ['nobody', HOST, 401],
    ['a stranger', bearer('wrong'), 401],
    ['the alerting system', bearer('alert-token'), 403],
  ])('is refused to %s', async (_who, headers, status) => {
    const { server, asked } = serverWith();
    const answer = await server.inject({ method: 'POST', url: '/api/v1/pause', headers });
    expect([answer.statusCode, asked.paused]).toEqual([status, []]);
  });

  it('looks at no token any more after thirty refusals, until a minute has passed', async () => {
    const { server, wait } = serverWith();
    const request = { method: 'POST', url: '/api/v1/pause' } as const;
    for (let i = 0; i < 30; i++) await server.inject({ ...request, headers: bearer('guess') });
    const right = { ...request, headers: bearer('operator-token') };
    expect((await server.inject(right)).statusCode).toBe(429);
    wait(60_000);
    expect((await server.inject(right)).statusCode).toBe(200);
  });

  it('refuses unknown keys instead of ignoring what somebody meant', async () => {
    const { server } = serverWith();
    const answer = await server.inject({
      method: 'POST',
      url: '/api/v1/orders',
      headers: bearer('operator-token'),
      payload: { kind: 'evacuate', host: 'h1', deadline: 60 },
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().detail).toContain('deadline');
  });
});

describe('the Alertmanager webhook', () => {
  const post = { method: 'POST', url: '/api/v1/webhooks/alertmanager' } as const;

  it('passes firing alerts on and answers one outcome each', async () => {
    const { server, asked } = serverWith();
    const answer = await server.inject({ ...post, headers: bearer('alert-token'), payload: ALERT });
    expect(answer.statusCode).toBe(200);
    expect(asked.alerts).toEqual([
      {
        fingerprint: 'abc',
        name: 'HostMemoryErrors',
        status: 'firing',
        labels: { alertname: 'HostMemoryErrors', instance: 'h1:9100' },
        annotations: { summary: 'uncorrected errors' },
        startsAt: '2026-11-21T20:00:00Z',
        endsAt: '0001-01-01T00:00:00Z',
      },
    ]);
  });

  it('asks to be called again while the daemon is not ready', async () => {
    const { server, asked } = serverWith({
      readiness: () => ({ ready: false, reasons: ['no snapshot yet'] }),
    });
    const answer = await server.inject({ ...post, headers: bearer('alert-token'), payload: ALERT });
    expect([answer.statusCode, asked.alerts]).toEqual([503, []]);
  });

  it.each([
    ['another version', { ...ALERT, version: '3' }],
    ['no alerts', { version: '4' }],
    ['a list', []],
    [
      'labels that are no texts',
      { version: '4', alerts: [{ status: 'firing', labels: { a: 1 } }] },
    ],
  ])('refuses %s', async (_what, payload) => {
    const { server, asked, rejected } = serverWith();
    const answer = await server.inject({ ...post, headers: bearer('alert-token'), payload });
    expect([answer.statusCode, asked.alerts]).toEqual([400, []]);
    expect(rejected).toEqual([{ reason: 'invalid', count: 1, detail: answer.json().detail }]);
  });

  it('takes the alerts that it can read beside one that it cannot', async () => {
    const { server, asked, rejected } = serverWith();
    const odd = { fingerprint: 'odd', status: 'suppressed', labels: {} };
    const payload = { ...ALERT, alerts: [odd, ...ALERT.alerts] };
    const answer = await server.inject({ ...post, headers: bearer('alert-token'), payload });
    expect(asked.alerts.map(({ fingerprint }) => fingerprint)).toEqual(['abc']);
    const detail = expect.stringContaining('status');
    const invalid = { fingerprint: 'odd', outcome: 'invalid', host: null, detail };
    expect([answer.statusCode, answer.json()]).toMatchObject([
      200,
      { alerts: [{ outcome: 'noted' }, invalid] },
    ]);
    expect(rejected).toEqual([{ reason: 'invalid', count: 1, detail }]);
  });

  it.each([
    ['a wrong token', { headers: bearer('guess'), payload: ALERT }, 401, 'not-allowed'],
    ['another host', { headers: { host: 'evil.example' }, payload: ALERT }, 421, 'foreign-host'],
    [
      'too much',
      { headers: bearer('alert-token'), payload: { a: 'x'.repeat(9e6) } },
      413,
      'invalid',
    ],
    ['too many', { headers: bearer('alert-token'), payload: TOO_MANY }, 400, 'invalid'],
  ])('tells of %s', async (_what, request, status, reason) => {
    const { server, rejected } = serverWith();
    const answer = await server.inject({ ...post, ...request });
    expect(answer.statusCode).toBe(status);
    expect(rejected).toEqual([{ reason, count: 1, detail: answer.json().detail }]);
  });

  it('tells of no alerts that are sent again, and of nothing that is no alert', async () => {
    const { server, rejected } = serverWith({ readiness: () => ({ ready: false, reasons: [] }) });
    await server.inject({ ...post, headers: bearer('alert-token'), payload: ALERT });
    await server.inject({ ...post, url: '/api/v1/pause', headers: bearer('guess') });
    expect(rejected).toEqual([]);
  });

  it('cleans what an alert is known by of control characters', async () => {
    const fingerprint = 'a\0b\u001b[2J\ud800';
    const odd = { fingerprint, status: 'suppressed', labels: {} };
    const good = { fingerprint, status: 'firing', labels: { alertname: 'HostDown' } };
    const { server, asked } = serverWith();
    const payload = { version: '4', alerts: [good, odd] };
    const answer = await server.inject({ ...post, headers: bearer('alert-token'), payload });
    const clean = 'a\\u0000b\\u001b[2J\\ud800';
    expect(asked.alerts.map((alert) => alert.fingerprint)).toEqual([clean]);
    const invalid = { fingerprint: clean, outcome: 'invalid' };
    expect(answer.json().alerts).toContainEqual(expect.objectContaining(invalid));
  });

  it('gives an alert without fingerprint one that ignores the order of labels', async () => {
    const { server, asked } = serverWith();
    const alert = { status: 'firing', labels: { b: '2', a: '1' } };
    const same = { status: 'resolved', labels: { a: '1', b: '2' } };
    const payload = { version: '4', alerts: [alert, same] };
    await server.inject({ ...post, headers: bearer('alert-token'), payload });
    expect(asked.alerts.map(({ status }) => status)).toEqual(['resolved']);
  });
});

describe('listening beyond loopback', () => {
  it('is refused without a viewer and an operator token', () => {
    expect(() => serverWith({}, TOKENS, '0.0.0.0')).toThrow(/http\.tokens/);
  });
});
