import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';

import { planId, sourceId } from '../../../src/domain/ids.ts';
import { type Seconds, seconds } from '../../../src/domain/units.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { METRICS, subscribeMetrics } from '../../../src/observe/metrics.ts';
import { aFinding, aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { aMove, aStageOf } from '../../support/plans.ts';
import { aResult, aSourceStatus, planned } from '../../support/sample-events.ts';

let bus: EventBus;
let registry: Registry;
let off: () => void;

beforeEach(() => {
  bus = new EventBus();
  registry = new Registry();
  off = subscribeMetrics(bus, registry);
});

/** The value of one line of the exposition, as its reader would see it. */
async function valueOf(series: string): Promise<number | undefined> {
  const text = await registry.metrics();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('metrics', () => {
  it('are all registered, and are named as the field names them', () => {
    const names = registry.getMetricsAsArray().map(({ name }) => name);
    expect(names.sort()).toEqual(Object.keys(METRICS).sort());
    for (const [name, { type }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^drover_[a-z_]+$/u);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
    }
  });

  it('count hosts by state, also the states that no host is in any more', async () => {
    const hosts = [aHost({ id: 'h1', state: 'draining' }), aHost({ id: 'h2' })];
    const gone = aHost({ id: 'h3', connection: 'disconnected' });
    const snapshot = aSnapshot({ hosts: [...hosts, gone], vms: [aVm()] });
    bus.emit('snapshot', { snapshot, seconds: seconds(1) });
    expect(await valueOf('drover_hosts{state="draining"}')).toBe(1);
    expect(await valueOf('drover_hosts{state="healthy"}')).toBe(2);
    expect(await valueOf('drover_hosts_disconnected')).toBe(1);
    expect(await valueOf('drover_vms')).toBe(1);
    expect(await valueOf('drover_snapshot_timestamp_seconds')).toBe(snapshot.takenAt);
    bus.emit('snapshot', { snapshot: aSnapshot(), seconds: seconds(1) });
    expect(await valueOf('drover_hosts{state="draining"}')).toBe(0);
  });

  it('show open findings by kind', async () => {
    const finding = aFinding('relieve', { host: 'h1' });
    bus.emit('finding-opened', finding);
    bus.emit('finding-opened', aFinding('relieve', { host: 'h2' }));
    bus.emit('finding-cleared', finding);
    expect(await valueOf('drover_findings{kind="overloaded"}')).toBe(1);
  });

  it('show the refusals of the newest plan only', async () => {
    bus.emit('planned', planned([aMove()], { refusals: { memory: 3, cpu: 1 } }));
    bus.emit('planned', planned([], { refusals: { cpu: 2 } }));
    expect(await valueOf('drover_plan_refusals{code="memory"}')).toBeUndefined();
    expect(await valueOf('drover_plan_refusals{code="cpu"}')).toBe(2);
    expect(await valueOf('drover_plan_moves')).toBe(0);
    expect(await valueOf('drover_plan_seconds_count')).toBe(2);
    expect(await valueOf('drover_plan_snapshot_timestamp_seconds')).toBeGreaterThan(1e9);
  });

  it('count the contradictions of the newest plan', async () => {
    const one = { rules: [], vms: [], text: 'a' };
    bus.emit('planned', planned([], { contradictions: [one, one] }));
    expect(await valueOf('drover_placement_contradictions')).toBe(2);
    // A first answer has not looked.
    bus.emit('planned', planned([]));
    expect(await valueOf('drover_placement_contradictions')).toBe(2);
    bus.emit('planned', planned([], { contradictions: [] }));
    expect(await valueOf('drover_placement_contradictions')).toBe(0);
  });

  it('count moves by outcome, and time those that succeeded', async () => {
    const move = aMove({ tier: 'mandatory' });
    bus.emit('move-ended', { move, vmName: 'web', result: aResult('succeeded') });
    bus.emit('move-ended', { move, vmName: 'web', result: aResult('failed') });
    const labels = 'method="pre-copy",tier="mandatory"';
    expect(await valueOf(`drover_moves_total{outcome="failed",${labels}}`)).toBe(1);
    expect(await valueOf('drover_move_seconds_count{method="pre-copy"}')).toBe(1);
    expect(await valueOf('drover_move_downtime_seconds_sum{method="pre-copy"}')).toBe(0.05);
    expect(await valueOf('drover_move_bytes_total')).toBe(4e9);
  });

  it('follow the moves under way and forget what the executor no longer has', async () => {
    for (const id of ['m1', 'm2', 'm1']) bus.emit('move-stage', aStageOf(aMove({ id })));
    expect(await valueOf('drover_moves_in_flight')).toBe(2);
    bus.emit('move-ended', {
      move: aMove({ id: 'm1' }),
      vmName: 'web',
      result: aResult('succeeded'),
    });
    expect(await valueOf('drover_moves_in_flight')).toBe(1);
    bus.emit('snapshot', { snapshot: aSnapshot(), seconds: seconds(1) });
    expect(await valueOf('drover_moves_in_flight')).toBe(0);
  });

  it('show sources, the kill switch, refused policies and rejected plans', async () => {
    bus.emit('source', aSourceStatus('late'));
    bus.emit('paused', { paused: true, by: 'olga' });
    bus.emit('policies-refused', { errors: ['no'] });
    bus.emit('plan-rejected', { plan: planId('p1'), violations: [] });
    expect(await valueOf('drover_source_up{source="lab"}')).toBe(0);
    expect(await valueOf('drover_paused')).toBe(1);
    expect(await valueOf('drover_policy_refused')).toBe(1);
    expect(await valueOf('drover_plans_rejected_total')).toBe(1);
    bus.emit('policies', { revision: 'r', files: [] });
    expect(await valueOf('drover_policy_refused')).toBe(0);
  });

  it('do not let one figure that is no number spoil a sum', async () => {
    const broken = Number.NaN as Seconds;
    for (const length of [broken, seconds(20)]) {
      const result = aResult('succeeded', { seconds: length });
      bus.emit('move-ended', { move: aMove(), vmName: 'web', result });
    }
    expect(await valueOf('drover_move_seconds_sum{method="pre-copy"}')).toBe(20);
  });

  it('have no series per VM, and bound the labels that others choose', async () => {
    for (let i = 0; i < 150; i++) bus.emit('failure', { where: `VM ${i}`, error: undefined });
    for (let i = 0; i < 50; i++) {
      const move = aMove({ id: `m${i}`, vm: `v${i}` });
      bus.emit('move-ended', { move, vmName: `v${i}`, result: aResult('succeeded') });
    }
    const counts = { NaN: 2 };
    bus.emit('alerts-rejected', { reason: 'invalid', count: 3 });
    expect(await valueOf('drover_alerts_rejected_total{reason="invalid"}')).toBe(3);
    bus.emit('samples-rejected', { source: sourceId('lab'), counts, example: '' });
    const text = await registry.metrics();
    expect(text).not.toContain('v49');
    expect(await valueOf('drover_failures_total{where="other"}')).toBe(50);
    expect(await valueOf('drover_samples_rejected_total{source="lab",reason="NaN"}')).toBe(2);
    expect(text.split('\n').length).toBeLessThan(400);
  });

  it('stand still once the subscription has ended', async () => {
    off();
    bus.emit('paused', { paused: true, by: 'olga' });
    expect(await valueOf('drover_paused')).toBe(0);
  });
});
