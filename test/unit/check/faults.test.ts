// Role: every kind of fault, planted in a good plan, is found.
import { describe, expect, it } from 'vitest';

import { sourceId } from '../../../src/domain/ids.ts';
import { missingWindow } from '../../../src/domain/measured.ts';
import { GIB, bytes, ratio, seconds } from '../../../src/domain/units.ts';
import { VIOLATION_CODES } from '../../../src/domain/violation.ts';
import {
  aFailure,
  aHost,
  aPin,
  aSnapshot,
  aVm,
  anAffinity,
  anAntiAffinity,
  anAvoid,
  someLimits,
} from '../../support/fleet.ts';
import { WRONG_BALANCES } from './planted-balance.ts';
import { WRONG_COSTS } from './planted-costs.ts';
import { OWN_FAULTS } from './planted-own.ts';
import { RESOURCE_FAULTS } from './planted-resources.ts';
import { RULE_KINDS } from './planted-rules.ts';
import { STORAGE_FAULTS } from './planted-storage.ts';
import { aMove, startingAt, flight } from '../../support/plans.ts';
import {
  type Planted,
  codes,
  fleet,
  inTurn,
  judge,
  limitedTo,
  twoSwitches,
  reservation,
  withSource,
  withTarget,
  withVm,
} from './planted.ts';

const FORM: readonly Planted[] = [
  { what: 'an unknown VM', code: 'unknown-vm', moves: [aMove({ vm: 'ghost' })] },
  { what: 'an unknown target', code: 'unknown-host', moves: [aMove({ to: 'ghost' })] },
  { what: 'an unknown source', code: 'unknown-host', moves: [aMove({ from: 'ghost' })] },
  { what: 'a source where it is not', code: 'wrong-source', moves: [aMove({ from: 'h3' })] },
  { what: 'a source that it left', code: 'wrong-source', moves: inTurn({ to: 'h3' }) },
  { what: 'source and target alike', code: 'same-host', moves: [aMove({ to: 'h1' })] },
  {
    what: 'an id twice',
    code: 'duplicate-move-id',
    moves: [aMove(), aMove({ vm: 'v2', to: 'h3' })],
  },
  {
    what: 'a dependency on nothing',
    code: 'bad-dependency',
    moves: [aMove({ dependsOn: ['ghost'] })],
  },
  {
    what: 'a dependency on itself',
    code: 'bad-dependency',
    also: ['prediction'],
    moves: [aMove({ dependsOn: ['m1'] })],
  },
  {
    what: 'a cycle',
    code: 'bad-dependency',
    also: ['prediction'],
    moves: [aMove({ dependsOn: ['m2'] }), ...inTurn({ vm: 'v2' }).slice(1)],
  },
  {
    what: 'two moves of one VM that may run together',
    code: 'overlapping-moves',
    moves: inTurn({ from: 'h2', to: 'h3', dependsOn: [] }),
  },
  {
    what: 'a VM that is in flight already',
    code: 'overlapping-moves',
    snapshot: fleet({ inFlight: [flight('v1', 'h1', 'h3')] }),
  },
];

const CAPACITY: readonly Planted[] = [
  { what: 'too much memory', code: 'memory', snapshot: withVm({ id: 'v1', memoryGib: 61 }) },
  {
    what: 'the overhead that makes it too much',
    code: 'memory',
    snapshot: withVm({ id: 'v1', memoryGib: 60, overheadBytes: bytes(4096) }),
  },
  {
    what: 'memory that the host keeps for itself',
    code: 'memory',
    snapshot: withTarget(({ memory }) => ({
      memory: { ...memory, reservedBytes: bytes(57 * GIB) },
    })),
  },
  {
    what: 'memory above the policy’s share',
    code: 'memory',
    more: { limits: someLimits({ safetyCapacity: { cpu: ratio(0.8), memory: ratio(0.1) } }) },
  },
  {
    what: 'memory that a VM in flight takes',
    code: 'memory',
    snapshot: {
      ...withVm({ id: 'v2', memoryGib: 57 }),
      inFlight: [flight('v2', 'h1', 'h2')],
    },
  },
  {
    what: 'memory that is reserved',
    code: 'memory',
    snapshot: fleet({ reservations: [reservation(57, 0)] }),
  },
  {
    what: 'CPU that is reserved',
    code: 'cpu',
    snapshot: fleet({ reservations: [reservation(0, 11)] }),
  },
  {
    what: 'huge pages that are not there',
    code: 'huge-pages',
    snapshot: withVm({ id: 'v1', hugePageBytes: bytes(2 ** 21) }),
  },
  {
    what: 'a target above the safety capacity',
    code: 'cpu',
    snapshot: withVm({ id: 'v1', cpuUsed: 12 }),
  },
  {
    what: 'a target that is hot already and takes more',
    code: 'cpu',
    snapshot: withVm({ id: 'v3', host: 'h2', cpuUsed: 15 }),
  },
  {
    what: 'a target that is hot by itself, not by its guests',
    code: 'cpu',
    snapshot: fleet({ hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2', cpuUsed: 12.5 })] }),
  },
  {
    what: 'a demand that nobody knows, too large at its largest',
    code: 'cpu',
    snapshot: withVm({ id: 'v1', vcpus: 13, metrics: { 'cpu.used': missingWindow('stale') } }),
  },
  {
    what: 'a source whose threads are faster',
    code: 'cpu',
    snapshot: aSnapshot({
      hosts: [aHost({ id: 'h1', cpu: { coreSpeed: ratio(2) } }), aHost({ id: 'h2' })],
      vms: [aVm({ id: 'v1', cpuUsed: 7 })],
    }),
  },
];

const RECEIVING: readonly Planted[] = [
  { what: 'more vCPUs than threads', code: 'vcpus', snapshot: withVm({ id: 'v1', vcpus: 17 }) },
  {
    what: 'another CPU vendor',
    code: 'incompatible',
    snapshot: withTarget(({ cpu }) => ({ cpu: { ...cpu, vendor: 'amd' } })),
  },
  {
    what: 'another source',
    code: 'incompatible',
    snapshot: withTarget(() => ({ source: sourceId('other') })),
  },
  {
    what: 'a locked VM',
    code: 'incompatible',
    snapshot: withVm({ id: 'v1', locked: true }),
  },
  ...(['quarantined', 'draining', 'evacuating', 'maintenance'] as const).map(
    (state): Planted => ({
      what: `a target that is ${state}`,
      code: 'host-state',
      snapshot: withTarget(() => ({ state })),
    }),
  ),
  {
    what: 'a disconnected target',
    code: 'host-state',
    snapshot: withTarget(() => ({ connection: 'disconnected' })),
  },
  ...[undefined, aFailure()].map((failure): Planted => {
    const what = `a live move away from a host that is ${failure?.state ?? 'silent'}`;
    return {
      what,
      code: 'host-state',
      snapshot: withSource({ connection: 'disconnected', failure }),
    };
  }),
  ...(['unreachable', 'suspected-dead', 'returned'] as const).map(
    (state): Planted => ({
      what: `a restart of a VM whose host is ${state}`,
      code: 'restart',
      snapshot: withSource({ failure: aFailure(state) }),
      moves: [aMove({ method: 'restart' })],
    }),
  ),
  {
    what: 'a restart of a VM whose host is well',
    code: 'restart',
    snapshot: withSource({}),
    moves: [aMove({ method: 'restart' })],
  },
  {
    what: 'a restart that the policy does not want',
    code: 'restart',
    snapshot: withSource({ failure: { ...aFailure(), noRestart: 'never' } }),
    moves: [aMove({ method: 'restart' })],
  },
  {
    what: 'a VM that may only be watched',
    code: 'permission',
    snapshot: withVm({ id: 'v1', permission: 'observe' }),
  },
  {
    what: 'a cold move of a VM that allows live moves only',
    code: 'permission',
    moves: [aMove({ method: 'cold' })],
  },
  {
    what: 'a method that the policy does not have',
    code: 'permission',
    moves: [aMove({ method: 'post-copy' })],
  },
];

const PLACEMENT: readonly Planted[] = [
  {
    what: 'affinity broken at the end',
    code: 'affinity',
    snapshot: fleet({ placement: [{ ...anAffinity('r', ['v1', 'v2']), hold: 'finally' }] }),
  },
  {
    what: 'affinity broken on the way',
    code: 'affinity',
    snapshot: fleet({ placement: [anAffinity('r', ['v1', 'v2'])] }),
    moves: inTurn({ vm: 'v2' }),
  },
  {
    what: 'two that must not meet',
    code: 'anti-affinity',
    snapshot: fleet({ placement: [anAntiAffinity('r', ['v1', 'v3'])] }),
  },
  {
    what: 'two that must not meet in one rack',
    code: 'anti-affinity',
    snapshot: fleet({
      hosts: [
        aHost({ id: 'h1', faultDomains: { rack: 'a' } }),
        aHost({ id: 'h2', faultDomains: { rack: 'b' } }),
        aHost({ id: 'h3', faultDomains: { rack: 'b' } }),
      ],
      placement: [anAntiAffinity('r', ['v1', 'v3'], 'rack')],
    }),
    moves: [aMove({ to: 'h3' })],
  },
  {
    what: 'a rack that nobody knows',
    code: 'anti-affinity',
    snapshot: fleet({ placement: [anAntiAffinity('r', ['v1', 'v3'], 'rack')] }),
    moves: [aMove({ to: 'h3' })],
  },
  {
    what: 'one that must not meet a VM in flight',
    code: 'anti-affinity',
    snapshot: fleet({
      placement: [anAntiAffinity('r', ['v1', 'v2'])],
      inFlight: [flight('v2', 'h1', 'h2')],
    }),
  },
  {
    what: 'a broken pair that moves on together',
    code: 'anti-affinity',
    snapshot: fleet({ placement: [anAntiAffinity('r', ['v1', 'v2'])] }),
    moves: inTurn({ vm: 'v2' }),
  },
  {
    what: 'a VM off its pin',
    code: 'pin',
    snapshot: fleet({ placement: [aPin('r', ['v1'], ['h1', 'h3'])] }),
  },
  {
    what: 'a host to avoid',
    code: 'avoid',
    snapshot: fleet({ placement: [anAvoid('r', ['v1'], ['h2'])] }),
  },
  ...RULE_KINDS,
];

const SCHEDULE: readonly Planted[] = [
  {
    what: 'too many in flight',
    code: 'concurrency',
    moves: [aMove(), aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' })],
    more: limitedTo(1, 9, 9),
  },
  {
    what: 'too many arriving',
    code: 'concurrency',
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', predicted: startingAt(29) })],
    more: limitedTo(9, 1, 9),
  },
  {
    what: 'too many leaving',
    code: 'concurrency',
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', to: 'h3' })],
    more: limitedTo(9, 9, 1),
  },
  {
    what: 'too many over one uplink',
    code: 'concurrency',
    snapshot: twoSwitches(),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', to: 'h3' })],
    more: limitedTo(9, 9, 9, 1),
  },
  {
    what: 'the optional before the mandatory',
    code: 'order',
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', tier: 'mandatory' })],
  },
  {
    what: 'the standard before the mission-critical',
    code: 'order',
    snapshot: withVm({ id: 'v2', criticality: 'mission-critical' }),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', criticality: 'mission-critical' })],
  },
  {
    what: 'a criticality that the VM does not have',
    code: 'order',
    moves: [aMove({ criticality: 'mission-critical' })],
  },
  {
    what: 'a figure that is not a number',
    code: 'prediction',
    // The types forbid it; arithmetic gone wrong does not ask them.
    moves: [aMove({ predicted: { seconds: Number.NaN as never } })],
  },
  {
    what: 'a negative figure',
    code: 'prediction',
    moves: [aMove({ predicted: { startSeconds: -1 as never } })],
  },
  {
    what: 'a figure without end',
    code: 'prediction',
    moves: [aMove({ predicted: { bytes: Number.POSITIVE_INFINITY as never } })],
  },
  {
    what: 'a start before the dependency has ended',
    code: 'prediction',
    moves: inTurn({ vm: 'v2', predicted: startingAt(29) }),
  },
  {
    what: 'a guest that is down for longer than its move takes',
    code: 'prediction',
    moves: [aMove({ predicted: { downtimeSeconds: seconds(31) } })],
  },
];

const FAULTS: readonly Planted[] = [
  ...FORM,
  ...CAPACITY,
  ...RESOURCE_FAULTS,
  ...STORAGE_FAULTS,
  ...RECEIVING,
  ...PLACEMENT,
  ...SCHEDULE,
  ...OWN_FAULTS,
  ...WRONG_COSTS,
  ...WRONG_BALANCES,
];

describe('check', () => {
  it.each(FAULTS)('finds $what', (fault) => {
    const found = codes(fault.snapshot ?? fleet(), fault.moves, fault.more);
    expect(found).toEqual([fault.code, ...(fault.also ?? [])].toSorted());
  });

  it('has a planted fault for every code', () => {
    const planted = new Set<string>(FAULTS.map((fault) => fault.code));
    expect(Object.keys(VIOLATION_CODES).filter((code) => !planted.has(code))).toEqual([]);
  });

  it('says which move, VM, host and rule it is about', () => {
    const snapshot = fleet({ placement: [anAvoid('quiet', ['v1'], ['h2'])] });
    expect(judge(snapshot, [aMove({ id: 'm0', vm: 'v2', to: 'h3' }), aMove()])).toEqual([
      {
        code: 'avoid',
        index: 1,
        move: 'm1',
        vm: 'v1',
        host: 'h2',
        rule: 'quiet',
        detail: 'test: never on h2',
      },
    ]);
  });
});
