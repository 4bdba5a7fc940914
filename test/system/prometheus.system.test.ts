// The table of queries against a real Prometheus that scrapes a real node_exporter and an exporter
// of this test, which shows what the hardware exporters would: every query has to parse, and to
// give the host and the judgement that it is there for.
import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Collector } from '../../src/collect/collector.ts';
import { DEFAULT_QUERIES } from '../../src/collect/prometheus-queries.ts';
import { PROMETHEUS_DEFAULTS, PrometheusSource } from '../../src/collect/prometheus-source.ts';
import { DEFAULT_COLLECTOR_SETTINGS } from '../../src/collect/settings.ts';
import { sourceId } from '../../src/domain/ids.ts';
import { epochSeconds, seconds } from '../../src/domain/units.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Reading } from '../../src/ports/metric-source.ts';
import {
  anInventory,
  hostFacts,
  NO_CONTEXT,
  RecordingSink,
  ScriptedSource,
  vmFacts,
} from '../unit/collect/support.ts';
import {
  type Prometheus,
  type Server,
  startNodeExporter,
  startPrometheus,
} from './lab/alerting.ts';
import { until } from './lab/shell.ts';

/** As the exporters print it. Counters are per second of the exporter's life, times the factor. */
const GAUGES = `
node_hwmon_temp_celsius{chip="platform_coretemp_0",sensor="temp1"} 71
node_hwmon_temp_crit_celsius{chip="platform_coretemp_0",sensor="temp1"} 100
node_hwmon_temp_celsius{chip="pci0000:00_0000:03:00_0",sensor="temp1"} 98
node_hwmon_temp_crit_celsius{chip="pci0000:00_0000:03:00_0",sensor="temp1"} 0
node_hwmon_chip_names{chip="platform_coretemp_0",chip_name="coretemp"} 1
node_hwmon_chip_names{chip="pci0000:00_0000:03:00_0",chip_name="mlx5"} 1
node_bonding_slaves{master="bond0"} 2
node_bonding_active{master="bond0"} 1
node_md_disks{device="md0",state="active"} 2
node_md_disks{device="md0",state="failed"} 0
smartctl_device_smart_status{device="sda"} 1
smartctl_device_smart_status{device="sdb"} 0
smartctl_device_critical_warning{device="nvme0"} 0
smartctl_device_attribute{device="sda",attribute_id="197",attribute_value_type="raw"} 8
smartctl_device_attribute{device="sda",attribute_id="197",attribute_value_type="value"} 100
ipmi_fan_speed_state{id="1",name="Fan1"} 0
ipmi_fan_speed_state{id="2",name="Fan2"} 2
ipmi_temperature_state{id="3",name="Inlet"} NaN
ipmi_power_state{id="4",name="Pwr"} 1
ipmi_sensor_state{id="5",name="DIMM A1",type="Memory"} 0
ipmi_dcmi_power_consumption_watts 312
redfish_chassis_fan_health{fan="1"} 1
redfish_system_memory_health_state{memory="A1"} 3
redfish_chassis_power_average_consumed_watts 400
libvirt_domain_memory_stats_available_bytes{domain="web1"} 4e9
libvirt_domain_memory_stats_usable_bytes{domain="web1"} 1e9
`;

/** Grow with time: name and labels → per second. */
const COUNTERS: Readonly<Record<string, number>> = {
  'node_edac_uncorrectable_errors_total{controller="0"}': 1,
  'node_edac_correctable_errors_total{controller="0"}': 0,
  'node_network_receive_bytes_total{device="eno1"}': 3e6,
  'node_network_transmit_bytes_total{device="eno1"}': 1e6,
  'node_network_receive_bytes_total{device="vnet3"}': 5e6,
  'node_network_transmit_bytes_total{device="vnet3"}': 5e6,
  'node_network_receive_errs_total{device="eno1"}': 20,
  'node_network_transmit_errs_total{device="eno1"}': 0,
  'node_network_receive_packets_total{device="eno1"}': 900,
  'node_network_transmit_packets_total{device="eno1"}': 100,
  'libvirt_domain_info_cpu_time_seconds_total{domain="web1"}': 1.5,
  'libvirt_domain_vcpu_delay_seconds_total{domain="web1",vcpu="0"}': 0.25,
  'libvirt_domain_vcpu_delay_seconds_total{domain="web1",vcpu="1"}': 0.25,
  'libvirt_domain_interface_stats_receive_bytes_total{domain="web1",target_device="vnet3"}': 5e6,
  'libvirt_domain_interface_stats_transmit_bytes_total{domain="web1",target_device="vnet3"}': 5e6,
};

async function startExporter(): Promise<{ server: HttpServer; target: string }> {
  const start = Date.now();
  const server = createServer((_, response) => {
    const age = (Date.now() - start) / 1000;
    const counters = Object.entries(COUNTERS).map(([name, rate]) => `${name} ${rate * age}`);
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(`${counters.join('\n')}${GAUGES}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, target: `127.0.0.1:${address.port}` };
}

const clock: Clock = {
  now: () => epochSeconds(Date.now() / 1000),
  monotonic: () => seconds(performance.now() / 1000),
  sleep: (duration, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, duration * 1000);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

let exporter: HttpServer;
let node: Server;
let prometheus: Prometheus;

beforeAll(async () => {
  const own = await startExporter();
  exporter = own.server;
  node = await startNodeExporter();
  prometheus = await startPrometheus({ scrape: { node: [node.target], own: [own.target] } });
  // Rates need a look-back's worth of scrapes, and something before it.
  await until(
    'some scrapes',
    async () => {
      const vector = await prometheus.query('count_over_time(up[1m]) >= 16');
      return vector.length === 2 ? true : undefined;
    },
    { timeoutMs: 60_000 },
  );
});

afterAll(async () => {
  await prometheus?.stop();
  await node?.stop();
  exporter?.close();
});

function makeSource(url = prometheus.url): PrometheusSource {
  return new PrometheusSource({
    ...PROMETHEUS_DEFAULTS,
    source: sourceId('prom'),
    url,
    aliases: { '127.0.0.1': 'h1' },
    lookBackSeconds: seconds(10),
  });
}

function read(source: PrometheusSource): Promise<Reading> {
  return source.read(AbortSignal.timeout(30_000));
}

describe('a real Prometheus', () => {
  it('understands every query of the table', async () => {
    const reading = await read(makeSource());
    expect(reading.problems).toEqual([]);
    expect(DEFAULT_QUERIES.length).toBeGreaterThan(30);
  });

  it('gives no rate of a counter that is younger than the look-back', async () => {
    const young = new PrometheusSource({
      ...PROMETHEUS_DEFAULTS,
      source: sourceId('prom'),
      url: prometheus.url,
      lookBackSeconds: seconds(3600),
    });
    const { samples } = await read(young);
    expect(samples.map((sample) => sample.metric)).not.toContain('cpu.used');
    expect(samples.map((sample) => sample.metric)).toContain('memory.used');
  });

  it('gives the metrics of the host and of the VM in our units', async () => {
    const { samples } = await read(makeSource());
    const values = new Map(
      samples.map(({ entity, metric, value }) => [
        `${entity.kind === 'host' ? entity.host : entity.vm} ${metric}`,
        value,
      ]),
    );
    expect(values.get('h1 cpu.used')).toBeGreaterThan(0);
    expect(values.get('h1 memory.used')).toBeGreaterThan(1e8);
    expect(values.get('h1 psi.cpu.some')).toBeGreaterThanOrEqual(0);
    expect(values.get('h1 psi.cpu.some')).toBeLessThanOrEqual(1.05);
    expect(values.get('h1 psi.memory.full')).toBeGreaterThanOrEqual(0);
    // The hottest CPU, not the hotter network card.
    expect(values.get('h1 temperature')).toBe(71);
    // The tap of a guest is not counted beside the physical NIC.
    expect(values.get('h1 network.used')).toBeCloseTo(4e6, -5);
    // IPMI comes before Redfish.
    expect(values.get('h1 power.used')).toBe(312);
    expect(values.get('web1 cpu.used')).toBeCloseTo(1.5, 1);
    expect(values.get('web1 cpu.steal')).toBeCloseTo(0.5, 1);
    expect(values.get('web1 memory.used')).toBe(3e9);
    expect(values.get('web1 network.used')).toBeCloseTo(1e7, -5);
  });

  it('judges the hardware; what has no series is not judged', async () => {
    const { health } = await read(makeSource());
    expect(health.map((entry) => entry.host)).toEqual(['h1']);
    const judged = health[0]?.signals.map(({ sensor, level }) => `${sensor} ${level}`);
    expect(judged?.toSorted()).toEqual([
      'edac-correctable ok',
      'edac-uncorrectable critical',
      'hwmon-critical ok', // 29 degrees below; the card's limit of 0 is none
      'ipmi-fan (id=1, name=Fan1) ok', // its NaN temperature is no judgement
      'ipmi-fan (id=2, name=Fan2) critical',
      'ipmi-memory (id=5, name=DIMM A1) ok',
      'ipmi-power (id=4, name=Pwr) warning',
      'nic-bond (master=bond0) warning', // a link is down
      'nic-errors (device=eno1) warning', // 2 % of packets
      'nvme-critical-warning (device=nvme0) ok',
      'raid-failed (device=md0) ok',
      'redfish-fan (fan=1) ok',
      'redfish-memory (memory=A1) critical',
      'smart-pending-sectors (device=sda) warning',
      'smart-status (device=sda) ok',
      'smart-status (device=sdb) critical',
    ]);
    const [edac] = health[0]?.signals ?? [];
    expect(edac?.detail).toMatch(/^\d+(\.\d)? uncorrectable memory errors in 24 h \(EDAC\)$/u);
  });

  it('becomes part of the snapshot', async () => {
    const lab = new ScriptedSource('lab');
    lab.onInventory = async () =>
      anInventory({
        hosts: [hostFacts({ id: 'uuid-1', name: 'h1', threads: 1024, memoryGib: 65_536 })],
        vms: [vmFacts({ id: 'uuid-web1', name: 'web1', host: 'uuid-1', vcpus: 2 })],
      });
    const events = new RecordingSink();
    const collector = new Collector({
      hypervisors: [lab],
      metricSources: [makeSource()],
      clock,
      events,
      settings: DEFAULT_COLLECTOR_SETTINGS,
    });
    await collector.poll();
    const { hosts, vms, sources } = collector.snapshot(NO_CONTEXT);
    expect(sources.map((status) => status.state)).toEqual(['up', 'up']);
    expect(hosts[0]?.metrics['cpu.used']?.last.kind).toBe('known');
    expect(hosts[0]?.health.length).toBeGreaterThan(10);
    expect(vms[0]?.metrics['cpu.steal']?.last.kind).toBe('known');
  });

  it('says which query it does not understand, and answers the others', async () => {
    const bad = { ...DEFAULT_QUERIES[0]!, name: 'bad', promql: 'sum by ($host) (' };
    const source = new PrometheusSource({
      ...PROMETHEUS_DEFAULTS,
      source: sourceId('prom'),
      url: prometheus.url,
      queries: [bad, DEFAULT_QUERIES[1]!],
    });
    const reading = await read(source);
    expect(reading.problems).toHaveLength(1);
    expect(reading.problems[0]).toMatch(/^query bad: bad_data: .*parse error/u);
    expect(reading.samples.length).toBeGreaterThan(0);
  });

  it('that is gone is a failure, not an empty answer', async () => {
    await expect(read(makeSource('http://127.0.0.1:1'))).rejects.toMatchObject({
      code: 'unreachable',
    });
  });
});
