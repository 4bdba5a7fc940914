// Role: a real Alertmanager posts to Drover's own server: alerts arrive with their token, once
// each, also when the daemon was not ready at first, and their end arrives, too.
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { type Token } from '../../src/serve/access.ts';
import { buildServer } from '../../src/serve/server.ts';
import { quietApi } from '../support/quiet-api.ts';
import { startAlertmanager } from './lab/alerting.ts';
import { until } from './lab/shell.ts';

const TOKEN: Token = { name: 'alertmanager', role: 'alert', token: 'a-token-for-alertmanager' };
const LABELS = { alertname: 'HostMemoryErrors', host: 'h1', severity: 'critical' };

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function startDrover() {
  let isReady = true;
  let turnedAway = 0;
  const { api, asked } = quietApi({
    readiness: () => {
      if (!isReady) turnedAway += 1;
      return { ready: isReady, reasons: ['no snapshot yet'] };
    },
  });
  const failures: unknown[] = [];
  const server = buildServer({
    api,
    tokens: [TOKEN],
    listenHost: '127.0.0.1',
    metricsText: async () => '',
    monotonicMs: () => performance.now(),
    onRejectedAlerts: (rejected) => failures.push(rejected),
    onFailure: (error) => failures.push(error),
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  stops.push(() => server.close());
  const { port } = server.server.address() as AddressInfo;
  return {
    webhookUrl: `http://127.0.0.1:${port}/api/v1/webhooks/alertmanager`,
    asked,
    failures,
    setReady: (ready: boolean) => (isReady = ready),
    turnedAway: () => turnedAway,
  };
}

async function alertmanagerFor(webhookUrl: string, bearerToken: string) {
  const alertmanager = await startAlertmanager({ webhookUrl, bearerToken });
  stops.push(() => alertmanager.stop());
  return alertmanager;
}

describe('a real Alertmanager', () => {
  it('delivers an alert and its end, with the fingerprint that makes them one', async () => {
    const drover = await startDrover();
    const alertmanager = await alertmanagerFor(drover.webhookUrl, TOKEN.token);
    await alertmanager.post([{ labels: LABELS, annotations: { summary: '3 errors on mc0' } }]);
    const firing = await until('the alert', () => drover.asked.alerts.at(0));
    expect(firing).toMatchObject({
      name: 'HostMemoryErrors',
      status: 'firing',
      labels: LABELS,
      annotations: { summary: '3 errors on mc0' },
    });
    expect(firing.fingerprint).toMatch(/^[0-9a-f]{16}$/u);
    expect(Number.isNaN(Date.parse(firing.startsAt))).toBe(false);

    await alertmanager.post([{ labels: LABELS, endsAt: new Date(Date.now() - 1_000) }]);
    const resolved = await until('its end', () =>
      drover.asked.alerts.find(({ status }) => status === 'resolved'),
    );
    expect(resolved.fingerprint).toBe(firing.fingerprint);
    expect(drover.failures).toEqual([]);
  });

  it('keeps an alert that comes before the daemon is ready', async () => {
    const drover = await startDrover();
    drover.setReady(false);
    const alertmanager = await alertmanagerFor(drover.webhookUrl, TOKEN.token);
    await alertmanager.post([{ labels: LABELS }]);
    await until('the first try', () => (drover.turnedAway() > 0 ? true : undefined));
    drover.setReady(true);
    const firing = await until('the second', () => drover.asked.alerts.at(0));
    expect(firing.labels).toEqual(LABELS);
  });

  it('gets nothing in without the token', async () => {
    const drover = await startDrover();
    const alertmanager = await alertmanagerFor(drover.webhookUrl, 'a-token-of-somebody-else');
    await alertmanager.post([{ labels: LABELS }]);
    const counter = /alertmanager_notifications_failed_total\{.*webhook.*\} (\d+)/u;
    await until('a failed notification', async () => {
      const text = await (await fetch(`${alertmanager.url}/metrics`)).text();
      const failed = text.split('\n').map((line) => Number(counter.exec(line)?.[1] ?? 0));
      return failed.some((count) => count > 0) ? true : undefined;
    });
    expect(drover.asked.alerts).toEqual([]);
  });
});
