import { MockAgent } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_QUERIES, type PrometheusQuery } from '../../../src/collect/prometheus-queries.ts';
import {
  PROMETHEUS_DEFAULTS,
  PrometheusSource,
  type PrometheusSourceOptions,
} from '../../../src/collect/prometheus-source.ts';
import { sourceId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';

const ORIGIN = 'http://prometheus:9090';
const AT = 1_800_000_000.25;

let agent: MockAgent;

beforeEach(() => {
  agent = new MockAgent();
  agent.disableNetConnect();
});
afterEach(async () => agent.close());

const CPU: PrometheusQuery = {
  kind: 'host-metric',
  name: 'cpu',
  metric: 'cpu.used',
  promql: 'cpu by ($host) [$window]',
};
const CPU_AGAIN: PrometheusQuery = { ...CPU, name: 'cpu-2', promql: 'other_cpu' };
const VM_CPU: PrometheusQuery = {
  kind: 'vm-metric',
  name: 'vm-cpu',
  metric: 'cpu.used',
  promql: 'vm by ($vm, $host)',
};
const ECC: PrometheusQuery = {
  kind: 'health',
  name: 'ecc',
  component: 'memory',
  promql: 'ecc',
  warningAbove: 0,
  criticalAbove: 10,
  says: 'errors',
};

function make(options: Partial<PrometheusSourceOptions>): PrometheusSource {
  return new PrometheusSource({
    ...PROMETHEUS_DEFAULTS,
    source: sourceId('prom'),
    url: ORIGIN,
    dispatcher: agent,
    ...options,
  });
}

type Row = [labels: Record<string, string>, value: string];

function vector(...rows: Row[]): object {
  const result = rows.map(([metric, value]) => ({ metric, value: [AT, value] }));
  return { status: 'success', data: { resultType: 'vector', result } };
}

function text(body: unknown): string {
  return typeof body === 'string' ? body : '';
}

/** Answers by the query's text; a query that is not listed has no series. */
function serve(answers: Record<string, object>, seen: string[] = [], path = '/api/v1/query'): void {
  agent
    .get(ORIGIN)
    .intercept({ path, method: 'POST' })
    .reply(200, (request) => {
      const query = new URLSearchParams(text(request.body)).get('query') ?? '';
      seen.push(query);
      return answers[query] ?? vector();
    })
    .persist();
}

function read(source: PrometheusSource) {
  return source.read(new AbortController().signal);
}

describe('samples', () => {
  it('maps the instance without its port to the host', async () => {
    const seen: string[] = [];
    serve(
      {
        'cpu by (instance) [120s]': vector(
          [{ instance: 'h1:9100' }, '3.5'],
          [{ instance: 'h2.example.com' }, '0'],
          [{ instance: '[fd00::1]:9100' }, '1'],
          [{ job: 'no instance' }, '9'],
        ),
      },
      seen,
    );
    const reading = await read(make({ queries: [CPU] }));
    expect(seen).toEqual(['cpu by (instance) [120s]']);
    expect(reading.samples).toEqual([
      { entity: { kind: 'host', host: 'h1' }, metric: 'cpu.used', value: 3.5, at: AT },
      { entity: { kind: 'host', host: 'h2.example.com' }, metric: 'cpu.used', value: 0, at: AT },
      { entity: { kind: 'host', host: 'fd00::1' }, metric: 'cpu.used', value: 1, at: AT },
    ]);
    expect(reading.problems).toEqual([]);
  });

  it('takes the label, pattern and aliases of the operator', async () => {
    serve({
      'cpu by (node) [30s]': vector(
        [{ node: 'bmc-h1.oob' }, '1'],
        [{ node: 'bmc-x.oob' }, '2'],
        [{ node: 'other' }, '3'],
      ),
    });
    const source = make({
      queries: [CPU],
      hostLabel: 'node',
      hostPattern: /^bmc-(.*)\.oob$/gu,
      aliases: { x: 'h7' },
      lookBackSeconds: seconds(30),
    });
    const { samples } = await read(source);
    expect(samples.map((sample) => [sample.entity, sample.value])).toEqual([
      [{ kind: 'host', host: 'h1' }, 1],
      [{ kind: 'host', host: 'h7' }, 2],
    ]);
  });

  it('uses the first query that gives a number, whatever order they answer in', async () => {
    serve({
      'cpu by (instance) [120s]': vector([{ instance: 'h1' }, '1'], [{ instance: 'h2' }, 'NaN']),
      other_cpu: vector([{ instance: 'h1' }, '2'], [{ instance: 'h2' }, '3']),
    });
    const { samples } = await read(make({ queries: [CPU, CPU_AGAIN] }));
    expect(samples.map((sample) => sample.value)).toEqual([1, 3]);
  });

  it('passes NaN and infinities on for the collector to judge', async () => {
    serve({
      'cpu by (instance) [120s]': vector(
        [{ instance: 'h1' }, 'NaN'],
        [{ instance: 'h2' }, '+Inf'],
        [{ instance: 'h3' }, ''],
      ),
    });
    const { samples } = await read(make({ queries: [CPU] }));
    expect(samples.map((sample) => sample.value)).toEqual([Number.NaN, Infinity, Number.NaN]);
  });

  it('leaves out a host that two series of one query tell of, and says so', async () => {
    serve({
      'cpu by (instance) [120s]': vector(
        [{ instance: 'h1:9100' }, '1'],
        [{ instance: 'h1:9101' }, '60'],
        [{ instance: 'h2:9100' }, '2'],
      ),
    });
    const { samples, problems } = await read(make({ queries: [CPU] }));
    expect(samples.map(({ entity, value }) => [entity, value])).toEqual([
      [{ kind: 'host', host: 'h2' }, 2],
    ]);
    expect(problems).toEqual(['query cpu: hosts of several series are left out: h1']);
  });

  it('leaves out a VM that is seen on two hosts', async () => {
    serve({
      'vm by (domain, instance)': vector(
        [{ domain: 'web1', instance: 'h1:9177' }, '1'],
        [{ domain: 'web1', instance: 'h2:9177' }, '2'],
        [{ domain: 'db1', instance: 'h2:9177' }, '4'],
      ),
    });
    const { samples, problems } = await read(make({ queries: [VM_CPU] }));
    expect(samples).toEqual([
      { entity: { kind: 'vm', vm: 'db1' }, metric: 'cpu.used', value: 4, at: AT },
    ]);
    expect(problems).toEqual(['query vm-cpu: VMs that are seen on several hosts are left out']);
  });
});

describe('health', () => {
  it('judges where there is a series, and says nothing where there is none', async () => {
    serve({
      ecc: vector(
        [{ instance: 'h1' }, '0'],
        [{ instance: 'h2' }, '3.0021'],
        [{ instance: 'h3' }, '11'],
        [{ instance: 'h4' }, 'NaN'],
      ),
    });
    const { health } = await read(make({ queries: [ECC] }));
    expect(
      health.map(({ host, signals }) => [host, signals[0]?.level, signals[0]?.detail]),
    ).toEqual([
      ['h1', 'ok', '0 errors'],
      ['h2', 'warning', '3 errors'],
      ['h3', 'critical', '11 errors'],
    ]);
    expect(health[0]?.signals[0]).toMatchObject({ component: 'memory', at: AT, source: 'prom' });
  });
});

describe('parts of a host', () => {
  it('are sensors of their own, whichever way their series came', async () => {
    const row = (device: string, pod: string, value: string): Row => [
      { instance: 'h1:9633', device, pod, __name__: 'ecc', job: 'smart' },
      value,
    ];
    serve({ ecc: vector(row('sdb', 'p1', '11'), row('sda', 'p2', '0')) });
    const { health } = await read(make({ queries: [ECC] }));
    expect(health[0]?.signals.map(({ sensor, detail }) => [sensor, detail])).toEqual([
      ['ecc (device=sdb)', '11 errors (device=sdb)'],
      ['ecc (device=sda)', '0 errors (device=sda)'],
    ]);
  });
});

describe('failures', () => {
  it('one refused query is a problem; the others count', async () => {
    serve({
      'cpu by (instance) [120s]': {
        status: 'error',
        errorType: 'bad_data',
        error: 'parse error',
      },
      ecc: vector([{ instance: 'h1' }, '0']),
    });
    const reading = await read(make({ queries: [CPU, ECC] }));
    expect(reading.problems).toEqual(['query cpu: bad_data: parse error']);
    expect(reading.health).toHaveLength(1);
  });

  it('an answer that is not whole gives no figures, and is a problem', async () => {
    const row = vector([{ instance: 'h1' }, '1']);
    const store = 'no StoreAPIs matched for 1 of 2 stores';
    const remark = 'PromQL info: metric might not be a counter';
    serve({
      'cpu by (instance) [120s]': { ...row, warnings: [remark, store] },
      other_cpu: { ...row, isPartial: true },
      ecc: { ...row, warnings: [remark], isPartial: false },
    });
    const reading = await read(make({ queries: [CPU, CPU_AGAIN, ECC] }));
    expect(reading.samples).toEqual([]);
    expect(reading.health).toHaveLength(1);
    const remedy = '(prometheus[].partialAnswers: accept uses such answers)';
    expect(reading.problems).toEqual([
      `query cpu: answered in part only: ${store} ${remedy}`,
      `query cpu-2: answered in part only: part of the store does not answer ${remedy}`,
    ]);
    const told = await read(make({ queries: [CPU, ECC], partialAnswers: 'accept' }));
    expect(told.samples).toHaveLength(1);
    expect(told.problems).toEqual([`query cpu: answered in part only, and used: ${store}`]);
  });

  it('what PromQL remarks on a query takes nothing away', async () => {
    const mixed = 'PromQL warning: encountered a mix of histograms and floats for "x"';
    const warnings = [mixed, 'PromQL info: metric might not be a counter'];
    serve({
      'cpu by (instance) [120s]': { ...vector([{ instance: 'h1' }, '1']), warnings },
      ecc: { ...vector([{ instance: 'h1' }, '0']), warnings: [mixed] },
    });
    const reading = await read(make({ queries: [CPU, ECC] }));
    expect(reading.samples).toHaveLength(1);
    expect(reading.health).toHaveLength(1);
    expect(reading.problems).toEqual([`query cpu: ${mixed}`, `query ecc: ${mixed}`]);
  });

  it('every query refused is a failure', async () => {
    serve({ ecc: { status: 'error', errorType: 'bad_data', error: 'no' } });
    await expect(read(make({ queries: [ECC] }))).rejects.toMatchObject({ code: 'protocol' });
  });

  it('a result that is no vector is a problem', async () => {
    serve({
      ecc: { status: 'success', data: { resultType: 'scalar', result: [AT, '1'] } },
      vm: vector(),
    });
    const { problems } = await read(make({ queries: [ECC, { ...VM_CPU, promql: 'vm' }] }));
    expect(problems).toEqual(['query ecc: expected an instant vector, got scalar']);
  });

  const replies: [string, number, unknown, string][] = [
    ['refused credentials', 401, 'no', 'auth'],
    ['a bad gateway', 502, '<html>', 'unreachable'],
    ['a login page', 200, '<html>', 'protocol'],
    ['a redirect', 302, '', 'protocol'],
    ['JSON of something else', 200, { hello: 1 }, 'protocol'],
    [
      'a broken element',
      200,
      { status: 'success', data: { resultType: 'vector', result: [{ metric: {} }] } },
      'protocol',
    ],
    [
      'a number that is no text',
      200,
      {
        status: 'success',
        data: { resultType: 'vector', result: [{ metric: {}, value: [1, 2] }] },
      },
      'protocol',
    ],
  ];
  it.each(replies)('%s: AdapterError', async (...row) => {
    const [, status, body, code] = row;
    agent
      .get(ORIGIN)
      .intercept({ path: '/api/v1/query', method: 'POST' })
      .reply(status, body as string)
      .persist();
    await expect(read(make({ queries: [ECC, CPU] }))).rejects.toSatisfy(
      (error) => error instanceof AdapterError && error.code === code,
    );
  });

  it('an answer beyond the limit is refused without being read', async () => {
    serve({ ecc: vector([{ instance: 'h'.repeat(5000) }, '1']) });
    const source = make({ queries: [ECC], maxResponseBytes: 1000 });
    await expect(read(source)).rejects.toThrow('larger than 1000 bytes');
  });

  it('a dead server is asked once per worker, not once per query', async () => {
    let asked = 0;
    agent
      .get(ORIGIN)
      .intercept({ path: '/api/v1/query', method: 'POST' })
      .reply(() => {
        asked += 1;
        return { statusCode: 503, data: 'down' };
      })
      .persist();
    const queries = Array.from({ length: 40 }, (_, index) => ({ ...ECC, name: `ecc-${index}` }));
    await expect(read(make({ queries, concurrency: 2 }))).rejects.toThrow('503');
    expect(asked).toBeLessThanOrEqual(4);
  });

  it('gives up when told to', async () => {
    agent
      .get(ORIGIN)
      .intercept({ path: '/api/v1/query', method: 'POST' })
      .reply(200, vector())
      .delay(60_000)
      .persist();
    const stop = new AbortController();
    const reading = make({ queries: [ECC] }).read(stop.signal);
    stop.abort();
    await expect(reading).rejects.toMatchObject({ code: 'timeout' });
  });
});

describe('the connection', () => {
  it('sends the token, keeps a path prefix, and passes the time-out on', async () => {
    let headers: unknown;
    let body = '';
    agent
      .get(ORIGIN)
      .intercept({ path: '/mimir/prometheus/api/v1/query', method: 'POST' })
      .reply(200, (request) => {
        headers = request.headers;
        body = text(request.body);
        return vector();
      });
    await read(make({ url: `${ORIGIN}/mimir/prometheus/`, bearerToken: 's3cret', queries: [ECC] }));
    expect(headers).toMatchObject({ authorization: 'Bearer s3cret' });
    expect(new URLSearchParams(body).get('timeout')).toBe('10s');
  });

  it('does not accept credentials in the address, nor repeat them', () => {
    const inAddress = () => make({ url: 'http://me:s3cret@prometheus' });
    expect(inAddress).toThrow(RangeError);
    expect(inAddress).not.toThrow(/s3cret/u);
    expect(() => make({ url: 'ftp://prometheus' })).toThrow(RangeError);
    expect(() => make({ url: 'prometheus:9090' })).toThrow(RangeError);
  });
});

describe('the table of queries', () => {
  it('has unique names', () => {
    const names = DEFAULT_QUERIES.map((query) => query.name);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(DEFAULT_QUERIES)('$name keeps the labels that name its host and VM', (query) => {
    const kept = query.promql.match(/\bby \([^)]*\)/gu) ?? [];
    const names = query.kind === 'vm-metric' ? 'by ($vm, $host' : 'by ($host';
    expect(kept.filter((labels) => !labels.startsWith(names))).toEqual([]);
    const mayKeepAll = query.kind === 'health';
    expect(mayKeepAll || kept.length > 0).toBe(true);
  });
});
