// Role: what a plan does about the VMs that Drover stands on, case by case; that they come last,
// alone and by pre-copy in any plan is in test/property/own-vms.test.ts.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { OwnVm } from '../../../src/domain/own-vm.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { waitingNote } from '../../../src/plan/own-vms.ts';
import { explainPair, type PlanRequest, plan } from '../../../src/plan/plan.ts';
import {
  TEST_NOW,
  aFinding,
  aHost,
  aPin,
  aSnapshot,
  aVm,
  anAntiAffinity,
  someLimits,
  someMigration,
  someWeights,
} from '../../support/fleet.ts';
import { carriedOut } from '../../support/carried-out.ts';
import { aDependency, aSpread } from '../../support/rule-kinds.ts';

const LEDGER: OwnVm = { roles: ['ledger'] };

function request(
  snapshot: Snapshot,
  findings: PlanRequest['findings'],
  more: Partial<PlanRequest> = {},
): PlanRequest {
  const settings = { limits: someLimits(), migration: someMigration(), weights: someWeights() };
  return { snapshot, findings, ...settings, seed: 1, ...more };
}

function movesOf(one: PlanRequest): readonly string[] {
  return plan(one).plan.moves.map(({ vm, from, to }) => `${vm} ${from} ${to}`);
}

/** h1 with the ledger, h2 hot, h3 and h4 idle. */
function fleet(own: OwnVm = LEDGER): Snapshot {
  return aSnapshot({
    hosts: ['h1', 'h2', 'h3', 'h4'].map((id) => aHost({ id, threads: 16 })),
    vms: [
      aVm({ id: 'db', host: 'h1', criticality: 'mission-critical', own }),
      aVm({ id: 'web', host: 'h1' }),
      ...[1, 2, 3, 4].map((n) => aVm({ id: `hot-${n}`, host: 'h2', vcpus: 4, cpuUsed: 4 })),
    ],
  });
}

const EMPTY_H1 = aFinding('evacuate', { host: 'h1' });
const RELIEVE_H2 = aFinding('relieve', { host: 'h2' });

describe('a plan', () => {
  it('leaves out what can wait while an own VM has to leave its host, and says so', () => {
    const both = request(fleet(), [EMPTY_H1, RELIEVE_H2]);
    expect(plan(both).plan.moves.map(({ vm }) => vm)).toEqual(['web', 'db']);
    expect(plan(both).report.notes).toContain(
      'moves that can wait are left for later: db has to leave its host, and goes alone',
    );
  });

  it('lets nobody wait for an own VM where the group ends spread in another order, too', () => {
    const size = { memoryGib: 4, vcpus: 4 } as const;
    const vms = [
      aVm({ id: 'v0', host: 'h0', cpuUsed: 3.1, ...size }),
      aVm({ id: 'v2', host: 'h0', cpuUsed: 1.7, ...size, vcpus: 8, own: LEDGER }),
      aVm({ id: 'v7', host: 'h0', cpuUsed: 1.9, ...size }),
    ];
    const hosts = [
      aHost({ id: 'h0', threads: 8, memoryGib: 16 }),
      aHost({ id: 'h4', threads: 16, memoryGib: 32 }),
    ];
    const placement = [
      { ...aDependency('r0', ['v2'], ['v7'], 'host'), hold: 'finally' as const },
      { ...aSpread('r1', ['v0', 'v2', 'v7'], 2, 'host'), hold: 'finally' as const },
    ];
    const snapshot = aSnapshot({ hosts, vms, placement });
    const asked = request(snapshot, [aFinding('evacuate', { host: 'h0' })]);
    expect(movesOf(asked)).toEqual(['v7 h0 h4', 'v2 h0 h4']);
    expect(check({ ...asked, plan: plan(asked).plan })).toEqual([]);
  });

  it('leaves nothing out where the own VM has no place then', () => {
    const asked = request(fleet(), [EMPTY_H1, RELIEVE_H2]);
    const db = aVm({ id: 'db', own: LEDGER });
    const state = { model: { vms: [db] }, moves: [{ vm: 0 }] };
    const draft = { state, causes: new Map([[0, { finding: EMPTY_H1 }]]) } as never;
    expect(waitingNote(draft, asked, plan({ ...asked, findings: [EMPTY_H1] }).plan)).toBeDefined();
    expect(waitingNote(draft, asked, { moves: [] })).toBeUndefined();
  });

  it('does not wait for one whose moves come to nothing', () => {
    const vm = aVm({ id: 'db' }).id;
    const subject = { kind: 'pair', vm, to: aHost({ id: 'h3' }).id } as const;
    const breaker = { subject, state: 'open', until: TEST_NOW + 60, failures: 3 } as never;
    const tried = { ...fleet(), breakers: [breaker] };
    const moved = plan(request(tried, [EMPTY_H1, RELIEVE_H2])).plan.moves;
    expect(moved.some(({ vm: one }) => one.startsWith('hot'))).toBe(true);
    expect(moved.at(-1)?.vm).toBe('db');
  });

  it('moves it for no load, and says why not', () => {
    const hot = aSnapshot({
      hosts: [aHost({ id: 'h1', threads: 16 }), aHost({ id: 'h2', threads: 16 })],
      vms: [
        aVm({ id: 'db', host: 'h1', vcpus: 8, cpuUsed: 7, own: LEDGER }),
        aVm({ id: 'web', host: 'h1', vcpus: 8, cpuUsed: 7 }),
      ],
    });
    const one = request(hot, [aFinding('relieve', { host: 'h1' })]);
    expect(movesOf(one)).toEqual(['web h1 h2']);
    const refusals = explainPair(one, aVm({ id: 'db' }).id, aHost({ id: 'h2' }).id);
    expect(refusals.map(({ code, detail }) => [code, detail])).toContainEqual([
      'own-vm',
      "it carries Drover's ledger, and does not have to move",
    ]);
  });

  it('is not in a first answer, which is about who can go at once', () => {
    expect(movesOf(request(fleet(), [EMPTY_H1], { isFirst: true }))).toEqual(['web h1 h3']);
  });

  it('leaves the VM of a controller that acts, for what else may be in the way first', () => {
    const acting: OwnVm = { roles: ['controller'], controller: 'ada', acting: 'with-standby' };
    const one = request(fleet(acting), [EMPTY_H1]);
    expect(plan(one).plan.moves.map(({ vm }) => vm)).toEqual(['web']);
    const [open] = plan(one).report.unresolved;
    expect(open?.code).toBe('own-leases');
    expect(new Set(open?.pairs.map(({ code }) => code))).toEqual(new Set(['own-leases']));
    // Where there is no room either, leases are not given away for nothing.
    const small = fleet(acting).hosts.map((host) =>
      host.id === 'h1' ? host : aHost({ id: host.id, threads: 16, memoryGib: 2 }),
    );
    const full = plan(request({ ...fleet(acting), hosts: small }, [EMPTY_H1]));
    const codes = full.report.unresolved.flatMap(({ pairs }) => pairs.map(({ code }) => code));
    expect(codes).not.toContain('own-leases');
  });

  it('moves what only makes room for it after those that matter more', () => {
    const snapshot = aSnapshot({
      hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id, threads: 16 })),
      vms: [
        aVm({ id: 'db', host: 'h1', criticality: 'mission-critical', own: LEDGER }),
        aVm({ id: 'shop', host: 'h1', criticality: 'business' }),
        aVm({ id: 'peer', host: 'h2' }),
      ],
      placement: [anAntiAffinity('apart', ['db', 'peer']), aPin('there', ['db'], ['h1', 'h2'])],
    });
    const moves = movesOf(request(snapshot, [EMPTY_H1])).map((move) => move.split(' ')[0]);
    expect(moves).toEqual(['shop', 'peer', 'db']);
  });

  it('mends a rule by moving another, where it can', () => {
    const pair = { ...fleet(), placement: [anAntiAffinity('apart', ['db', 'web'])] };
    const broken = aFinding('repair', { tier: 'corrective' });
    expect(plan(request(pair, [broken])).plan.moves.map(({ vm }) => vm)).toEqual(['web']);
    const pinned = { ...fleet(), placement: [aPin('there', ['db'], ['h3'])] };
    const moved = aFinding('repair', { tier: 'corrective' });
    expect(movesOf(request(pinned, [moved]))).toEqual(['db h1 h3']);
  });

  it('moves it for no load while a rule is mended that it does not break', () => {
    const hot = aVm({ id: 'db', host: 'h1', vcpus: 16, cpuUsed: 15, own: LEDGER });
    const snapshot = aSnapshot({
      hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id, threads: id === 'h2' ? 32 : 16 })),
      vms: [hot, aVm({ id: 'web', host: 'h3' })],
      placement: [aPin('there', ['db', 'web'], ['h1', 'h2'])],
    });
    const findings = [...BROKEN, aFinding('relieve', { host: 'h1' })];
    expect(movesOf(request(snapshot, findings))).toEqual(['web h3 h2']);
  });

  /** db is to go from h1 to h3, and web from h2 to where db was. */
  function crossed(memoryGib: number, ...rules: Snapshot['placement']): Snapshot {
    return aSnapshot({
      hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id, memoryGib })),
      vms: [
        aVm({ id: 'db', host: 'h1', memoryGib: 10, own: LEDGER }),
        aVm({ id: 'web', host: 'h2', memoryGib: 10 }),
      ],
      placement: [aPin('a', ['db'], ['h3']), aPin('b', ['web'], ['h1']), ...rules],
    });
  }

  const BROKEN = [aFinding('repair', { tier: 'corrective' })];

  it('gives the room that it leaves to nobody in the same plan', () => {
    expect(movesOf(request(crossed(40), BROKEN))).toEqual(['web h2 h1', 'db h1 h3']);
    const tight = request(crossed(19), BROKEN);
    expect(movesOf(tight)).toEqual(['db h1 h3']);
    expect(plan(tight).report.notes).toEqual([]);
    const after = { ...tight, snapshot: carriedOut(tight, plan(tight).plan.moves) };
    expect(movesOf(after)).toEqual(['web h2 h1']);
  });

  it('leaves those for the next plan whom a rule lets in once it has gone', () => {
    const apart = request(crossed(40, anAntiAffinity('apart', ['db', 'web'])), BROKEN);
    expect(movesOf(apart)).toEqual(['db h1 h3']);
    expect(plan(apart).report.notes).toEqual([
      '1 more would wait for what goes last: left for the next plan',
    ]);
    const after = { ...apart, snapshot: carriedOut(apart, plan(apart).plan.moves) };
    expect(movesOf(after)).toEqual(['web h2 h1']);
  });
});
