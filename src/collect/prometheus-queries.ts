/**
 * Which PromQL gives which metric or health signal. One table of data: operators can add rows of
 * the same form. `$host` stands for the label that names the host, `$vm` for the one that names
 * the VM, `$window` for the look-back. Where several rows give the same metric of the same host,
 * the first row with an answer is used.
 *
 * Gauges are read through `last_over_time(…[$window])`: a plain selector would go on showing a
 * value for five minutes (Prometheus' default look-back) after its target fell silent.
 *
 * What judges parts that can drop out one by one (disks, NICs, power supplies) is asked for part by
 * part: in a sum or a maximum one that is not there any more looks like one that is well.
 *
 * Metric names and values were checked against the exporters' own documentation and source:
 * node_exporter 1.5, smartctl_exporter, ipmi_exporter (docs/metrics.md), the redfish_exporter
 * family and the libvirt exporters. Left out on purpose: ipmi_chassis_drive_fault_state and
 * ipmi_chassis_cooling_fault_state, because 1 means "no fault" in one build of the exporter and
 * "fault" in the other.
 */

import type { HealthComponent } from '../domain/host.ts';
import type { HostMetric, VmMetric } from '../domain/metrics.ts';

interface QueryCommon {
  /** Unique; names the query in problems. */
  readonly name: string;
  readonly promql: string;
}

/** The value, times nothing, is the metric in the unit of domain/metrics.ts. */
export interface HostMetricQuery extends QueryCommon {
  readonly kind: 'host-metric';
  readonly metric: HostMetric;
}

export interface VmMetricQuery extends QueryCommon {
  readonly kind: 'vm-metric';
  readonly metric: VmMetric;
}

/** The value judges one component; not above any threshold: ok. No series: nothing is known. */
export interface HealthQuery extends QueryCommon {
  readonly kind: 'health';
  readonly component: HealthComponent;
  readonly warningAbove?: number;
  readonly criticalAbove?: number;
  /** What it counts, for people; labels of a part follow: "uncorrectable memory errors in 24 h". */
  readonly says: string;
}

export type PrometheusQuery = HostMetricQuery | VmMetricQuery | HealthQuery;

/**
 * Physical NICs by systemd's predictable names and the older ones. Bonds, bridges, VLANs, taps
 * and veths would count the same bytes twice.
 */
const NIC = 'device=~"(en|eth|ib)[^.:]*"';

/**
 * Per second, of counters that existed a whole look-back ago. PromQL divides by the look-back also
 * where a counter is younger: a host that was just started would look idle for minutes.
 */
function rate(series: string): string {
  return `(rate(${series}[$window]) and ${series} offset $window)`;
}

function latest(series: string): string {
  return `last_over_time(${series}[$window])`;
}

function total(expression: string): string {
  return `sum by ($host) (${expression})`;
}

function worst(expression: string): string {
  return `max by ($host) (${expression})`;
}

/** Of every part, which these labels name. */
function each(labels: string, expression: string): string {
  return `max by ($host, ${labels}) (${expression})`;
}

/** Received plus sent, per NIC and second. */
function nicTraffic(what: 'bytes' | 'packets' | 'errs'): string {
  const received = rate(`node_network_receive_${what}_total{${NIC}}`);
  return `${received} + ${rate(`node_network_transmit_${what}_total{${NIC}}`)}`;
}

const CPU_SENSORS = latest('node_hwmon_chip_names{chip_name=~"coretemp|k10temp|zenpower"}');

const NODE_EXPORTER: readonly PrometheusQuery[] = [
  {
    kind: 'host-metric',
    name: 'node-cpu',
    metric: 'cpu.used',
    // Guest time is part of `user`. Waiting for I/O is not work; stolen time is not ours.
    promql: total(rate('node_cpu_seconds_total{mode!~"idle|iowait|steal"}')),
  },
  {
    kind: 'host-metric',
    name: 'node-memory',
    metric: 'memory.used',
    promql: worst(
      `${latest('node_memory_MemTotal_bytes')} - ${latest('node_memory_MemAvailable_bytes')}`,
    ),
  },
  {
    kind: 'host-metric',
    name: 'node-network',
    metric: 'network.used',
    promql: total(nicTraffic('bytes')),
  },
  // Pressure: seconds stalled per second. `waiting` is the kernel's "some", `stalled` its "full".
  pressure('psi.cpu.some', 'node_pressure_cpu_waiting_seconds_total'),
  pressure('psi.memory.some', 'node_pressure_memory_waiting_seconds_total'),
  pressure('psi.memory.full', 'node_pressure_memory_stalled_seconds_total'),
  pressure('psi.io.some', 'node_pressure_io_waiting_seconds_total'),
  {
    kind: 'host-metric',
    name: 'node-temperature',
    metric: 'temperature',
    // The chip label is a bus address; only node_hwmon_chip_names tells the driver.
    promql: worst(`${latest('node_hwmon_temp_celsius')} and on ($host, chip) ${CPU_SENSORS}`),
  },
  {
    kind: 'health',
    name: 'edac-uncorrectable',
    component: 'memory',
    promql: total('increase(node_edac_uncorrectable_errors_total[24h])'),
    // mcelog's default for a DIMM is 1 in 24 h (mcelog.conf, uc-error-threshold).
    criticalAbove: 0,
    says: 'uncorrectable memory errors in 24 h (EDAC)',
  },
  {
    kind: 'health',
    name: 'edac-correctable',
    component: 'memory',
    promql: total('increase(node_edac_correctable_errors_total[24h])'),
    // mcelog's default for a DIMM is 10 in 24 h (mcelog.conf, ce-error-threshold).
    warningAbove: 10,
    says: 'correctable memory errors in 24 h (EDAC)',
  },
  {
    kind: 'health',
    name: 'nic-errors',
    component: 'nic',
    promql: each('device', `(${nicTraffic('errs')}) / clamp_min(${nicTraffic('packets')}, 1)`),
    // One packet in a hundred: the node mixin's NodeNetworkReceiveErrs.
    warningAbove: 0.01,
    says: 'of the packets are errors',
  },
  {
    kind: 'health',
    name: 'nic-bond',
    component: 'nic',
    promql: each('master', `${latest('node_bonding_slaves')} - ${latest('node_bonding_active')}`),
    warningAbove: 0,
    says: 'links of the bond are down',
  },
  {
    kind: 'health',
    name: 'hwmon-critical',
    component: 'temperature',
    // Degrees above the sensor's own critical limit; some drivers report a limit of 0.
    promql: worst(
      `${latest('node_hwmon_temp_celsius')} - (${latest('node_hwmon_temp_crit_celsius')} > 20)`,
    ),
    warningAbove: -5,
    criticalAbove: 0,
    says: 'degrees C above the critical limit of the hottest sensor',
  },
  {
    kind: 'health',
    name: 'raid-failed',
    component: 'disk',
    promql: each('device', latest('node_md_disks{state="failed"}')),
    warningAbove: 0,
    says: 'failed disks in the software RAID',
  },
];

const SMARTCTL_EXPORTER: readonly PrometheusQuery[] = [
  {
    kind: 'health',
    name: 'smart-status',
    component: 'disk',
    // 1 = passed, 0 = failed.
    promql: each('device', `1 - ${latest('smartctl_device_smart_status')}`),
    criticalAbove: 0,
    says: 'failed SMART self-assessments',
  },
  {
    kind: 'health',
    name: 'nvme-critical-warning',
    component: 'disk',
    promql: each('device', latest('smartctl_device_critical_warning')),
    criticalAbove: 0,
    says: 'is the NVMe critical warning (bit field)',
  },
  {
    kind: 'health',
    name: 'nvme-media-errors',
    component: 'disk',
    promql: each('device', 'increase(smartctl_device_media_errors[24h])'),
    warningAbove: 0,
    says: 'unrecovered NVMe media errors in 24 h',
  },
  {
    kind: 'health',
    name: 'smart-pending-sectors',
    component: 'disk',
    // ATA attribute 197, Current Pending Sector Count.
    promql: each(
      'device',
      latest('smartctl_device_attribute{attribute_id="197",attribute_value_type="raw"}'),
    ),
    warningAbove: 0,
    says: 'sectors wait to be remapped',
  },
];

/** Sensor states of the ipmi_exporter: 0 nominal, 1 warning, 2 critical, NaN unknown. */
const IPMI_EXPORTER: readonly PrometheusQuery[] = [
  ipmi('ipmi-fan', 'fan', 'ipmi_fan_speed_state'),
  ipmi('ipmi-temperature', 'temperature', 'ipmi_temperature_state'),
  ipmi('ipmi-power', 'power', 'ipmi_power_state'),
  ipmi('ipmi-voltage', 'power', 'ipmi_voltage_state'),
  ipmi('ipmi-power-supply', 'power', 'ipmi_sensor_state{type="Power Supply"}'),
  ipmi('ipmi-memory', 'memory', 'ipmi_sensor_state{type="Memory"}'),
  ipmi('ipmi-processor', 'cpu', 'ipmi_sensor_state{type="Processor"}'),
  ipmi('ipmi-drive', 'disk', 'ipmi_sensor_state{type="Drive Slot"}'),
  {
    kind: 'host-metric',
    name: 'ipmi-watts',
    metric: 'power.used',
    promql: worst(latest('ipmi_dcmi_power_consumption_watts')),
  },
];

/** Redfish Status.Health as the exporters number it: 1 OK, 2 Warning, 3 Critical. */
const REDFISH_EXPORTER: readonly PrometheusQuery[] = [
  redfish('redfish-fan', 'fan', 'redfish_chassis_fan_health'),
  redfish('redfish-power', 'power', 'redfish_chassis_power_powersupply_health'),
  redfish('redfish-memory', 'memory', 'redfish_system_memory_health_state'),
  redfish('redfish-processor', 'cpu', 'redfish_system_processor_health_state'),
  redfish('redfish-drive', 'disk', 'redfish_system_storage_drive_health_state'),
  {
    kind: 'host-metric',
    name: 'redfish-watts',
    metric: 'power.used',
    promql: total(latest('redfish_chassis_power_average_consumed_watts')),
  },
];

/**
 * The host label is kept: the same VM name on two hosts is either two VMs or one in the middle of
 * a migration, and neither may be added up.
 */
const LIBVIRT_EXPORTER: readonly PrometheusQuery[] = [
  ofVm('libvirt-cpu', 'cpu.used', rate('libvirt_domain_info_cpu_time_seconds_total')),
  // One exporter reports nanoseconds under this name: such values are above any capacity, and the
  // collector throws them away.
  ofVm('libvirt-steal', 'cpu.steal', rate('libvirt_domain_vcpu_delay_seconds_total')),
  ofVm(
    'libvirt-memory',
    'memory.used',
    `${latest('libvirt_domain_memory_stats_available_bytes')} - ` +
      latest('libvirt_domain_memory_stats_usable_bytes'),
  ),
  ofVm(
    'libvirt-network',
    'network.used',
    `${rate('libvirt_domain_interface_stats_receive_bytes_total')} + ` +
      rate('libvirt_domain_interface_stats_transmit_bytes_total'),
  ),
];

/** What is asked when the operator does not say otherwise. */
export const DEFAULT_QUERIES: readonly PrometheusQuery[] = [
  ...NODE_EXPORTER,
  ...SMARTCTL_EXPORTER,
  ...IPMI_EXPORTER,
  ...REDFISH_EXPORTER,
  ...LIBVIRT_EXPORTER,
];

function ofVm(name: string, metric: VmMetric, expression: string): VmMetricQuery {
  return { kind: 'vm-metric', name, metric, promql: `sum by ($vm, $host) (${expression})` };
}

function pressure(metric: HostMetric, series: string): HostMetricQuery {
  return {
    kind: 'host-metric',
    name: `node-${metric.replaceAll('.', '-')}`,
    metric,
    promql: worst(rate(series)),
  };
}

function ipmi(name: string, component: HealthComponent, series: string): HealthQuery {
  return {
    kind: 'health',
    name,
    component,
    promql: each('id, name', latest(series)),
    warningAbove: 0,
    criticalAbove: 1,
    says: 'is the IPMI state (1 warning, 2 critical)',
  };
}

function redfish(name: string, component: HealthComponent, series: string): HealthQuery {
  return {
    kind: 'health',
    name,
    component,
    // Which labels name a part differs from exporter to exporter.
    promql: latest(series),
    warningAbove: 1,
    criticalAbove: 2,
    says: 'is the Redfish health (2 warning, 3 critical)',
  };
}
