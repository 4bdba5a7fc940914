// Role: the gate's guards, one by one, on the tiers that each of them may stop.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { TIERS, type Finding, type Tier } from '../../../src/domain/finding.ts';
import { findingId, hostId, moveId, planId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { GateVerdict } from '../../../src/domain/journal.ts';
import type { Move, Plan } from '../../../src/domain/plan.ts';
import type { Mode, PolicySet, TimeWindow } from '../../../src/domain/policy.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { epochSeconds, ratio, seconds } from '../../../src/domain/units.ts';
import { gate, type GateRequest, modeOf } from '../../../src/execute/gate.ts';
import {
  aFinding,
  aHost,
  aPolicy,
  aSnapshot,
  aVm,
  someLimits,
  TEST_NOW,
} from '../../support/fleet.ts';
import { aMove } from '../../support/ledger-records.ts';

const snapshot = aSnapshot({
  hosts: ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id })),
  vms: ['v1', 'v2', 'v3'].map((id) => aVm({ id, host: 'h1' })),
});

function move(id: string, options: Partial<Move> = {}): Move {
  return aMove({ id: moveId(id), vm: vmId(`v${id.slice(1)}`), ...options });
}

function planOf(moves: readonly Move[]): Plan {
  const objective = { before: 1, after: 0, terms: {} };
  return { id: planId('p1'), snapshotAt: TEST_NOW, moves, objective };
}

function request(moves: readonly Move[], options: Partial<GateRequest> = {}): GateRequest {
  return {
    plan: planOf(moves),
    snapshot,
    findings: [],
    policies: aPolicy(),
    now: TEST_NOW,
    paused: false,
    counters: { movesLastHour: 0, movesLastDay: new Map() },
    approvals: [],
    ...options,
  };
}

/** Per tier: the codes with which one move is refused, or its verdict. */
function perTier(options: Partial<GateRequest>, of: Partial<Move> = {}): Record<Tier, string> {
  const answers = TIERS.map((tier) => {
    const [verdict] = gate(request([move('m1', { ...of, tier })], options));
    return [tier, told(verdict)];
  });
  return Object.fromEntries(answers) as Record<Tier, string>;
}

function told(verdict: GateVerdict | undefined): string {
  if (verdict?.verdict !== 'refused') return verdict?.verdict ?? 'none';
  return verdict.refusals.map((refusal) => refusal.code).join(' ');
}

function all(answer: string): Record<Tier, string> {
  return { mandatory: answer, corrective: answer, optional: answer };
}

function policy(limits: Parameters<typeof someLimits>[0], mode?: PolicySet['mode']): PolicySet {
  return aPolicy({ limits: someLimits(limits), ...(mode === undefined ? {} : { mode }) });
}

function inMode(mode: Mode, approve: readonly Tier[] = TIERS): PolicySet {
  return aPolicy({ mode: { default: mode, clusters: {}, approve } });
}

const byHand: Finding = aFinding('evacuate', {
  id: 'f1',
  host: 'h1',
  trigger: { kind: 'operator', who: 'ada' },
});
/** TEST_NOW is 2027-01-15T08:00:00Z, a Friday. */
const now: TimeWindow = {
  name: 'now',
  zone: 'UTC',
  days: [5],
  startMinute: 7 * 60,
  endMinute: 9 * 60,
};
const later: TimeWindow = { ...now, name: 'later', startMinute: 9 * 60, endMinute: 10 * 60 };

describe('mode', () => {
  it('decides what a good move becomes', () => {
    expect(perTier({ policies: inMode('automatic') })).toEqual(all('execute'));
    expect(perTier({ policies: inMode('observe') })).toEqual(all('would-execute'));
    expect(perTier({ policies: inMode('approve') })).toEqual(all('needs-approval'));
    expect(perTier({ policies: inMode('approve', ['optional']) })).toEqual({
      mandatory: 'execute',
      corrective: 'execute',
      optional: 'needs-approval',
    });
  });

  it('takes an order by hand for its approval, but never in observe', () => {
    const findings = [byHand];
    expect(perTier({ policies: inMode('approve'), findings })).toEqual(all('execute'));
    expect(perTier({ policies: inMode('observe'), findings })).toEqual(all('would-execute'));
    const alert = aFinding('evacuate', { id: 'f1', trigger: { kind: 'alert', alert: 'fan' } });
    expect(perTier({ policies: inMode('approve'), findings: [alert] }).mandatory).toBe(
      'needs-approval',
    );
  });

  it('observes every real hypervisor until told otherwise', () => {
    const bySource = { mode: { default: 'by-source', clusters: {}, approve: [] } } as const;
    const real = aHost({ hypervisor: { kind: 'kvm', version: '1', machineTypes: undefined } });
    expect(modeOf(aHost(), bySource)).toBe('automatic');
    expect(modeOf(real, bySource)).toBe('observe');
    const told = { mode: { ...bySource.mode, clusters: { c1: 'approve' } } } as const;
    expect(modeOf(real, told)).toBe('approve');
    expect(modeOf(aHost({ cluster: undefined }), told)).toBe('automatic');
  });

  it('binds a move between clusters by the stricter of both', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2', cluster: undefined })];
    const world = aSnapshot({ hosts, vms: [aVm({ id: 'v1' })] });
    const strict = { default: 'automatic', clusters: { c1: 'observe' }, approve: [] } as const;
    const back = aMove({ id: moveId('m1'), vm: vmId('v1') });
    const [verdict] = gate(
      request([back], { snapshot: world, policies: aPolicy({ mode: strict }) }),
    );
    expect(verdict).toMatchObject({ verdict: 'would-execute', mode: 'observe' });
  });
});

describe('guards of every tier', () => {
  it('stops everything when paused', () => {
    expect(perTier({ paused: true, findings: [byHand] })).toEqual(all('paused'));
  });

  it('stops a plan that is too old, or from the future', () => {
    const old = epochSeconds(TEST_NOW + 601);
    expect(perTier({ now: old })).toEqual(all('world-moved-on'));
    expect(perTier({ now: old, maxPlanAge: seconds(700) })).toEqual(all('execute'));
    expect(perTier({ now: epochSeconds(TEST_NOW - 1) })).toEqual(all('world-moved-on'));
  });

  it('stops what does not fit the world any more', () => {
    expect(perTier({}, { from: hostId('h2'), to: hostId('h3') })).toEqual(all('world-moved-on'));
    expect(perTier({}, { vm: vmId('gone') })).toEqual(all('world-moved-on'));
    expect(perTier({}, { to: hostId('gone') })).toEqual(all('world-moved-on'));
    const flight = {
      move: moveId('x'),
      vm: vmId('v1'),
      from: hostId('h1'),
      to: hostId('h3'),
      method: 'pre-copy',
      startedAt: TEST_NOW,
    } as const;
    const moving: Snapshot = { ...snapshot, inFlight: [flight] };
    expect(perTier({ snapshot: moving })).toEqual(all('in-flight'));
  });

  it('stops what is not compatible, and what another balancer owns', () => {
    const vms = [aVm({ id: 'v1', managedBy: 'drs' })];
    expect(perTier({ snapshot: { ...snapshot, vms } })).toEqual(all('managed-elsewhere'));
    const hosts = snapshot.hosts.map((host) => ({ ...host, state: 'draining' as const }));
    expect(perTier({ snapshot: { ...snapshot, hosts } })).toEqual(all('quarantined'));
  });

  it('suspects the monitoring when many hosts turn failing at once', () => {
    const failing = (host: string, since: number): Finding =>
      aFinding('evacuate', {
        id: `failing-${host}`,
        host,
        kind: 'failing',
        since: epochSeconds(TEST_NOW - since),
      });
    const mass = [failing('h1', 5), failing('h2', 100), failing('h3', 500)];
    expect(perTier({ findings: mass })).toEqual(all('mass-failure'));
    expect(perTier({ findings: [...mass, byHand] })).toEqual(all('execute'));
    const suspect = mass.map((finding) => ({ ...finding, response: 'quarantine' }) as const);
    expect(perTier({ findings: [failing('h1', 5), ...suspect] })).toEqual(all('execute'));
    const spread = [failing('h1', 5), failing('h2', 700), failing('h3', 1400)];
    expect(perTier({ findings: spread })).toEqual(all('execute'));
    expect(perTier({ findings: mass.slice(0, 2) })).toEqual(all('execute'));
    const oneHost = aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2' })],
      vms: [aVm({ id: 'v1' })],
    });
    const few = { snapshot: oneHost, policies: policy({ massFailureShare: ratio(0.1) }) };
    expect(perTier({ ...few, findings: [failing('h1', 5)] })).toEqual(all('execute'));
    expect(perTier({ ...few, findings: [failing('h1', 5), failing('h1', 6)] })).toEqual(
      all('execute'),
    );
  });
});

describe('a VM whose moves come to nothing', () => {
  const after = (count: number, ago: number): Partial<GateRequest> => ({
    findings: [byHand],
    counters: {
      movesLastHour: 0,
      movesLastDay: new Map(),
      troubles: new Map([[vmId('v1'), { count, lastAt: epochSeconds(TEST_NOW - ago) }]]),
    },
  });

  it('is left alone for longer each time, in every tier', () => {
    // Up to a quarter less, so that what failed together is not tried again together.
    for (const [count, pause] of [
      [1, 30],
      [4, 240],
      [2000, 3600],
    ] as const) {
      expect(perTier(after(count, 0.75 * pause - 1))).toEqual(all('cool-down'));
      expect(perTier(after(count, pause))).toEqual(all('execute'));
    }
  });
});

describe('the share of a cluster that is evacuated at once', () => {
  const away = (id: string, from: string): Move =>
    aMove({
      id: moveId(id),
      vm: vmId(`vm of ${from}`),
      from: hostId(from),
      to: hostId('h4'),
      tier: 'mandatory',
    });
  const world = aSnapshot({
    hosts: ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id })),
    vms: ['h1', 'h2', 'h3'].map((host) => aVm({ id: `vm of ${host}`, host })),
  });
  const moves = [away('m1', 'h1'), away('m2', 'h2'), away('m3', 'h3')];

  it('lets the first hosts of the plan go first', () => {
    const verdicts = gate(request(moves, { snapshot: world }));
    expect(verdicts.map(told)).toEqual(['execute', 'execute', 'evacuated-share']);
  });

  it('lets failing hosts go before planned ones', () => {
    const failing = aFinding('evacuate', { id: 'f3', host: 'h3', kind: 'failing' });
    const findings = [failing, { ...byHand, id: findingId('f2') }];
    const one = { snapshot: world, policies: policy({ evacuatedShare: ratio(0.25) }), findings };
    const verdicts = gate(request(moves, one)).map(told);
    expect(verdicts).toEqual(['evacuated-share', 'evacuated-share', 'execute']);
  });

  it('takes nothing for a host none of whose moves may run', () => {
    const vms = world.vms.map((vm) => (vm.host === 'h1' ? { ...vm, locked: true } : vm));
    const one = { policies: policy({ evacuatedShare: ratio(0.25) }) };
    const verdicts = gate(request(moves, { ...one, snapshot: { ...world, vms } })).map(told);
    expect(verdicts).toEqual(['locked evacuated-share', 'execute', 'evacuated-share']);
  });

  it('counts the hosts that are out already, and always allows one', () => {
    const out = aSnapshot({
      ...world,
      hosts: world.hosts.map((host) =>
        host.id === 'h3' ? { ...host, state: 'evacuating' } : host,
      ),
    });
    const verdicts = gate(request(moves, { snapshot: out })).map(told);
    expect(verdicts).toEqual(['execute', 'evacuated-share', 'execute']);
    const tiny = { snapshot: world, policies: policy({ evacuatedShare: ratio(0) }) };
    expect(gate(request(moves, tiny)).map(told)).toEqual([
      'execute',
      'evacuated-share',
      'evacuated-share',
    ]);
  });
});

describe('guards of what can wait', () => {
  const stopped = (code: string): Record<Tier, string> => ({
    mandatory: 'execute',
    corrective: code,
    optional: code,
  });

  it('lets a VM rest after a move', () => {
    const at = (moved: number): Partial<GateRequest> => ({
      snapshot: { ...snapshot, lastMovedAt: { [vmId('v1')]: epochSeconds(TEST_NOW - moved) } },
    });
    expect(perTier(at(899))).toEqual(stopped('cool-down'));
    expect(perTier(at(900))).toEqual(all('execute'));
    // What an order moved away need not rest before it comes home.
    const home: Finding = { ...byHand, kind: 'return-home', response: 'return', tier: 'optional' };
    expect(perTier({ ...at(5), findings: [home] })).toEqual(all('execute'));
    // The clock was set back: the VM has not rested yet, as far as anybody knows.
    expect(perTier(at(-50))).toEqual(stopped('cool-down'));
  });

  it('keeps to the budgets, and counts what it grants', () => {
    const hourly = { policies: policy({ budgets: { movesPerHour: 2, movesPerVmPerDay: 9 } }) };
    const used = { movesLastHour: 1, movesLastDay: new Map() };
    // What is mandatory takes no place in them from the rest of its plan.
    const moves = [move('m1', { tier: 'mandatory' }), move('m2'), move('m3')];
    expect(gate(request(moves, { ...hourly, counters: used })).map(told)).toEqual([
      'execute',
      'execute',
      'budget',
    ]);
    const spent = { movesLastHour: 3, movesLastDay: new Map() };
    expect(perTier({ ...hourly, counters: spent })).toEqual(stopped('budget'));
    const daily = { policies: policy({ budgets: { movesPerHour: 9, movesPerVmPerDay: 2 } }) };
    const often = { movesLastHour: 0, movesLastDay: new Map([[vmId('v1'), 2]]) };
    expect(perTier({ ...daily, counters: often })).toEqual(stopped('budget'));
  });

  it('keeps out of blackouts, and optional moves in their windows', () => {
    expect(perTier({ policies: policy({ blackouts: [later, now] }) })).toEqual(stopped('window'));
    expect(perTier({ policies: policy({ blackouts: [later] }) })).toEqual(all('execute'));
    const optionalOnly = { mandatory: 'execute', corrective: 'execute', optional: 'window' };
    expect(perTier({ policies: policy({ windows: [later] }) })).toEqual(optionalOnly);
    expect(perTier({ policies: policy({ windows: [later, now] }) })).toEqual(all('execute'));
  });

  it('moves nothing optional on the word of a source that is late', () => {
    const status = { lastAnswerAt: undefined, consecutiveFailures: 1, detail: '' };
    const sources = [{ source: sourceId('lab'), state: 'late' as const, ...status }];
    expect(perTier({ snapshot: { ...snapshot, sources } })).toEqual({
      mandatory: 'execute',
      corrective: 'execute',
      optional: 'stale-metrics',
    });
  });
});

describe('plans', () => {
  it('refuses what waits for a refused move, and holds what waits for an approval', () => {
    const moves = [
      move('m1', { from: hostId('h9') }),
      move('m2', { dependsOn: [moveId('m1')] }),
      move('m3', { dependsOn: [moveId('unknown')] }),
    ];
    const verdicts = gate(request(moves));
    expect(verdicts.map(told)).toEqual(['world-moved-on', 'world-moved-on', 'world-moved-on']);
    expect(verdicts[1]?.refusals[0]?.detail).toContain('m1');
    const mixed = [move('m1'), move('m2', { tier: 'mandatory', dependsOn: [moveId('m1')] })];
    const policies = inMode('approve', ['optional']);
    expect(gate(request(mixed, { policies })).map(told)).toEqual([
      'needs-approval',
      'needs-approval',
    ]);
  });

  it('follows a VM that is parked on its way', () => {
    const first = move('m1');
    const second = aMove({
      id: moveId('m2'),
      vm: first.vm,
      from: hostId('h2'),
      to: hostId('h3'),
      dependsOn: [first.id],
    });
    expect(gate(request([first, second])).map(told)).toEqual(['execute', 'execute']);
    expect(gate(request([second, first])).map(told)).toEqual([
      'world-moved-on world-moved-on',
      'execute',
    ]);
  });

  it('answers for every move, once, in the order of the plan, whatever comes in', () => {
    const anyMove = fc.record({
      tier: fc.constantFrom(...TIERS),
      vm: fc.constantFrom('v1', 'v2', 'v3', 'gone'),
      from: fc.constantFrom('h1', 'h2', 'gone'),
      to: fc.constantFrom('h1', 'h2', 'h3', 'gone'),
    });
    const counts = fc.oneof(fc.integer(), fc.constant(Number.NaN), fc.constant(Infinity));
    fc.assert(
      fc.property(fc.array(anyMove), counts, fc.nat(), (drawn, movesLastHour, elapsed) => {
        const moves = drawn.map(({ tier, vm, from, to }, index) =>
          aMove({
            id: moveId(`m${index}`),
            tier,
            vm: vmId(vm),
            from: hostId(from),
            to: hostId(to),
            reason: { finding: findingId('f1'), text: '', evidence: [], terms: {} },
          }),
        );
        const counters = { movesLastHour, movesLastDay: new Map() };
        const at = epochSeconds(TEST_NOW + elapsed);
        const verdicts = gate(request(moves, { counters, now: at }));
        expect(verdicts.map((verdict) => verdict.move)).toEqual(moves.map(({ id }) => id));
        for (const verdict of verdicts) {
          expect(verdict.verdict === 'refused').toBe(verdict.refusals.length > 0);
        }
      }),
    );
  });

  it('has nothing to say about an empty plan on an empty fleet', () => {
    expect(gate(request([], { snapshot: aSnapshot({ hosts: [], vms: [] }) }))).toEqual([]);
  });
});
