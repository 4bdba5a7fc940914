// Role: what the planner does, told in small fleets: who moves, where to, in which order, what is
// left alone and what is said about it.
import { describe, expect, it } from 'vitest';

import type { Finding } from '../../../src/domain/finding.ts';
import { hostId, moveId, sourceId, storageId, vmId } from '../../../src/domain/ids.ts';
import { known, missingWindow } from '../../../src/domain/measured.ts';
import { epochSeconds, ratio, seconds } from '../../../src/domain/units.ts';
import { explainPair, plan, stagesOf } from '../../../src/plan/plan.ts';
import {
  TEST_NOW,
  aFinding,
  aHost,
  aPin,
  aVm,
  anAffinity,
  anAntiAffinity,
  someMigration,
} from '../../support/fleet.ts';
import { HOSTS, movesOf, request } from './support.ts';

describe('evacuate', () => {
  it('takes everything off, the most important first, to the hosts with most room', () => {
    const vms = [
      aVm({ id: 'a', criticality: 'best-effort' }),
      aVm({ id: 'b', criticality: 'mission-critical' }),
      aVm({ id: 'c', criticality: 'business' }),
      aVm({ id: 'd', host: 'h2', cpuUsed: 8 }),
    ];
    const asked = request({ hosts: HOSTS, vms }, [aFinding('evacuate', { host: 'h1' })]);
    expect(movesOf(asked)).toEqual(['b: h1 > h3', 'c: h1 > h3', 'a: h1 > h3']);
    expect(plan(asked).plan.moves.map(({ tier }) => tier)).toEqual(Array(3).fill('mandatory'));
  });

  it('sends nothing to a host that is being emptied, or is quarantined by a finding', () => {
    const findings = [aFinding('evacuate', { host: 'h1' }), aFinding('quarantine', { host: 'h2' })];
    expect(movesOf(request({ hosts: HOSTS, vms: [aVm()] }, findings))).toEqual(['v1: h1 > h3']);
  });

  it('sends nothing to a host with a guest of which nothing is known', () => {
    const hosts = HOSTS.map((host) =>
      host.id === 'h2' ? { ...host, unlistedGuests: ['x'] } : host,
    );
    const vms = ['a', 'b', 'c', 'd'].map((id) => aVm({ id, memoryGib: 20 }));
    const asked = request({ hosts, vms }, [aFinding('evacuate', { host: 'h1' })]);
    expect(new Set(plan(asked).plan.moves.map(({ to }) => to))).toEqual(new Set(['h3']));
  });

  it.each(['h2', 'h3'])('asks each host for the image in a drive: %s has none', (lacking) => {
    const [san, images] = [storageId('san'), storageId('images')];
    const medium = { kind: 'cdrom', name: 'x.iso', storage: images, shared: true } as const;
    const hosts = ['h1', 'h2', 'h3'].map((id) => {
      return aHost({ id, storages: id === lacking ? [san] : [san, images] });
    });
    const vms = ['a', 'b'].map((id) => aVm({ id, media: [medium] }));
    const to = lacking === 'h2' ? 'h3' : 'h2';
    const asked = request({ hosts, vms }, [aFinding('evacuate', { host: 'h1' })]);
    expect(movesOf(asked)).toEqual([`a: h1 > ${to}`, `b: h1 > ${to}`]);
  });

  it('serves the nearer deadline first among equals', () => {
    const vms = [aVm({ id: 'a' }), aVm({ id: 'b', host: 'h2' })];
    const findings = [
      aFinding('evacuate', { host: 'h1', deadline: epochSeconds(TEST_NOW + 9000) }),
      aFinding('evacuate', { host: 'h2', deadline: epochSeconds(TEST_NOW + 600) }),
    ];
    const order = plan(request({ hosts: HOSTS, vms }, findings)).plan.moves.map(({ vm }) => vm);
    expect(order).toEqual(['b', 'a']);
  });

  it('says who stays, and what each host has against it', () => {
    const vms = [aVm({ id: 'big', memoryGib: 100 }), aVm({ id: 'small' })];
    const result = plan(request({ hosts: HOSTS, vms }, [aFinding('evacuate', { host: 'h1' })]));
    expect(result.plan.moves.map(({ vm }) => vm)).toEqual(['small']);
    expect(result.report.unresolved).toMatchObject([
      {
        subject: { kind: 'vm', vm: 'big' },
        code: 'memory',
        pairs: [
          { host: 'h2', code: 'memory', detail: expect.stringContaining('needs 100.0 GiB') },
          { host: 'h3', code: 'memory' },
        ],
      },
    ]);
  });

  it('stops a guest only if its permission and the ladder of its class allow it', () => {
    const amd = aHost({ id: 'h2', cpu: { vendor: 'amd' } });
    const base = { cpu: { mode: 'host-model' }, permission: 'cold' } as const;
    const vms = [
      aVm({ id: 'a', ...base, criticality: 'best-effort' }),
      aVm({ id: 'b', ...base, criticality: 'business' }),
      aVm({ id: 'c', ...base, criticality: 'best-effort', permission: 'live' }),
    ];
    const migration = someMigration({ coldCrossVendor: 'allow' });
    const findings = [aFinding('evacuate', { host: 'h1' })];
    const asked = request({ hosts: [aHost(), amd], vms }, findings, { migration });
    expect(plan(asked).plan.moves.map(({ vm, method }) => [vm, method])).toEqual([['a', 'cold']]);
    expect(plan(asked).report.unresolved.map(({ code }) => code)).toEqual([
      'cpu-vendor',
      'cpu-vendor',
    ]);
  });

  it('leaves a host that does not answer to the restart', () => {
    const gone = aHost({ connection: 'disconnected' });
    const findings = [aFinding('evacuate', { host: 'h1' })];
    const result = plan(request({ hosts: [gone, aHost({ id: 'h2' })], vms: [aVm()] }, findings));
    expect(result.plan.moves).toEqual([]);
    expect(result.report.unresolved).toMatchObject([{ code: 'disconnected' }]);
  });

  it('moves another VM out of the way, and waits for it', () => {
    const hosts = [
      aHost({ id: 'h1' }),
      aHost({ id: 'h2', memoryGib: 64 }),
      aHost({ id: 'h3', memoryGib: 8 }),
    ];
    const vms = [
      aVm({ id: 'big', memoryGib: 60, criticality: 'mission-critical' }),
      aVm({ id: 'aside', host: 'h2', memoryGib: 6 }),
    ];
    const asked = request({ hosts, vms }, [aFinding('evacuate', { host: 'h1' })]);
    expect(movesOf(asked)).toEqual(['aside: h2 > h3', 'big: h1 > h2']);
    const result = plan(asked).plan;
    const [aside, big] = result.moves;
    expect(big?.dependsOn).toEqual([aside?.id]);
    expect(aside?.reason.text).toBe('makes room for big: evacuate h1');
    expect(stagesOf(result)).toEqual([[0], [1]]);
    const ended = (aside?.predicted.startSeconds ?? 0) + (aside?.predicted.seconds ?? 0);
    expect(big?.predicted.startSeconds).toBeGreaterThanOrEqual(ended);
  });

  it('keeps a group together that has to be together in the end', () => {
    const together = { ...anAffinity('pair', ['a', 'b']), hold: 'finally' as const };
    const vms = [aVm({ id: 'a' }), aVm({ id: 'b' }), aVm({ id: 'c', host: 'h3', cpuUsed: 12 })];
    const findings = [aFinding('evacuate', { host: 'h1' })];
    const asked = request({ hosts: HOSTS, vms, placement: [together] }, findings);
    expect(movesOf(asked)).toEqual(['a: h1 > h2', 'b: h1 > h2']);
  });

  it('does not let members of a group meet, not even those in flight', () => {
    const vms = [aVm({ id: 'a' }), aVm({ id: 'b', host: 'h2' })];
    const flight = {
      move: moveId('m'),
      vm: vmId('b'),
      from: hostId('h2'),
      to: hostId('h3'),
      method: 'pre-copy',
      startedAt: TEST_NOW,
    } as const;
    const placement = [anAntiAffinity('apart', ['a', 'b'])];
    const findings = [aFinding('evacuate', { host: 'h1' })];
    const result = plan(request({ hosts: HOSTS, vms, placement, inFlight: [flight] }, findings));
    expect(result.plan.moves).toEqual([]);
    expect(result.report.unresolved).toMatchObject([{ code: 'anti-affinity' }]);
  });
});

describe('relieve', () => {
  const hot = [aFinding('relieve', { host: 'h1' })];

  it('takes the least disruptive set that suffices', () => {
    const vms = [
      aVm({ id: 'fat', cpuUsed: 2, memoryGib: 32 }),
      aVm({ id: 'lean', cpuUsed: 2, memoryGib: 2 }),
      aVm({ id: 'rest', cpuUsed: 10, memoryGib: 20, vcpus: 16 }),
    ];
    expect(movesOf(request({ hosts: HOSTS, vms }, hot))).toEqual(['lean: h1 > h2']);
  });

  it('moves a lesser VM where it does as well as a critical one', () => {
    const same = { cpuUsed: 2, memoryGib: 4 };
    const vms = [
      aVm({ id: 'a', ...same, criticality: 'mission-critical' }),
      aVm({ id: 'b', ...same, criticality: 'best-effort' }),
      aVm({ id: 'rest', cpuUsed: 10, memoryGib: 20, vcpus: 16 }),
    ];
    expect(movesOf(request({ hosts: HOSTS, vms }, hot))).toEqual(['b: h1 > h2']);
  });

  it('relieves memory where the evidence is about memory', () => {
    const evidence = [
      { fact: 'host.memory.configured.ratio', operator: '>', threshold: 0.8, value: 0.9 },
    ];
    const findings = [aFinding('relieve', { host: 'h1', relieveBelow: ratio(0.5), evidence })];
    const vms = [aVm({ id: 'a', memoryGib: 30 }), aVm({ id: 'b', memoryGib: 20 })];
    expect(movesOf(request({ hosts: HOSTS, vms }, findings))).toEqual(['b: h1 > h2']);
  });

  it('does not make another host as hot as the one it relieves', () => {
    const vms = [
      aVm({ id: 'a', cpuUsed: 4, vcpus: 4 }),
      aVm({ id: 'b', cpuUsed: 5, vcpus: 8 }),
      aVm({ id: 'c', host: 'h2', cpuUsed: 7, vcpus: 8 }),
      aVm({ id: 'd', host: 'h3', cpuUsed: 7, vcpus: 8 }),
    ];
    const findings = [aFinding('relieve', { host: 'h1', relieveBelow: ratio(0.5) })];
    const result = plan(request({ hosts: HOSTS, vms }, findings));
    expect(result.plan.moves).toEqual([]);
    expect(result.report.unresolved).toMatchObject([
      { subject: { kind: 'host', host: 'h1' }, code: 'cpu' },
    ]);
  });

  it('names the other source before what is only so at the moment', () => {
    const blind = { 'cpu.used': missingWindow('stale') };
    const other = { source: sourceId('other') };
    const hosts = [
      aHost({ cpuUsed: 15 }),
      aHost({ id: 'h2', ...other, metrics: blind }),
      aHost({ id: 'h3', ...other, cpuUsed: 16 }),
    ];
    const vms = [aVm({ id: 'a', cpuUsed: 15, vcpus: 16 })];
    const { report } = plan(request({ hosts, vms }, hot));
    expect(report.refusals).toEqual({ 'same-host': 1, 'other-source': 2 });
    expect(report.unresolved).toMatchObject([{ code: 'other-source' }]);
  });

  it('counts a VM that was just started with its newest reading', () => {
    const young = {
      'cpu.used': { ...missingWindow('too-few-samples'), last: known(6, seconds(10)) },
    };
    const vms = [
      aVm({ id: 'a', metrics: young, vcpus: 8 }),
      aVm({ id: 'b', cpuUsed: 4, vcpus: 4 }),
      aVm({ id: 'c', cpuUsed: 4, vcpus: 4 }),
    ];
    const hosts = [aHost({ cpuUsed: 14.5 }), aHost({ id: 'h2' }), aHost({ id: 'h3' })];
    expect(movesOf(request({ hosts, vms }, hot))).toEqual(['b: h1 > h2']);
  });

  it('believes no VM and no host whose CPU is not known', () => {
    const blind = { 'cpu.used': missingWindow('stale') };
    const vms = [
      aVm({ id: 'a', metrics: blind, vcpus: 4 }),
      aVm({ id: 'b', cpuUsed: 8, vcpus: 8 }),
    ];
    const hosts = [aHost({ cpuUsed: 15 }), aHost({ id: 'h2', metrics: blind })];
    const result = plan(request({ hosts, vms }, hot));
    expect(result.plan.moves).toEqual([]);
    expect(result.report.refusals['stale-metrics']).toBeGreaterThan(0);
  });

  it('lets a VM rest that was moved lately, unless its host has to be emptied', () => {
    const vms = [aVm({ id: 'a', cpuUsed: 14, vcpus: 14 })];
    const lastMovedAt = { [vmId('a')]: epochSeconds(TEST_NOW - 60) };
    const hosts = [aHost(), aHost({ id: 'h2', threads: 32 })];
    const fleet = { hosts, vms, lastMovedAt };
    const result = plan(request(fleet, hot));
    expect(result.plan.moves).toEqual([]);
    expect(result.report.unresolved[0]?.pairs[0]?.code).toBe('cool-down');
    const mandatory = [aFinding('evacuate', { host: 'h1' })];
    expect(movesOf(request(fleet, mandatory))).toEqual(['a: h1 > h2']);
  });

  it('counts what is on its way out as gone, and on its way in as there', () => {
    const vms = [
      aVm({ id: 'a', cpuUsed: 7, vcpus: 8 }),
      aVm({ id: 'b', cpuUsed: 7, vcpus: 8 }),
      aVm({ id: 'c', host: 'h3', cpuUsed: 7, vcpus: 8 }),
    ];
    const flight = {
      move: moveId('m'),
      vm: vmId('a'),
      from: hostId('h1'),
      to: hostId('h2'),
      method: 'pre-copy',
      startedAt: TEST_NOW,
    } as const;
    const settled = request({ hosts: HOSTS, vms, inFlight: [flight] }, hot);
    expect(plan(settled).plan.moves).toEqual([]);
    expect(plan(settled).report.notes[0]).toContain('nothing to relieve on h1');
    const emptied = request({ hosts: HOSTS, vms, inFlight: [flight] }, [
      aFinding('evacuate', { host: 'h3' }),
    ]);
    // Not as if there were room.
    expect(plan(emptied).plan.moves.map(({ overCpu }) => overCpu)).toEqual([true]);
  });
});

describe('repair', () => {
  it('parts a group, by the cheaper of its members', () => {
    const vms = [aVm({ id: 'a', memoryGib: 8 }), aVm({ id: 'b', memoryGib: 2 })];
    const placement = [anAntiAffinity('apart', ['a', 'b'])];
    const trigger = { kind: 'placement', rule: 'apart' } as const;
    const asked = request({ hosts: HOSTS, vms, placement }, [aFinding('repair', { trigger })]);
    expect(movesOf(asked)).toEqual(['b: h1 > h2']);
    expect(plan(asked).plan.moves[0]?.tier).toBe('corrective');
  });

  it('weighs rule and load together', () => {
    const vms = [
      aVm({ id: 'a', memoryGib: 4, cpuUsed: 6, vcpus: 8 }),
      aVm({ id: 'b', memoryGib: 2, cpuUsed: 1 }),
      aVm({ id: 'c', memoryGib: 16, cpuUsed: 8, vcpus: 8 }),
    ];
    const placement = [anAntiAffinity('apart', ['a', 'b'])];
    const trigger = { kind: 'placement', rule: 'apart' } as const;
    const findings = [aFinding('repair', { trigger }), aFinding('relieve', { host: 'h1' })];
    expect(movesOf(request({ hosts: HOSTS, vms, placement }, findings))).toEqual(['a: h1 > h2']);
  });

  it('brings a pinned VM to its hosts, and gathers a group', () => {
    const vms = [aVm({ id: 'a' }), aVm({ id: 'b', host: 'h2' }), aVm({ id: 'c', host: 'h2' })];
    const near = { ...anAffinity('near', ['b', 'a']), hold: 'finally' as const };
    const placement = [aPin('pin', ['a'], ['h3']), near];
    const about = (rule: string): Finding =>
      aFinding('repair', { id: rule, trigger: { kind: 'placement', rule } });
    const asked = request({ hosts: HOSTS, vms, placement }, [about('pin'), about('near')]);
    expect(movesOf(asked).toSorted()).toEqual(['a: h1 > h3', 'b: h2 > h3']);
  });
});

describe('return and level', () => {
  it('brings a VM home', () => {
    const evidence = [{ fact: 'vm.home', operator: 'equal', threshold: 'h2', value: 'h2' }];
    const hosts = [aHost(), aHost({ id: 'h2', state: 'returning' })];
    const asked = request({ hosts, vms: [aVm()] }, [aFinding('return', { vm: 'v1', evidence })]);
    expect(movesOf(asked)).toEqual(['v1: h1 > h2']);
  });

  it('levels load, and stops when nothing more is gained', () => {
    const vms = Array.from({ length: 6 }, (_none, i) => aVm({ id: `v${i}`, cpuUsed: 2 }));
    const asked = request({ hosts: HOSTS, vms }, [aFinding('level')]);
    expect(plan(asked).plan.moves).toHaveLength(4);
    const { objective } = plan(asked).plan;
    expect(objective.after).toBeLessThan(objective.before);
    const level = vms.map((vm, i) => ({ ...vm, host: hostId(`h${1 + (i % 3)}`) }));
    expect(movesOf(request({ hosts: HOSTS, vms: level }, [aFinding('level')]))).toEqual([]);
  });
});

describe('tiers', () => {
  it('come one after the other, whatever the criticality', () => {
    const vms = [
      aVm({ id: 'a', criticality: 'best-effort' }),
      aVm({ id: 'b', host: 'h2', criticality: 'mission-critical', cpuUsed: 15, vcpus: 16 }),
      aVm({ id: 'c', host: 'h2', criticality: 'business' }),
      aVm({ id: 'd', host: 'h2', criticality: 'business' }),
    ];
    const placement = [anAntiAffinity('apart', ['c', 'd'])];
    const findings = [
      aFinding('relieve', { host: 'h2' }),
      aFinding('repair', { trigger: { kind: 'placement', rule: 'apart' } }),
      aFinding('evacuate', { host: 'h1' }),
    ];
    const hosts = [...HOSTS, aHost({ id: 'h4', threads: 32 })];
    const { moves } = plan(request({ hosts, vms, placement }, findings)).plan;
    expect(moves.map(({ tier }) => tier)).toEqual(['mandatory', 'corrective', 'optional']);
  });
});

describe('explainPair', () => {
  const hosts = [
    aHost(),
    aHost({ id: 'h2', cpu: { vendor: 'amd' }, memoryGib: 2, state: 'draining' }),
  ];
  const asked = request({ hosts, vms: [aVm()], placement: [aPin('p', ['v1'], ['h1'])] }, []);

  it('names every reason with its figures', () => {
    const found = explainPair(asked, vmId('v1'), hostId('h2'));
    expect(found.map(({ code }) => code)).toEqual(['quarantined', 'cpu-vendor', 'memory', 'pin']);
    expect(found[2]?.detail).toBe('needs 4.0 GiB, 2.0 GiB free within the safety capacity');
  });

  it('judges on the terms of the finding that asks for the VM', () => {
    const unmeasured = { vms: [aVm({ metrics: {} }), aVm({ id: 'v2', metrics: {} })] };
    const placement = [anAntiAffinity('apart', ['v1', 'v2'])];
    const of = (findings: readonly Finding[]) =>
      explainPair(
        request({ hosts: HOSTS, placement, ...unmeasured }, findings),
        vmId('v1'),
        hostId('h2'),
      );
    expect(of([]).map(({ code }) => code)).toEqual(['stale-metrics']);
    const repair = aFinding('repair', { trigger: { kind: 'placement', rule: 'apart' } });
    expect(of([repair])).toEqual([]);
    const relief = { ...aFinding('relieve', { host: 'h1' }), tier: 'corrective' as const };
    expect(of([relief])).toEqual([]);
  });

  it('knows where the VM is, and what is not there', () => {
    const home = explainPair(asked, vmId('v1'), hostId('h1'));
    expect(home.map(({ code }) => code)).toEqual(['same-host']);
    expect(() => explainPair(asked, vmId('v9'), hostId('h1'))).toThrow(RangeError);
    expect(() => explainPair(asked, vmId('v1'), hostId('h9'))).toThrow(RangeError);
  });
});
