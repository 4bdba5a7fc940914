/**
 * A Prometheus-compatible server as a source of metrics and of host health. Turns the rows of
 * prometheus-queries.ts into samples and signals; judges nothing but "which host is this". A
 * query that gives no series for a host says nothing about it: absent is not healthy.
 */

import { type HealthLevel, type HealthSignal } from '../domain/host.ts';
import { hostId, type HostId, isIdText, type SourceId, vmId, type VmId } from '../domain/ids.ts';
import type { Sample } from '../domain/measured.ts';
import { listed } from '../domain/listed.ts';
import { own } from '../domain/own.ts';
import { assertNever, type Result } from '../domain/result.ts';
import { epochSeconds, type Seconds, seconds } from '../domain/units.ts';
import { AdapterError, type HostHealth, type MetricSource } from '../ports/metric-source.ts';
import type { Reading } from '../ports/metric-source.ts';
import {
  PrometheusClient,
  type PrometheusClientOptions,
  type VectorAnswer,
  type VectorSample,
} from './prometheus-client.ts';
import { DEFAULT_QUERIES, type HealthQuery, type PrometheusQuery } from './prometheus-queries.ts';

export interface PrometheusSourceOptions extends PrometheusClientOptions {
  /** The label that names the host; `instance` unless the scrape configuration relabels. */
  readonly hostLabel: string;
  /**
   * Its first group is the host's name or id. Matched against at most 256 characters; avoid
   * nested repetition, as in any regular expression over foreign text.
   */
  readonly hostPattern: RegExp;
  /** What the pattern gave → the host's name or id, e.g. the address of a BMC → its host. */
  readonly aliases: Readonly<Record<string, string>>;
  /** The label that names the VM (name or id). */
  readonly vmLabel: string;
  /** Look-back of rates and gauges: at least twice the scrape interval. */
  readonly lookBackSeconds: Seconds;
  readonly queries: readonly PrometheusQuery[];
  /** Queries under way at the same time. */
  readonly concurrency: number;
}

export const PROMETHEUS_DEFAULTS = {
  bearerToken: undefined,
  timeoutSeconds: seconds(10),
  // 20,000 VMs are about 4 MB per query.
  maxResponseBytes: 32 * 1024 * 1024,
  partialAnswers: 'refuse',
  dispatcher: undefined,
  hostLabel: 'instance',
  /** The instance label without its port; brackets of an IPv6 address are dropped. */
  hostPattern: /^\[?([^\]]*?)\]?(?::\d+)?$/u,
  aliases: {},
  vmLabel: 'domain',
  lookBackSeconds: seconds(120),
  queries: DEFAULT_QUERIES,
  concurrency: 4,
} as const satisfies Omit<PrometheusSourceOptions, 'source' | 'url'>;

/** They say how a series came here: a new pod of an exporter is no new disk. */
const SCRAPE_LABELS: ReadonlySet<string> = new Set([
  '__name__',
  'instance',
  'job',
  'exported_instance',
  'exported_job',
  'container',
  'endpoint',
  'namespace',
  'pod',
  'service',
  'prometheus',
  'replica',
]);

interface NamedMetric {
  readonly name: string;
  readonly metric: string;
}

interface Answer {
  readonly query: PrometheusQuery;
  readonly result: Result<VectorAnswer, string>;
}

export class PrometheusSource implements MetricSource {
  readonly source: SourceId;
  readonly #options: PrometheusSourceOptions;
  readonly #client: PrometheusClient;

  constructor(options: PrometheusSourceOptions) {
    this.source = options.source;
    // A global pattern remembers where it stopped: every second host would not be found.
    const { source, flags } = options.hostPattern;
    const hostPattern = new RegExp(source, flags.replaceAll(/[gy]/gu, ''));
    this.#options = { ...options, hostPattern };
    this.#client = new PrometheusClient(options);
  }

  async read(signal: AbortSignal): Promise<Reading> {
    const answers = await this.#askAll(signal);
    const problems: string[] = [];
    const samples = new Map<string, Sample>();
    const signals = new Map<HostId, HealthSignal[]>();
    for (const { query, result } of answers) {
      if (!result.ok) {
        problems.push(`query ${query.name}: ${result.error}`);
        continue;
      }
      const { vector, remarks } = result.value;
      problems.push(...remarks.map((remark) => `query ${query.name}: ${remark}`));
      switch (query.kind) {
        case 'host-metric':
          this.#hostSamples(query, vector, samples, problems);
          break;
        case 'vm-metric':
          this.#vmSamples(query, vector, samples, problems);
          break;
        case 'health':
          this.#judge(query, vector, signals);
          break;
        default:
          assertNever(query, 'kind of query');
      }
    }
    // Every query refused: then it is the server, or its address, that is wrong.
    if (answers.length > 0 && answers.every(({ result }) => !result.ok)) {
      throw new AdapterError('protocol', this.source, problems[0] ?? 'every query was refused');
    }
    const health: HostHealth[] = [...signals].map(([host, list]) => ({ host, signals: list }));
    return { samples: [...samples.values()], health, problems };
  }

  /** Nothing is kept open here; a dispatcher that was passed in belongs to whoever made it. */
  async close(): Promise<void> {}

  /** All answers in the order of the queries, however they came in. */
  async #askAll(signal: AbortSignal): Promise<readonly Answer[]> {
    const { queries, concurrency } = this.#options;
    const answers: Answer[] = [];
    // One shared iterator: each worker takes the next query when it is free.
    const rest = queries.entries();
    const giveUp = new AbortController();
    const either = AbortSignal.any([signal, giveUp.signal]);
    const work = async (): Promise<void> => {
      for (const [index, query] of rest) {
        if (either.aborted) return;
        const result = await this.#client.query(this.#expand(query.promql), either);
        answers[index] = { query, result };
      }
    };
    try {
      await Promise.all(Array.from({ length: concurrency }, work));
    } finally {
      // The first error stands for the server: the other workers need not find it too.
      giveUp.abort();
    }
    return answers;
  }

  #expand(promql: string): string {
    const { hostLabel, vmLabel, lookBackSeconds } = this.#options;
    return promql
      .replaceAll('$host', hostLabel)
      .replaceAll('$vm', vmLabel)
      .replaceAll('$window', `${Math.ceil(lookBackSeconds)}s`);
  }

  /** A host that two series tell of is left out: nobody knows which of the two is right. */
  #hostSamples(
    query: NamedMetric,
    vector: readonly VectorSample[],
    into: Map<string, Sample>,
    problems: string[],
  ): void {
    const found = new Map<HostId, Sample | 'ambiguous'>();
    for (const { labels, at, value } of vector) {
      const host = this.#hostOf(labels);
      if (host === undefined) continue;
      const { metric } = query;
      const sample: Sample = { entity: { kind: 'host', host }, metric, value, at: moment(at) };
      found.set(host, found.has(host) ? 'ambiguous' : sample);
    }
    const doubled = offerAll(into, found);
    if (doubled.length === 0) return;
    const names = listed(doubled.toSorted());
    problems.push(`query ${query.name}: hosts of several series are left out: ${names}`);
  }

  /** A VM that appears under two hosts is left out: nobody knows which of the two it is. */
  #vmSamples(
    query: NamedMetric,
    vector: readonly VectorSample[],
    into: Map<string, Sample>,
    problems: string[],
  ): void {
    const found = new Map<VmId, Sample | 'ambiguous'>();
    for (const { labels, at, value } of vector) {
      const name = labels[this.#options.vmLabel] ?? '';
      if (!isIdText(name)) continue;
      const vm = vmId(name);
      const { metric } = query;
      const sample: Sample = { entity: { kind: 'vm', vm }, metric, value, at: moment(at) };
      found.set(vm, found.has(vm) ? 'ambiguous' : sample);
    }
    if (offerAll(into, found).length > 0) {
      problems.push(`query ${query.name}: VMs that are seen on several hosts are left out`);
    }
  }

  #judge(
    query: HealthQuery,
    vector: readonly VectorSample[],
    into: Map<HostId, HealthSignal[]>,
  ): void {
    for (const { labels, at, value } of vector) {
      const host = this.#hostOf(labels);
      if (host === undefined || Number.isNaN(value)) continue;
      const part = this.#partOf(labels);
      const signal: HealthSignal = {
        component: query.component,
        sensor: `${query.name}${part}`,
        level: levelOf(query, value),
        detail: `${formatValue(value)} ${query.says}${part}`,
        at: moment(at),
        source: this.source,
      };
      const list = into.get(host) ?? [];
      list.push(signal);
      into.set(host, list);
    }
  }

  /** Which of a host's parts a series is about, where a query gives several; else empty. */
  #partOf(labels: Readonly<Record<string, string>>): string {
    const named = Object.entries(labels)
      .filter(([name]) => name !== this.#options.hostLabel && !SCRAPE_LABELS.has(name))
      .map(([name, value]) => `${name}=${value}`);
    return named.length === 0 ? '' : ` (${named.toSorted().join(', ').slice(0, 256)})`;
  }

  #hostOf(labels: Readonly<Record<string, string>>): HostId | undefined {
    const { hostLabel, hostPattern, aliases } = this.#options;
    const label = own(labels, hostLabel)?.slice(0, 256);
    const name = label === undefined ? undefined : hostPattern.exec(label)?.[1];
    if (name === undefined) return undefined;
    const resolved = own(aliases, name) ?? name;
    return isIdText(resolved) ? hostId(resolved) : undefined;
  }
}

/** Offers those that one row alone tells of; returns the others. */
function offerAll(
  into: Map<string, Sample>,
  found: ReadonlyMap<string, Sample | 'ambiguous'>,
): readonly string[] {
  const ambiguous: string[] = [];
  for (const [id, sample] of found) {
    if (sample === 'ambiguous') ambiguous.push(id);
    else offer(into, `${sample.entity.kind}\n${id}\n${sample.metric}`, sample);
  }
  return ambiguous;
}

/** The first row that gives a number has it; NaN is passed on only when no row gives one. */
function offer(into: Map<string, Sample>, key: string, sample: Sample): void {
  const earlier = into.get(key);
  if (earlier === undefined || Number.isNaN(earlier.value)) into.set(key, sample);
}

function levelOf(query: HealthQuery, value: number): HealthLevel {
  if (query.criticalAbove !== undefined && value > query.criticalAbove) return 'critical';
  if (query.warningAbove !== undefined && value > query.warningAbove) return 'warning';
  return 'ok';
}

/** Counters are extrapolated by PromQL: "3.0021 errors" would only puzzle people. */
function formatValue(value: number): string {
  return String(Math.abs(value) >= 1 ? Math.round(value * 10) / 10 : Number(value.toPrecision(2)));
}

/** The evaluation time; a server that sends nonsense is caught by the collector's own check. */
function moment(at: number): Sample['at'] {
  return epochSeconds(Number.isFinite(at) && at >= 0 ? at : 0);
}
