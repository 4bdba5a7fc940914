/**
 * Instant queries against a Prometheus-compatible HTTP API (Prometheus, VictoriaMetrics, Thanos,
 * Mimir). Reads at most `maxResponseBytes`, never follows a redirect, puts no credential into a
 * message. What the server answers is checked before it is used.
 */

import { type Dispatcher, request } from 'undici';
import type { SourceId } from '../domain/ids.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Seconds } from '../domain/units.ts';
import { AdapterError } from '../ports/metric-source.ts';

export interface PrometheusClientOptions {
  readonly source: SourceId;
  /** Base address, e.g. http://prometheus:9090 or https://mimir.example/prometheus. */
  readonly url: string;
  readonly bearerToken: string | undefined;
  /** Per query; also given to the server, so that it stops working on a query nobody awaits. */
  readonly timeoutSeconds: Seconds;
  readonly maxResponseBytes: number;
  /** What is done with an answer of which the server says that it is not whole. */
  readonly partialAnswers: PartialAnswers;
  /** Undici's: TLS settings, proxies, tests. Undefined: the process-wide one. */
  readonly dispatcher: Dispatcher | undefined;
}

export type PartialAnswers = 'refuse' | 'accept';

export interface VectorAnswer {
  readonly vector: readonly VectorSample[];
  /** What the server has to say about it, for people; it counts all the same. */
  readonly remarks: readonly string[];
}

/** One element of an instant vector. */
export interface VectorSample {
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since the epoch: when the query was evaluated, not when the target was scraped. */
  readonly at: number;
  /** May be NaN or infinite: that is what PromQL gives for 0/0. */
  readonly value: number;
}

export class PrometheusClient {
  readonly #options: PrometheusClientOptions;
  readonly #endpoint: URL;

  /** Throws RangeError on an address that is not http(s), or that carries credentials. */
  constructor(options: PrometheusClientOptions) {
    this.#options = options;
    const base = URL.parse(options.url.replace(/\/*$/u, '/'));
    if (base === null || !/^https?:$/u.test(base.protocol)) {
      throw new RangeError(`${options.source}: expected an http(s) address`);
    }
    if (base.username !== '' || base.password !== '') {
      throw new RangeError(`${options.source}: credentials belong into the token, not the address`);
    }
    this.#endpoint = new URL('api/v1/query', base);
  }

  /**
   * The answer; or, as a value, why the server refused this one query. Throws AdapterError when
   * the server as a whole cannot be used (unreachable, refused credentials, gibberish).
   */
  async query(promql: string, signal: AbortSignal): Promise<Result<VectorAnswer, string>> {
    const { source, timeoutSeconds, bearerToken, dispatcher } = this.#options;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (bearerToken !== undefined) headers['authorization'] = `Bearer ${bearerToken}`;
    try {
      const response = await request(this.#endpoint, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ query: promql, timeout: `${timeoutSeconds}s` }).toString(),
        headersTimeout: timeoutSeconds * 1000,
        bodyTimeout: timeoutSeconds * 1000,
        signal,
        ...(dispatcher === undefined ? {} : { dispatcher }),
      });
      if (response.statusCode === 401 || response.statusCode === 403) {
        response.body.destroy();
        throw new AdapterError('auth', source, `HTTP ${response.statusCode}: access refused`);
      }
      const text = await this.#read(response.body);
      return this.#parse(text, response.statusCode);
    } catch (error) {
      throw asAdapterError(error, source);
    }
  }

  async #read(body: Dispatcher.ResponseData['body']): Promise<string> {
    const { maxResponseBytes, source } = this.#options;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      const part = Buffer.from(chunk);
      size += part.length;
      if (size > maxResponseBytes) {
        body.destroy();
        throw new AdapterError('protocol', source, `answer larger than ${maxResponseBytes} bytes`);
      }
      chunks.push(part);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  #parse(text: string, status: number): Result<VectorAnswer, string> {
    const answer = parseJson(text);
    if (isRecord(answer) && answer['status'] === 'error') {
      return fail(`${String(answer['errorType'])}: ${String(answer['error'])}`);
    }
    if (status >= 500) {
      throw new AdapterError('unreachable', this.#options.source, `HTTP ${status}`);
    }
    if (status !== 200 || !isRecord(answer) || !isRecord(answer['data'])) {
      throw this.#gibberish(`HTTP ${status}, and not the query API's JSON`);
    }
    const { resultType, result } = answer['data'];
    if (resultType !== 'vector' || !Array.isArray(result)) {
      return fail(`expected an instant vector, got ${String(resultType)}`);
    }
    const { partial, remarks } = judgeWarnings(answer);
    if (partial !== undefined && this.#options.partialAnswers === 'refuse') {
      const remedy = 'prometheus[].partialAnswers: accept uses such answers';
      return fail(`answered in part only: ${partial} (${remedy})`);
    }
    const used = partial === undefined ? [] : [`answered in part only, and used: ${partial}`];
    const vector = result.map((element) => this.#sample(element));
    return ok({ vector, remarks: [...used, ...remarks] });
  }

  #sample(element: unknown): VectorSample {
    if (!isRecord(element) || !isRecord(element['metric']) || !Array.isArray(element['value'])) {
      throw this.#gibberish('an element of the vector without metric and value');
    }
    const [at, value] = element['value'] as readonly unknown[];
    if (typeof at !== 'number' || typeof value !== 'string') {
      throw this.#gibberish('a sample that is not [number, text]');
    }
    const entries = Object.entries(element['metric']);
    const labels = Object.fromEntries(entries.map(([name, label]) => [name, String(label)]));
    return { labels, at, value: parseValue(value) };
  }

  #gibberish(what: string): AdapterError {
    return new AdapterError('protocol', this.#options.source, what);
  }
}

interface Warned {
  /** Why it is not whole; undefined: it is. */
  readonly partial: string | undefined;
  readonly remarks: readonly string[];
}

/**
 * VictoriaMetrics says `isPartial`; Thanos, Mimir and Prometheus (remote read) warn. What PromQL
 * itself annotates is about the query and its series, of which none is missing: its warnings are
 * told, and its infos, which stood among the warnings until Prometheus 2.54, are not.
 */
function judgeWarnings({ warnings, isPartial }: Record<string, unknown>): Warned {
  const all = Array.isArray(warnings) ? warnings.map(String) : [];
  const [missing] = all.filter((warning) => !/^PromQL (?:info|warning):/u.test(warning));
  const remarks = all.filter((warning) => warning.startsWith('PromQL warning:'));
  const why = isPartial === true ? 'part of the store does not answer' : undefined;
  return { partial: missing ?? why, remarks };
}

/** Prometheus writes "NaN", "+Inf" and "-Inf", which Number() knows under other names. */
function parseValue(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  // Number('') is 0, and empty is not zero.
  return text.trim() === '' ? Number.NaN : Number(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asAdapterError(error: unknown, source: SourceId): AdapterError {
  if (error instanceof AdapterError) return error;
  const code = isRecord(error) ? String(error['code']) : '';
  const name = error instanceof Error ? error.name : '';
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return new AdapterError('timeout', source, text, error);
  }
  if (name === 'AbortError') return new AdapterError('timeout', source, 'given up', error);
  if (code === 'UND_ERR_SOCKET') return new AdapterError('lost', source, text, error);
  return new AdapterError('unreachable', source, text === '' ? code : text, error);
}
