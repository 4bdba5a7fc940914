// Role: real Alertmanager, Prometheus and node_exporter for tests, on loopback with free ports and
// in a folder of their own that goes when they do.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from './shell.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/** A server that was started here: where it answers, and how to end it. */
export interface Server {
  readonly url: string;
  /** host:port, as Prometheus names a target. */
  readonly target: string;
  readonly pid: number;
  /** Ends the process and removes its folder. */
  stop(): Promise<void>;
}

export interface AlertmanagerSpec {
  /** Where it posts alerts. */
  readonly webhookUrl: string;
  readonly bearerToken?: string;
  readonly groupBy?: readonly string[];
  readonly groupWait?: string;
  readonly groupInterval?: string;
  readonly repeatInterval?: string;
  readonly sendResolved?: boolean;
}

export interface AlertInput {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** An end in the past resolves the alert. */
  readonly endsAt?: Date;
}

export interface Alertmanager extends Server {
  /** Posts alerts as Prometheus would. */
  post(alerts: readonly AlertInput[]): Promise<void>;
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PrometheusSpec {
  /** Job name to targets, each host:port. */
  readonly scrape?: Readonly<Record<string, readonly string[]>>;
  readonly rules?: readonly AlertRule[];
  readonly alertmanager?: Server;
  readonly scrapeInterval?: string;
  readonly evaluationInterval?: string;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus extends Server {
  /** An instant query that gives a vector. */
  query(promql: string): Promise<Sample[]>;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('lab: no free port');
  return address.port;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const insist = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(insist);
}

interface Program {
  readonly program: string;
  readonly readyPath: string;
  /** Files to write into its folder first, by name. */
  readonly files?: Readonly<Record<string, unknown>>;
  readonly args: (folder: string, target: string) => string[];
}

async function startServer({ program, readyPath, files, args }: Program): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), `drover-${program}-`));
  for (const [name, content] of Object.entries(files ?? {})) {
    await writeFile(join(folder, name), JSON.stringify(content)); // JSON is YAML
  }
  const target = `127.0.0.1:${await freePort()}`;
  const log = join(folder, 'log');
  const output = openSync(log, 'w');
  const child = spawn(program, args(folder, target), {
    cwd: folder,
    stdio: ['ignore', output, output],
  });
  const failed = once(child, 'error').then(([error]) => {
    throw new Error(`lab: ${program}: ${String(error)}`);
  });
  failed.catch(() => undefined);
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const stop = async (): Promise<void> => {
    await endProcess(child);
    process.off('exit', killAtExit);
    await rm(folder, { recursive: true, force: true });
  };
  const url = `http://${target}`;
  const answers = async (): Promise<true | undefined> => {
    if (hasEnded(child)) throw new Error(`lab: ${program} ended: ${readFileSync(log, 'utf8')}`);
    const response = await fetch(url + readyPath).catch(() => undefined);
    return response?.ok === true ? true : undefined;
  };
  try {
    const ready = until(`${program} is ready`, answers, { timeoutMs: READY_TIMEOUT_MS });
    await Promise.race([ready, failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, target, pid: child.pid ?? 0, stop };
}

function alertmanagerConfig(spec: AlertmanagerSpec): unknown {
  const authorization = { credentials: spec.bearerToken };
  const webhook = {
    url: spec.webhookUrl,
    send_resolved: spec.sendResolved ?? true,
    ...(spec.bearerToken === undefined ? {} : { http_config: { authorization } }),
  };
  return {
    route: {
      receiver: 'drover',
      group_by: spec.groupBy ?? ['alertname', 'host'],
      group_wait: spec.groupWait ?? '1s',
      group_interval: spec.groupInterval ?? '2s',
      repeat_interval: spec.repeatInterval ?? '1h',
    },
    receivers: [{ name: 'drover', webhook_configs: [webhook] }],
  };
}

export async function startAlertmanager(spec: AlertmanagerSpec): Promise<Alertmanager> {
  const server = await startServer({
    program: 'prometheus-alertmanager',
    readyPath: '/-/ready',
    files: { 'alertmanager.yml': alertmanagerConfig(spec) },
    args: (folder, target) => [
      `--config.file=${join(folder, 'alertmanager.yml')}`,
      `--storage.path=${join(folder, 'data')}`,
      `--web.listen-address=${target}`,
      '--cluster.listen-address=', // its default gossips on all addresses
    ],
  });
  const post = async (alerts: readonly AlertInput[]): Promise<void> => {
    const response = await fetch(`${server.url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(alerts),
    });
    if (!response.ok) throw new Error(`lab: alertmanager: ${await response.text()}`);
  };
  return { ...server, post };
}

function prometheusConfig(spec: PrometheusSpec): unknown {
  const alertmanagers = spec.alertmanager === undefined ? [] : [spec.alertmanager.target];
  return {
    global: {
      scrape_interval: spec.scrapeInterval ?? '1s',
      scrape_timeout: spec.scrapeInterval ?? '1s',
      evaluation_interval: spec.evaluationInterval ?? '1s',
    },
    rule_files: ['rules.yml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: alertmanagers }] }] },
    scrape_configs: Object.entries(spec.scrape ?? {}).map(([job, targets]) => ({
      job_name: job,
      static_configs: [{ targets }],
    })),
  };
}

interface QueryAnswer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

export async function startPrometheus(spec: PrometheusSpec): Promise<Prometheus> {
  const server = await startServer({
    program: 'prometheus',
    readyPath: '/-/ready',
    files: {
      'prometheus.yml': prometheusConfig(spec),
      'rules.yml': { groups: [{ name: 'drover', rules: spec.rules ?? [] }] },
    },
    args: (folder, target) => [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${target}`,
      '--web.enable-remote-write-receiver',
      '--web.enable-lifecycle',
    ],
  });
  const query = async (promql: string): Promise<Sample[]> => {
    const response = await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(promql)}`);
    if (!response.ok) throw new Error(`lab: prometheus: ${await response.text()}`);
    const { data } = (await response.json()) as QueryAnswer;
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  };
  return { ...server, query };
}

/** The machine's own figures: CPU, memory, load, pressure. */
export async function startNodeExporter(): Promise<Server> {
  return startServer({
    program: 'prometheus-node-exporter',
    readyPath: '/metrics',
    args: (_, target) => [
      `--web.listen-address=${target}`,
      '--collector.disable-defaults',
      ...['cpu', 'loadavg', 'meminfo', 'pressure'].map((name) => `--collector.${name}`),
    ],
  });
}
