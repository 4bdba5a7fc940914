// Story: a simulated datacenter is polled every minute and judged by the shipped policy. A host
// with broken memory is found within minutes; hosts whose figures are nonsense or missing are
// found to be nothing at all; and when the source's clock goes back nobody acts on old news.
import { describe, expect, it } from 'vitest';

import { SimulatedHypervisor } from '../../adapters/simulated/simulated-hypervisor.ts';
import { Collector } from '../../src/collect/collector.ts';
import { DEFAULT_COLLECTOR_SETTINGS } from '../../src/collect/settings.ts';
import { defaultPolicies } from '../../src/config/policies.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import { epochSeconds, seconds } from '../../src/domain/units.ts';
import type { RuleMemory } from '../../src/ports/ledger.ts';
import { classify } from '../../src/rules/classify.ts';
import { RuleBook, type RuleOutcome } from '../../src/rules/rule-book.ts';
import { buildDatacenter } from '../../src/simulate/datacenter.ts';
import { VirtualClock } from '../../src/simulate/virtual-clock.ts';
import { NO_CONTEXT, RecordingSink } from '../unit/collect/support.ts';

const DAY = 86_400;

function setUp() {
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const clock = new VirtualClock({ startAt: epochSeconds(1_800_000_000), settle });
  const datacenter = buildDatacenter({ hosts: 6, vms: 60, seed: 7 }, clock);
  const events = new RecordingSink();
  const collector = new Collector({
    hypervisors: [new SimulatedHypervisor({ datacenter, clock })],
    metricSources: [],
    clock,
    events,
    settings: { ...DEFAULT_COLLECTOR_SETTINGS, pollSeconds: seconds(60) },
  });
  const policies = defaultPolicies();
  const book = RuleBook.compile(policies);
  if (!book.ok) throw new Error(book.error.join('\n'));
  const rules = book.value;
  let memory: readonly RuleMemory[] = [];
  /** Polls and judges once a minute; what the last minute gave. */
  async function minutes(count: number): Promise<RuleOutcome & { readonly snapshot: Snapshot }> {
    for (let minute = 1; ; minute += 1) {
      await clock.run(() => collector.poll());
      const snapshot = classify(collector.snapshot(NO_CONTEXT), policies);
      const now = clock.now();
      const outcome = await rules.evaluate({ snapshot, orders: [], memory, now });
      memory = outcome.memory;
      if (minute === count) return { ...outcome, snapshot };
      await clock.advance(seconds(60));
    }
  }
  const hosts = datacenter.fleet.hosts.map((host) => host.id);
  return { datacenter, events, minutes, hosts };
}

function about(outcome: RuleOutcome, host: string | undefined): string[] {
  return outcome.findings
    .filter(({ subject }) => subject.kind === 'host' && subject.host === host)
    .map((finding) => `${finding.kind} ${finding.response}`);
}

describe('collecting and judging a simulated datacenter', () => {
  it('sees every host and VM, with known figures, after a few minutes', async () => {
    const { minutes, events } = setUp();
    const { snapshot } = await minutes(5);
    expect(snapshot.hosts).toHaveLength(6);
    expect(snapshot.vms).toHaveLength(60);
    expect(snapshot.hosts.map((host) => host.metrics['cpu.used']?.p95.kind)).toEqual(
      Array.from({ length: 6 }, () => 'known'),
    );
    expect(events.of('samples-rejected')).toEqual([]);
    expect(events.of('source').map((status) => status.state)).toEqual(['up']);
  });

  it('finds the host with broken memory, and nothing where figures are nonsense', async () => {
    const { datacenter, minutes, hosts, events } = setUp();
    const [sick, garbled, silent, cut] = hosts;
    if (!sick || !garbled || !silent || !cut) throw new Error('the fleet is too small');
    await minutes(5);
    const detail = '3 uncorrected memory errors on mc0';
    const memory = { component: 'memory', level: 'critical', detail } as const;
    datacenter.inject({ kind: 'health', host: sick, ...memory, forSeconds: DAY });
    for (const host of [garbled, silent]) {
      datacenter.inject({ kind: 'surge', host, factor: 100, forSeconds: DAY });
    }
    datacenter.inject({ kind: 'samples', host: garbled, corruption: 'nan', forSeconds: DAY });
    datacenter.inject({ kind: 'samples', host: silent, corruption: 'absent', forSeconds: DAY });
    datacenter.inject({ kind: 'control-cut', host: cut, forSeconds: DAY });
    const outcome = await minutes(20);
    expect(about(outcome, sick)).toEqual(['failing evacuate']);
    expect(about(outcome, garbled)).toEqual([]);
    expect(about(outcome, silent)).toEqual([]);
    const reasons = (host: string) =>
      new Set(outcome.gaps.filter((gap) => gap.host === host).map((gap) => gap.reason));
    expect(reasons(garbled)).toContain('implausible');
    expect(reasons(silent)).toContain('stale');
    expect(events.of('samples-rejected')[0]?.counts).toHaveProperty('not-a-number');
    const blind = outcome.snapshot.hosts.find((host) => host.id === cut);
    expect(blind?.connection).toBe('disconnected');
  });

  it('opens nothing on a clock that went back, and believes it after a while', async () => {
    const { datacenter, minutes, events } = setUp();
    const before = await minutes(20);
    datacenter.inject({ kind: 'source-clock', delta: -100, forSeconds: DAY });
    const during = await minutes(1);
    const open = new Set(before.findings.map((finding) => finding.id));
    expect(during.findings.filter((finding) => !open.has(finding.id))).toEqual([]);
    expect(events.of('samples-rejected').at(-1)?.counts).toHaveProperty('backwards');
    const after = await minutes(10);
    expect(after.snapshot.hosts[0]?.metrics['cpu.used']?.mean.kind).toBe('known');
  });
});
