/**
 * Drover's own metrics in the Prometheus format. One table names them all; no series per VM or
 * move, because 20,000 of them would stall the event loop while they are rendered (measured:
 * prom-client needs 590 to 740 ms for 100,000 series).
 */

import { Counter, Gauge, Histogram, Registry } from 'prom-client';

import type { EventMap } from '../domain/events.ts';
import { HOST_FAILURE_STATES } from '../domain/host-failure.ts';
import { HOST_STATES } from '../domain/host.ts';
import type { EventSource } from '../ports/events.ts';

interface MetricInfo {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  readonly buckets?: readonly number[];
}

/** Live migrations take from a second to hours. */
const MOVE_BUCKETS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
/** From an unnoticed switchover to an outage. */
const DOWNTIME_BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
const PLAN_BUCKETS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

export const METRICS = {
  drover_info: { type: 'gauge', labels: ['version'], help: '1; the version as label' },
  drover_audit_entries: {
    type: 'gauge',
    labels: [],
    help: 'number of the last entry of the audit trail; it never goes down',
  },
  drover_paused: { type: 'gauge', labels: [], help: '1 while the kill switch is on' },
  drover_hosts: { type: 'gauge', labels: ['state'], help: 'hosts by state of the host ladder' },
  drover_hosts_disconnected: { type: 'gauge', labels: [], help: 'hosts that do not answer' },
  drover_host_failures: {
    type: 'gauge',
    labels: ['state'],
    help: 'hosts that do not answer, by what is known of them; those that returned from the dead',
  },
  drover_vms: { type: 'gauge', labels: [], help: 'VMs seen' },
  drover_snapshot_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'when the newest snapshot was taken; alert when it stands still',
  },
  drover_plan_snapshot_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'when the snapshot of the newest plan was taken; alert when it stands still',
  },
  drover_source_up: { type: 'gauge', labels: ['source'], help: '1 while the source answers' },
  drover_samples_rejected_total: {
    type: 'counter',
    labels: ['source', 'reason'],
    help: 'metric samples thrown away',
  },
  drover_lease_held: {
    type: 'gauge',
    labels: ['cluster'],
    help: '1 while this controller holds the lease of the cluster; alert when nobody does',
  },
  drover_lease_token: {
    type: 'gauge',
    labels: ['cluster'],
    help: 'token of the lease as this controller last took it; only ever goes up',
  },
  drover_lease_stepped_back: {
    type: 'gauge',
    labels: ['cluster'],
    help: '1 while the ledger is older than what was seen: drover lease confirm',
  },
  drover_leases_lost_total: {
    type: 'counter',
    labels: ['cluster'],
    help: 'leases that another controller took over',
  },
  drover_findings: { type: 'gauge', labels: ['kind'], help: 'open findings' },
  drover_plan_seconds: {
    type: 'histogram',
    labels: [],
    help: 'time to plan and check',
    buckets: PLAN_BUCKETS,
  },
  drover_plan_moves: { type: 'gauge', labels: [], help: 'moves in the newest plan' },
  drover_plan_unresolved: { type: 'gauge', labels: [], help: 'needs that the newest plan leaves' },
  drover_placement_contradictions: {
    type: 'gauge',
    labels: [],
    help: 'sets of hard placement rules that no placement can satisfy',
  },
  drover_plan_refusals: {
    type: 'gauge',
    labels: ['code'],
    help: 'VM x host pairs that the newest plan refused, by code',
  },
  drover_plans_rejected_total: {
    type: 'counter',
    labels: [],
    help: 'plans in which the checker found a fault; should stay 0',
  },
  drover_alerts_rejected_total: {
    type: 'counter',
    labels: ['reason'],
    help:
      'calls of the alert webhook that were refused, and single alerts that could not be read or ' +
      'that Alertmanager cut off',
  },
  drover_moves_in_flight: { type: 'gauge', labels: [], help: 'moves under way' },
  drover_moves_total: {
    type: 'counter',
    labels: ['outcome', 'method', 'tier'],
    help: 'moves that ended',
  },
  drover_move_seconds: {
    type: 'histogram',
    labels: ['method'],
    help: 'duration of moves that succeeded',
    buckets: MOVE_BUCKETS,
  },
  drover_move_downtime_seconds: {
    type: 'histogram',
    labels: ['method'],
    help: 'downtime of moves that succeeded, as the hypervisor reports it',
    buckets: DOWNTIME_BUCKETS,
  },
  drover_move_bytes_total: { type: 'counter', labels: [], help: 'bytes sent by moves' },
  drover_ledger_writable: {
    type: 'gauge',
    labels: [],
    help: '0 while the ledger cannot be written, so that nothing is begun',
  },
  drover_breakers: {
    type: 'gauge',
    labels: ['kind', 'state'],
    help: 'circuit breakers that are not closed: of VMs, VMs with a target, hosts, sources',
  },
  drover_policy_refused: { type: 'gauge', labels: [], help: '1 while a policy edit is refused' },
  drover_failures_total: { type: 'counter', labels: ['where'], help: 'errors of the daemon' },
} as const satisfies Record<string, MetricInfo>;

export type MetricName = keyof typeof METRICS;

/** Where metrics are kept and rendered; one per daemon, so that tests do not share any. */
export type MetricsRegistry = Registry;

export function makeRegistry(): MetricsRegistry {
  return new Registry();
}

/** Registers all metrics and keeps them up to date. Returns the function that ends that. */
export function subscribeMetrics(events: EventSource, registry: Registry): () => void {
  const meters = new Meters(registry);
  const offs = [
    ...watchLife(events, meters),
    ...watchTick(events, meters),
    ...watchMoves(events, meters),
  ];
  return () => {
    for (const off of offs) off();
  };
}

type Labels = Readonly<Record<string, string>>;

/** Distinct values of a label whose values other rooms choose; beyond, they become `other`. */
const MOST_VALUES = 100;

/**
 * Looks metrics up by name, so that a slip of the pen is a type error and not a new series. What
 * is not a finite number is left out: one NaN would spoil a sum for good.
 */
class Meters {
  readonly #values = new Map<string, Set<string>>();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  constructor(registry: Registry) {
    for (const [name, info] of Object.entries<MetricInfo>(METRICS)) {
      const { help, labels } = info;
      const common = { name, help, labelNames: [...labels], registers: [registry] };
      if (info.type === 'counter') this.#counters.set(name, new Counter(common));
      else if (info.type === 'gauge') this.#gauges.set(name, new Gauge(common));
      else {
        const buckets = [...(info.buckets ?? [])];
        this.#histograms.set(name, new Histogram({ ...common, buckets }));
      }
    }
  }

  add(name: MetricName, value: number, labels: Labels = {}): void {
    if (Number.isFinite(value) && value >= 0) this.#counters.get(name)?.inc(labels, value);
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    if (Number.isFinite(value)) this.#gauges.get(name)?.set(labels, value);
  }

  change(name: MetricName, by: number, labels: Labels = {}): void {
    this.#gauges.get(name)?.inc(labels, by);
  }

  /** Forgets all labels, so that what is not set again is not shown as if it still held. */
  clear(name: MetricName): void {
    this.#gauges.get(name)?.reset();
  }

  observe(name: MetricName, value: number | undefined, labels: Labels = {}): void {
    if (value !== undefined && Number.isFinite(value))
      this.#histograms.get(name)?.observe(labels, value);
  }

  /** The value, while there are not too many different ones under this label. */
  limited(label: string, value: string): string {
    const seen = this.#values.get(label) ?? new Set();
    this.#values.set(label, seen);
    if (!seen.has(value) && seen.size >= MOST_VALUES) return 'other';
    seen.add(value);
    return value;
  }
}

function watchLife(events: EventSource, meters: Meters): (() => void)[] {
  return [
    events.on('started', ({ version }) => {
      meters.set('drover_info', 1, { version });
      meters.set('drover_ledger_writable', 1);
    }),
    events.on('ledger', ({ code }) =>
      meters.set('drover_ledger_writable', code === 'writable' ? 1 : 0),
    ),
    events.on('paused', ({ paused }) => meters.set('drover_paused', paused ? 1 : 0)),
    events.on('source', ({ source, state }) =>
      meters.set('drover_source_up', state === 'up' ? 1 : 0, { source }),
    ),
    events.on('samples-rejected', ({ source, counts }) => {
      for (const [reason, count] of Object.entries(counts))
        meters.add('drover_samples_rejected_total', count, {
          source,
          reason: meters.limited('reason', reason),
        });
    }),
    events.on('alerts-rejected', ({ reason, count }) =>
      meters.add('drover_alerts_rejected_total', count, {
        reason: meters.limited('reason', reason),
      }),
    ),
    events.on('audit', ({ seq }) => meters.set('drover_audit_entries', seq)),
    events.on('lease', (event) => takeLease(event, meters)),
    events.on('policies', () => meters.set('drover_policy_refused', 0)),
    events.on('policies-refused', () => meters.set('drover_policy_refused', 1)),
    events.on('failure', ({ where }) =>
      meters.add('drover_failures_total', 1, { where: meters.limited('where', where) }),
    ),
  ];
}

function takeLease({ cluster: name, what, token }: EventMap['lease'], meters: Meters): void {
  const cluster = meters.limited('cluster', name);
  meters.set('drover_lease_held', what === 'taken' ? 1 : 0, { cluster });
  meters.set('drover_lease_stepped_back', what === 'stepped-back' ? 1 : 0, { cluster });
  if (what === 'taken') meters.set('drover_lease_token', token, { cluster });
  if (what === 'lost') meters.add('drover_leases_lost_total', 1, { cluster });
}

function watchTick(events: EventSource, meters: Meters): (() => void)[] {
  return [
    events.on('snapshot', (event) => takeSnapshot(event, meters)),
    events.on('finding-opened', ({ kind }) => meters.change('drover_findings', 1, { kind })),
    events.on('finding-cleared', ({ kind }) => meters.change('drover_findings', -1, { kind })),
    events.on('planned', (event) => takePlan(event, meters)),
    events.on('plan-rejected', () => meters.add('drover_plans_rejected_total', 1)),
  ];
}

function takeSnapshot({ snapshot }: EventMap['snapshot'], meters: Meters): void {
  for (const state of HOST_STATES) {
    const count = snapshot.hosts.filter((host) => host.state === state).length;
    meters.set('drover_hosts', count, { state });
  }
  for (const state of HOST_FAILURE_STATES) {
    const count = snapshot.hosts.filter(({ failure }) => failure?.state === state).length;
    meters.set('drover_host_failures', count, { state });
  }
  meters.clear('drover_breakers');
  for (const { subject, state } of snapshot.breakers ?? [])
    meters.change('drover_breakers', 1, { kind: subject.kind, state });
  const gone = snapshot.hosts.filter((host) => host.connection === 'disconnected').length;
  meters.set('drover_hosts_disconnected', gone);
  meters.set('drover_vms', snapshot.vms.length);
  meters.set('drover_snapshot_timestamp_seconds', snapshot.takenAt);
}

function takePlan({ result, seconds }: EventMap['planned'], meters: Meters): void {
  meters.observe('drover_plan_seconds', seconds);
  meters.set('drover_plan_snapshot_timestamp_seconds', result.plan.snapshotAt);
  meters.set('drover_plan_moves', result.plan.moves.length);
  meters.set('drover_plan_unresolved', result.report.unresolved.length);
  const { contradictions } = result.report;
  if (contradictions !== undefined) {
    meters.set('drover_placement_contradictions', contradictions.length);
  }
  meters.clear('drover_plan_refusals');
  for (const [code, count] of Object.entries(result.report.refusals))
    meters.set('drover_plan_refusals', count, { code });
}

function watchMoves(events: EventSource, meters: Meters): (() => void)[] {
  let under = new Set<string>();
  return [
    // The executor's own list heals what a lost event would leave behind.
    events.on('snapshot', ({ snapshot }) => {
      under = new Set(snapshot.inFlight.map(({ move }) => move));
      meters.set('drover_moves_in_flight', under.size);
    }),
    events.on('move-stage', ({ move }) => {
      under.add(move.id);
      meters.set('drover_moves_in_flight', under.size);
    }),
    events.on('move-ended', ({ move, result }) => {
      under.delete(move.id);
      meters.set('drover_moves_in_flight', under.size);
      const { method, tier } = move;
      meters.add('drover_moves_total', 1, { outcome: result.outcome, method, tier });
      meters.add('drover_move_bytes_total', result.bytes ?? 0);
      if (result.outcome !== 'succeeded') return;
      meters.observe('drover_move_seconds', result.seconds, { method });
      meters.observe('drover_move_downtime_seconds', result.downtimeSeconds, { method });
    }),
  ];
}
