// Role: a real VictoriaMetrics, which takes InfluxDB's line protocol at /api/v2/write and gives it
// back in PromQL. On loopback, a free port and in a folder of its own that goes when it does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from './lab/shell.ts';

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

export interface VictoriaMetrics {
  readonly url: string;
  /** Every series whose name begins with `drover_`, with all its values. */
  exported(): Promise<Series[]>;
  stop(): Promise<void>;
}

/** `port`: where another one was, to be that one again. */
export async function startVictoriaMetrics(port?: number): Promise<VictoriaMetrics> {
  const address = `127.0.0.1:${port ?? (await freePort())}`;
  const folder = await mkdtemp(join(tmpdir(), 'drover-victoria-'));
  const child = spawn(
    'victoria-metrics',
    [`-httpListenAddr=${address}`, `-storageDataPath=${folder}`],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit').catch((error: unknown) => [error]);
  const url = `http://${address}`;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const answers = async (): Promise<true | undefined> => {
    if (child.exitCode !== null) throw new Error(`victoria-metrics ended: ${child.exitCode}`);
    const response = await fetch(`${url}/health`).catch(() => undefined);
    return response?.ok === true ? true : undefined;
  };
  try {
    await Promise.race([
      until('VictoriaMetrics is ready', answers, { timeoutMs: 60_000 }),
      exited.then(([reason]) => {
        throw new Error(`victoria-metrics: ${String(reason)}`);
      }),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  const exported = async (): Promise<Series[]> => {
    await fetch(`${url}/internal/force_flush`);
    // Without an end, the points of the current second would not be shown.
    const end = String(Date.now() / 1_000 + 60);
    const query = new URLSearchParams({ 'match[]': '{__name__=~"drover_.+"}', end });
    const text = await (await fetch(`${url}/api/v1/export?${query.toString()}`)).text();
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => {
      const { metric, values } = JSON.parse(line) as { metric: Series['labels']; values: number[] };
      return { labels: metric, values };
    });
  };
  return { url, exported, stop };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
