// Role: proves the alerting half of the lab: an alert rule of a real Prometheus fires over a real
// node_exporter, a real Alertmanager posts it to a webhook with its token, and then its end.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { startAlertmanager, startNodeExporter, startPrometheus, type Server } from './alerting.ts';
import { until } from './shell.ts';

interface Notice {
  readonly headers: IncomingHttpHeaders;
  readonly body: {
    readonly version: string;
    readonly status: string;
    readonly alerts: readonly { readonly labels: Readonly<Record<string, string>> }[];
  };
}

const started: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const server of started.splice(0).reverse()) await server.stop();
});

function track<T extends { stop(): Promise<void> }>(server: T): T {
  started.push(server);
  return server;
}

async function startWebhook(): Promise<{ url: string; notices: Notice[] }> {
  const notices: Notice[] = [];
  const http: HttpServer = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      response.end();
      notices.push({ headers: request.headers, body: JSON.parse(text) as Notice['body'] });
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const stop = async (): Promise<void> => {
    http.close();
    http.closeAllConnections();
  };
  track({ stop });
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, notices };
}

function noticeOf(notices: readonly Notice[], status: string): Promise<Notice> {
  return until(`a ${status} notice`, () => notices.find(({ body }) => body.status === status));
}

describe('alerting', () => {
  it('posts an alert and its end to a webhook', async () => {
    const { url, notices } = await startWebhook();
    const alertmanager = track(await startAlertmanager({ webhookUrl: url, bearerToken: 'secret' }));
    const labels = { alertname: 'HostFailing', host: 'h1' };

    await alertmanager.post([{ labels }]);
    const firing = await noticeOf(notices, 'firing');
    expect(firing.headers.authorization).toBe('Bearer secret');
    expect(firing.body).toMatchObject({ version: '4', alerts: [{ labels }] });

    await alertmanager.post([{ labels, endsAt: new Date(Date.now() - 1000) }]);
    expect((await noticeOf(notices, 'resolved')).body).toMatchObject({ alerts: [{ labels }] });
  });

  it('evaluates a rule over real figures of this machine', async () => {
    const { url, notices } = await startWebhook();
    const alertmanager = track(await startAlertmanager({ webhookUrl: url }));
    const exporter = track(await startNodeExporter());
    const prometheus = track(
      await startPrometheus({
        scrape: { node: [exporter.target] },
        rules: [{ alert: 'MemoryThere', expr: 'node_memory_MemTotal_bytes > 0', for: '1s' }],
        alertmanager,
      }),
    );

    const firing = await noticeOf(notices, 'firing');
    expect(firing.body.alerts[0]?.labels).toMatchObject({ alertname: 'MemoryThere', job: 'node' });
    const [sample] = await prometheus.query('node_memory_MemTotal_bytes');
    expect(sample?.labels['instance']).toBe(exporter.target);
    expect(sample?.value).toBeGreaterThan(2 ** 27);
  });

  it('leaves no process behind', async () => {
    const server: Server = await startNodeExporter();
    expect(existsSync(`/proc/${server.pid}`)).toBe(true);
    await server.stop();
    expect(existsSync(`/proc/${server.pid}`)).toBe(false);
  });
});
