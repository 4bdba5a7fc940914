// Role: what of Alertmanager's payload would be lost without a word.
import { describe, expect, it } from 'vitest';

import { quietServer } from '../../support/quiet-server.ts';

const TOKENS = [{ name: 'alertmanager', role: 'alert', token: 'alert-token' }] as const;

async function send(payload: object) {
  const { server, asked, rejected } = quietServer({}, TOKENS, '127.0.0.1');
  const headers = { host: '127.0.0.1:7466', authorization: 'Bearer alert-token' };
  const url = '/api/v1/webhooks/alertmanager';
  const answer = await server.inject({ method: 'POST', url, headers, payload });
  const hosts = asked.alerts.map(({ labels }) => labels['instance']);
  return { status: answer.statusCode, hosts, rejected };
}

function firing(instance: string, more: object = {}): object {
  return { status: 'firing', labels: { alertname: 'HostDown', instance }, ...more };
}

describe('alerts that Alertmanager has cut off (max_alerts)', () => {
  it('are told of, and those that are there are taken', async () => {
    const payload = { version: '4', alerts: [firing('h1')], truncatedAlerts: 7 };
    const detail = expect.stringMatching(/cut off 7 .*max_alerts/);
    expect(await send(payload)).toEqual({
      status: 200,
      hosts: ['h1'],
      rejected: [{ reason: 'truncated', count: 7, detail }],
    });
  });

  it.each([
    ['none', 0],
    ['what is no number', 'many'],
    ['nothing', undefined],
  ])('are told of only where there are some: %s', async (_what, truncatedAlerts) => {
    const payload = { version: '4', alerts: [firing('h1')], truncatedAlerts };
    expect(await send(payload)).toEqual({ status: 200, hosts: ['h1'], rejected: [] });
  });

  it('are told of also where nothing of the rest can be read', async () => {
    const payload = { version: '4', alerts: [{ status: 'odd' }], truncatedAlerts: 2 };
    const { status, rejected } = await send(payload);
    expect([status, rejected.map(({ reason }) => reason)]).toEqual([400, ['truncated', 'invalid']]);
  });
});

it('keeps alerts with empty fingerprints apart by their labels', async () => {
  const empty = { fingerprint: '' };
  const alerts = [firing('h1', empty), firing('h2', empty), firing('h2', empty)];
  expect((await send({ version: '4', alerts })).hosts).toEqual(['h1', 'h2']);
});
