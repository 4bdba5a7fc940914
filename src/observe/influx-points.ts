/**
 * What is written to InfluxDB, in line protocol: one point per host and snapshot, per plan, per
 * finding opened or cleared, and per move that ended. What is not known is left out, never zero.
 * VMs and moves are fields, not tags: tags make series, and there are too many VMs for that.
 */

import { Point } from '@influxdata/influxdb-client';

import type { EventMap } from '../domain/events.ts';
import type { Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import type { HostId } from '../domain/ids.ts';
import type { Measured } from '../domain/measured.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds } from '../domain/units.ts';
import { printable } from './printable.ts';

/** The measurements with their fields, for documentation. */
export const MEASUREMENTS = {
  drover_host: {
    tags: ['host', 'name', 'cluster', 'state'],
    fields: ['vms', 'connected', 'cpu_cores', 'cpu_ratio', 'memory_bytes', 'memory_ratio'],
    doc: 'one host in one snapshot; means over the window',
  },
  drover_fleet: {
    tags: [],
    fields: ['hosts', 'vms', 'moves_in_flight'],
    doc: 'the fleet in one snapshot',
  },
  drover_plan: {
    tags: [],
    fields: ['id', 'moves', 'unresolved', 'seconds', 'objective_before', 'objective_after'],
    doc: 'one plan',
  },
  drover_finding: {
    tags: ['what', 'kind', 'tier', 'response', 'host'],
    fields: ['id', 'text', 'vm'],
    doc: 'a finding, when it opens and when it is cleared',
  },
  drover_move: {
    tags: ['outcome', 'method', 'tier', 'criticality', 'from', 'to'],
    fields: ['id', 'vm', 'vm_name', 'seconds', 'downtime_seconds', 'bytes', 'detail'],
    doc: 'a move, when it ends',
  },
} as const;

type Measurement = keyof typeof MEASUREMENTS;
type Tags = Readonly<Record<string, string | undefined>>;
type Fields = Readonly<Record<string, number | string | undefined>>;

export class Points {
  #sequence = 0;

  snapshot({ snapshot }: EventMap['snapshot']): string[] {
    const { hosts, vms, inFlight, takenAt } = snapshot;
    const counts = runningByHost(snapshot);
    const fleet = { hosts: hosts.length, vms: vms.length, moves_in_flight: inFlight.length };
    return [
      this.#line('drover_fleet', {}, fleet, takenAt),
      ...hosts.map((host) => this.#host(host, counts.get(host.id) ?? 0, takenAt)),
    ];
  }

  planned({ result: { plan, report }, seconds }: EventMap['planned']): string[] {
    const fields = {
      id: plan.id,
      moves: plan.moves.length,
      unresolved: report.unresolved.length,
      seconds,
      objective_before: plan.objective.before,
      objective_after: plan.objective.after,
    };
    return [this.#line('drover_plan', {}, fields, plan.snapshotAt)];
  }

  finding(what: 'opened' | 'cleared', finding: Finding, at: EpochSeconds): string[] {
    const { id, kind, tier, response, subject, text } = finding;
    const host = subject.kind === 'host' ? subject.host : undefined;
    const vm = subject.kind === 'vm' ? subject.vm : undefined;
    return [
      this.#line('drover_finding', { what, kind, tier, response, host }, { id, text, vm }, at),
    ];
  }

  move({ move, vmName, result }: EventMap['move-ended']): string[] {
    const { outcome, seconds, downtimeSeconds, bytes, detail, at } = result;
    const { method, tier, criticality, from, to } = move;
    const tags = { outcome, method, tier, criticality, from, to };
    const who = { id: move.id, vm: move.vm, vm_name: vmName, detail };
    return [
      this.#line(
        'drover_move',
        tags,
        { ...who, seconds, downtime_seconds: downtimeSeconds, bytes },
        at,
      ),
    ];
  }

  #host(host: Host, vms: number, at: EpochSeconds): string {
    const cpu = valueOf(host.metrics['cpu.used']?.mean);
    const memory = valueOf(host.metrics['memory.used']?.mean);
    const { id, name, cluster, state, connection } = host;
    const fields = {
      vms,
      connected: connection === 'connected' ? 1 : 0,
      cpu_cores: cpu,
      cpu_ratio: ratioOf(cpu, host.cpu.threads),
      memory_bytes: memory,
      memory_ratio: ratioOf(memory, host.memory.totalBytes),
    };
    return this.#line('drover_host', { host: id, name, cluster, state }, fields, at);
  }

  #line(measurement: Measurement, tags: Tags, fields: Fields, at: EpochSeconds): string {
    const point = new Point(measurement);
    for (const [key, value] of Object.entries(tags))
      if (value !== undefined && value !== '') point.tag(key, tagText(value));
    for (const [key, value] of Object.entries(fields)) {
      if (typeof value === 'string') point.stringField(key, printable(value));
      else if (value !== undefined && Number.isFinite(value)) point.floatField(key, value);
    }
    return point.timestamp(this.#nanoseconds(at)).toLineProtocol() ?? '';
  }

  /**
   * Two points of one series with one time would be one point. So the nanoseconds, which no
   * clock here knows, number the points.
   */
  #nanoseconds(at: EpochSeconds): string {
    this.#sequence = (this.#sequence + 1) % 1_000_000;
    return `${Math.floor(at * 1_000)}${String(this.#sequence).padStart(6, '0')}`;
  }
}

/** A backslash at the end of a tag would swallow the separator after it. */
function tagText(value: string): string {
  return printable(value).replaceAll('\\', '/');
}

function valueOf(measured: Measured | undefined): number | undefined {
  return measured?.kind === 'known' ? measured.value : undefined;
}

function ratioOf(value: number | undefined, capacity: number): number | undefined {
  return value === undefined || !(capacity > 0) ? undefined : value / capacity;
}

function runningByHost({ vms }: Snapshot): Map<HostId, number> {
  const counts = new Map<HostId, number>();
  for (const { host, powerState } of vms)
    if (powerState === 'running') counts.set(host, (counts.get(host) ?? 0) + 1);
  return counts;
}
