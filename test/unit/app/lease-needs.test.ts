// Role: which clusters a controller asks to have together, and for how long.
import { beforeEach, describe, expect, it } from 'vitest';

import { LeaseNeeds, type LeftOpen } from '../../../src/app/lease-needs.ts';
import { clusterId, hostId, vmId } from '../../../src/domain/ids.ts';
import type { RefusalCode } from '../../../src/domain/refusal.ts';
import { aFinding, aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { type ManualClock, manualClock } from '../../support/manual-clock.ts';

const hosts = ['c1', 'c2', 'c3'].map((cluster, index) =>
  aHost({ id: `h${index + 1}`, cluster: clusterId(cluster) }),
);
const EMPTIED = aFinding('evacuate', { host: 'h1', tier: 'mandatory' });
const ELSEWHERE = 'other-controller';

let asked: readonly string[];
let held: Set<string>;
let clock: ManualClock;

beforeEach(() => {
  asked = [];
  held = new Set(['c1']);
  clock = manualClock();
});

function someNeeds(policies = aPolicy(), mayTake: (cluster: string) => boolean = () => true) {
  const askFor = (clusters: readonly string[]): void => {
    asked = clusters;
  };
  const mayAct = (cluster: string) => (held.has(cluster) ? 1 : undefined);
  return new LeaseNeeds({ keeper: { askFor, mayAct, mayTake }, policies: { policies }, clock });
}

/** What the plan leaves open about VMs on h1: why each goes to h2 and to h3; undefined: nothing. */
function left(
  open: Readonly<Record<string, readonly RefusalCode[] | undefined>>,
  { finding = EMPTIED, host = 'h1' } = {},
): LeftOpen {
  const unresolved = Object.entries(open).flatMap(([vm, codes]) => {
    if (codes === undefined) return [];
    const pairs = codes.map((code, index) => {
      return { code, vm: vmId(vm), host: hostId(`h${index + 2}`), detail: '' };
    });
    const subject = { kind: 'vm', vm: vmId(vm) } as const;
    return [{ subject, finding: finding.id, code: codes[0] ?? 'memory', detail: '', pairs }];
  });
  const snapshot = aSnapshot({ hosts, vms: Object.keys(open).map((id) => aVm({ id, host })) });
  return { snapshot, findings: [finding], result: { report: { unresolved } } };
}

describe('a controller', () => {
  it('asks for one cluster that its VM could go to, beside the one that it is in', () => {
    someNeeds().look(left({ shop: [ELSEWHERE, ELSEWHERE] }));
    expect(asked).toEqual(['c1', 'c2']);
  });

  it('goes on asking while the move waits to begin, and until the VM is elsewhere', () => {
    const needs = someNeeds();
    needs.look(left({ shop: [ELSEWHERE, 'memory'] }));
    needs.look(left({ shop: undefined }));
    needs.look({ ...left({ shop: undefined }), result: undefined });
    expect(asked).toEqual(['c1', 'c2']);
    needs.look(left({ shop: undefined }, { host: 'h2' }));
    expect(asked).toEqual([]);
  });

  it('ends where nothing wants the VM away any more', () => {
    const needs = someNeeds();
    needs.look(left({ shop: [ELSEWHERE] }));
    needs.look({ ...left({ shop: undefined }), findings: [] });
    expect(asked).toEqual([]);
  });

  it('asks for two others where it has those that it asked for, and they do not help', async () => {
    const needs = someNeeds();
    const open = { shop: [ELSEWHERE, ELSEWHERE] } as const;
    needs.look(left(open));
    held.add('c2');
    needs.look(left(open));
    await clock.pass(119);
    needs.look(left(open));
    expect(asked).toEqual(['c1', 'c2']);
    await clock.pass(1);
    needs.look(left({ shop: ['memory', ELSEWHERE] }));
    expect(asked).toEqual(['c1', 'c3']);
  });

  it.each([
    ['the lease never comes', () => undefined],
    ['its move waits for a person', () => void held.add('c2')],
  ])('ends after a quarter of an hour where %s, and rests as long', async (_name, arrange) => {
    const needs = someNeeds();
    needs.look(left({ shop: [ELSEWHERE] }));
    arrange();
    await clock.pass(899);
    needs.look(left({ shop: held.has('c2') ? undefined : [ELSEWHERE] }));
    needs.look({ ...left({ shop: undefined }), result: undefined });
    expect(asked).toEqual(['c1', 'c2']);
    await clock.pass(1);
    needs.look(left({ shop: [ELSEWHERE] }));
    expect(asked).toEqual([]);
    await clock.pass(899);
    needs.look(left({ shop: [ELSEWHERE], wiki: [ELSEWHERE] }));
    expect(asked).toEqual([]);
    await clock.pass(1);
    needs.look(left({ shop: [ELSEWHERE] }));
    expect(asked).toEqual(['c1', 'c2']);
  });

  it('ends where it may not have one of them any more', () => {
    let may = true;
    const needs = someNeeds(aPolicy(), (one) => may || one !== 'c2');
    needs.look(left({ shop: [ELSEWHERE] }));
    may = false;
    needs.look(left({ shop: [ELSEWHERE] }));
    expect(asked).toEqual([]);
  });

  it('asks for nothing where the other would not help, or may not be had, or is observed', () => {
    someNeeds().look(left({ shop: ['memory', 'pin'] }));
    expect(asked).toEqual([]);
    someNeeds(aPolicy(), (one) => one !== 'c2').look(left({ shop: [ELSEWHERE] }));
    expect(asked).toEqual([]);
    const { mode } = aPolicy();
    const observed = aPolicy({ mode: { ...mode, clusters: { c2: 'observe' } } });
    someNeeds(observed).look(left({ shop: [ELSEWHERE] }));
    expect(asked).toEqual([]);
  });

  it('asks for nothing that may wait', () => {
    const finding = aFinding('relieve', { host: 'h1', tier: 'corrective' });
    someNeeds().look(left({ shop: [ELSEWHERE] }, { finding }));
    expect(asked).toEqual([]);
  });
});
