// Role: when the measurements of a whole source are not to be acted on, and when they are.
import { describe, expect, it } from 'vitest';

import type { Host } from '../../../src/domain/host.ts';
import type { MetricWindow } from '../../../src/domain/measured.ts';
import { sourceId } from '../../../src/domain/ids.ts';
import { GIB } from '../../../src/domain/units.ts';
import type { Tier } from '../../../src/domain/finding.ts';
import { gate } from '../../../src/execute/gate.ts';
import { implausibleSources } from '../../../src/execute/implausible.ts';
import { aHost, aPolicy, aSnapshot, aVm, held, TEST_NOW } from '../../support/fleet.ts';
import { withStates } from '../../../src/app/with-states.ts';
import { move, planOf } from '../../support/execution-bench.ts';

function window(last: number, mean: number): MetricWindow {
  return { ...held(mean), last: held(last).last };
}

/** Hosts of 16 threads, each with what it uses now and did over its window. */
function hosts(...uses: readonly (readonly [last: number, mean: number])[]): Host[] {
  return uses.map(([last, mean], index) =>
    aHost({ id: `h${index + 1}`, metrics: { 'cpu.used': window(last, mean) } }),
  );
}

function reasons(of: Parameters<typeof aSnapshot>[0]): string {
  return [...implausibleSources(aSnapshot(of)).values()].join();
}

describe('all hosts at once', () => {
  it('is not believed, up or down', () => {
    const up = hosts([14, 3], [13, 2], [15, 4], [3, 3]);
    expect(reasons({ hosts: up })).toBe('the CPU use of 3 of 4 hosts went up at once');
    const down = hosts([0, 8], [0, 9], [0, 7], [0, 8]);
    expect(reasons({ hosts: down })).toBe('the CPU use of 4 of 4 hosts went down at once');
  });

  it('is believed of some hosts, of small fleets, and where it lasts', () => {
    expect(reasons({ hosts: hosts([14, 3], [13, 2], [3, 3], [3, 3]) })).toBe('');
    expect(reasons({ hosts: hosts([14, 3], [13, 2], [15, 4]) })).toBe('');
    expect(reasons({ hosts: hosts([14, 12], [13, 12], [15, 13], [14, 12]) })).toBe('');
    expect(reasons({ hosts: hosts([14, 3], [13, 2], [3, 15], [2, 14]) })).toBe('');
  });
});

describe('hosts and guests', () => {
  const guests = (used: number) =>
    ['h1', 'h2', 'h3', 'h4'].map((host) =>
      aVm({ id: `v${host}`, host, vcpus: 8, metrics: { 'cpu.used': held(used) } }),
    );

  it('that differ by a change of units are not believed', () => {
    const off = hosts(...([1, 2, 3, 4] as const).map(() => [4 / 1024, 4 / 1024] as const));
    expect(reasons({ hosts: off, vms: guests(4) })).toContain('on 4 of 4 hosts the guests use');
    const few = off.slice(0, 2);
    expect(reasons({ hosts: few, vms: guests(4) })).toContain('on 2 of 2 hosts the guests use');
  });

  it('are not believed where busy hosts are so for nobody, but where idle hosts do little', () => {
    const busy = hosts(...([1, 2, 3, 4] as const).map(() => [8, 8] as const));
    const told = 'on 4 of 4 hosts the host uses over 20 times the CPU that its guests do';
    expect(reasons({ hosts: busy, vms: guests(4 / 1024) })).toBe(told);
    expect(reasons({ hosts: busy, vms: guests(1) })).toBe('');
    const quiet = hosts(...([1, 2, 3, 4] as const).map(() => [2, 2] as const));
    expect(reasons({ hosts: quiet, vms: guests(0.01) })).toBe('');
  });

  it('that fit together are, also when both do next to nothing', () => {
    const fit = hosts([5, 5], [5, 5], [5, 5], [5, 5]);
    expect(reasons({ hosts: fit, vms: guests(4) })).toBe('');
    const idle = hosts([0, 0], [0, 0], [0, 0], [0, 0]);
    expect(reasons({ hosts: idle, vms: guests(0.4) })).toBe('');
  });
});

describe('memory', () => {
  const ofHosts = (count: number, last: number, mean: number): Host[] =>
    Array.from({ length: count }, (_, index) =>
      aHost({ id: `h${index + 1}`, metrics: { 'memory.used': window(last * GIB, mean * GIB) } }),
    );
  const guests = (gib: number) =>
    ['h1', 'h2', 'h3', 'h4'].map((host) =>
      aVm({ id: `v${host}`, host, metrics: { 'memory.used': held(gib * GIB) } }),
    );

  it('that all hosts free or fill at once is not believed', () => {
    const told = 'the memory use of 6 of 6 hosts went down at once';
    expect(reasons({ hosts: ofHosts(6, 60 / 1024, 60) })).toBe(told);
    expect(reasons({ hosts: [...ofHosts(2, 60, 10), ...ofHosts(2, 10, 10)] })).toBe('');
  });

  it('that two hosts fill in the morning and free in the evening is', () => {
    expect(reasons({ hosts: ofHosts(2, 45, 16) })).toBe('');
    expect(reasons({ hosts: ofHosts(2, 12, 42) })).toBe('');
    expect(reasons({ hosts: ofHosts(3, 2, 60) })).toBe('');
  });

  it('that is another order of magnitude on all hosts is not, of two hosts neither', () => {
    const told = 'the memory use of 2 of 2 hosts changed over 250 times at once';
    expect(reasons({ hosts: ofHosts(2, 12 / 1024, 12) })).toBe(told);
    expect(reasons({ hosts: ofHosts(2, 0, 12) })).toBe(told);
    expect(reasons({ hosts: ofHosts(1, 12 / 1024, 12) })).toBe('');
    expect(reasons({ hosts: ofHosts(2, 0, 0) })).toBe('');
  });

  it('of which the guests use many times what their hosts do is not believed', () => {
    const told = 'on 4 of 4 hosts the guests use over 20 times the memory that the host does';
    expect(reasons({ hosts: ofHosts(4, 8 / 1024, 8 / 1024), vms: guests(8) })).toBe(told);
    expect(reasons({ hosts: ofHosts(4, 7, 7), vms: guests(8) })).toBe('');
    expect(reasons({ hosts: ofHosts(4, 60, 60), vms: guests(0.5) })).toBe('');
  });
});

describe('the gate', () => {
  function codes(tier: Tier, snapshot: ReturnType<typeof aSnapshot>): string {
    const plan = planOf([move('1', 'h1', 'h2', { tier })]);
    const counters = { movesLastHour: 0, movesLastDay: new Map() };
    const request = { plan, snapshot, findings: [], policies: aPolicy(), now: TEST_NOW };
    const [verdict] = gate({ ...request, paused: false, counters, approvals: [] });
    return verdict?.refusals.map(({ code }) => code).join() ?? '';
  }

  it('holds back optional moves of such a source only', () => {
    const wild = hosts([14, 3], [13, 2], [15, 4], [14, 3]);
    const vms = [aVm({ id: 'v1', host: 'h1' })];
    const snapshot = aSnapshot({ hosts: wild, vms });
    expect([...implausibleSources(snapshot).keys()]).toEqual([sourceId('lab')]);
    expect(codes('optional', snapshot)).toBe('implausible-metrics');
    expect(codes('corrective', snapshot)).toBe('');
    expect(codes('mandatory', snapshot)).toBe('');
  });

  it('leaves a cluster that balances itself to that, but for what is mandatory', () => {
    const own = ['h1', 'h2'].map((id) => aHost({ id, balancedBy: 'DRS' }));
    const snapshot = aSnapshot({ hosts: own, vms: [aVm({ id: 'v1', host: 'h1' })] });
    expect(codes('optional', snapshot)).toBe('managed-elsewhere,managed-elsewhere');
    expect(codes('corrective', snapshot)).toBe('managed-elsewhere,managed-elsewhere');
    expect(codes('mandatory', snapshot)).toBe('');
  });
});

describe('what was found', () => {
  it('is not found out again for hosts in other states, but for hosts with other readings', () => {
    const snapshot = aSnapshot({
      hosts: hosts([14, 3], [13, 2], [15, 4], [3, 3]),
      vms: [aVm({ id: 'v1', host: 'h1' })],
    });
    const found = implausibleSources(snapshot);
    expect(found.size).toBe(1);
    const [first] = snapshot.hosts;
    const states = new Map(first && [[first.id, 'draining' as const]]);
    expect(implausibleSources(withStates(snapshot, states)) === found).toBe(true);
    const calm = hosts([3, 3], [3, 3], [3, 3], [3, 3]);
    expect(implausibleSources({ ...snapshot, hosts: calm }).size).toBe(0);
  });
});
