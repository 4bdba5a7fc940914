// Role: plans that are right, some of them only just, pass the checker without a word.
import { describe, expect, it } from 'vitest';

import type { CheckRequest } from '../../../src/check/check.ts';
import { moveId, vmId } from '../../../src/domain/ids.ts';
import type { Move } from '../../../src/domain/plan.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, bytes, ratio } from '../../../src/domain/units.ts';
import {
  aHost,
  aPin,
  aSnapshot,
  aVm,
  anAffinity,
  anAntiAffinity,
  someLimits,
} from '../../support/fleet.ts';
import { RULES_KEPT } from './planted-rules.ts';
import { STORAGE_KEPT } from './planted-storage.ts';
import { aMove, startingAt } from '../../support/plans.ts';
import {
  codes,
  fleet,
  inTurn,
  judge,
  limitedTo,
  twoSwitches,
  reservation,
  withTarget,
  withVm,
} from './planted.ts';

interface Good {
  readonly what: string;
  readonly snapshot?: Snapshot;
  readonly moves?: readonly Move[];
  readonly more?: Partial<CheckRequest>;
}

const HUGE = bytes(2 ** 21);

const GOOD: readonly Good[] = [
  ...STORAGE_KEPT,
  { what: 'nothing to do', moves: [] },
  { what: 'nothing to do in an empty fleet', snapshot: fleet({ hosts: [], vms: [] }), moves: [] },
  { what: 'one move' },
  { what: 'memory to the last byte', snapshot: withVm({ id: 'v1', memoryGib: 60 }) },
  { what: 'CPU to the last cycle', snapshot: withVm({ id: 'v1', cpuUsed: 11.8 }) },
  {
    what: 'memory that is overcommitted',
    snapshot: withVm({ id: 'v1', memoryGib: 90 }),
    more: { limits: someLimits({ overcommit: { memory: ratio(1.5) } }) },
  },
  { what: 'a hot host that only gives', snapshot: withVm({ id: 'v2', cpuUsed: 15 }) },
  {
    what: 'huge pages where there are enough',
    snapshot: {
      ...withTarget(({ memory }) => ({
        memory: { ...memory, hugePages: [{ pageBytes: HUGE, totalBytes: bytes(4 * GIB) }] },
      })),
      vms: [aVm({ id: 'v1', hugePageBytes: HUGE })],
    },
  },
  {
    what: 'a powered-off VM, which takes nothing',
    snapshot: withVm({ id: 'v3', host: 'h2', memoryGib: 64, powerState: 'off', cpuUsed: 16 }),
  },
  { what: 'a host that comes back', snapshot: withTarget(() => ({ state: 'returning' })) },
  {
    what: 'a reservation for this very move',
    snapshot: fleet({ reservations: [{ ...reservation(60, 1), move: moveId('m1') }] }),
  },
  {
    what: 'a reservation of a VM that is there',
    snapshot: fleet({ reservations: [{ ...reservation(60, 1), vm: vmId('v3') }] }),
  },
  { what: 'a chain of one VM, in turn', moves: inTurn({ from: 'h2', to: 'h3' }) },
  {
    what: 'affinity that waits for the end',
    snapshot: fleet({ placement: [{ ...anAffinity('r', ['v1', 'v2']), hold: 'finally' }] }),
    moves: inTurn({ vm: 'v2' }),
  },
  {
    what: 'affinity that is mended',
    snapshot: fleet({ placement: [anAffinity('r', ['v1', 'v3'])] }),
  },
  {
    what: 'affinity of one VM that has nobody to be with',
    snapshot: fleet({ placement: [anAffinity('r', ['v1'])] }),
  },
  {
    what: 'affinity to one that is off',
    snapshot: {
      ...withVm({ id: 'v2', powerState: 'off' }),
      placement: [anAffinity('r', ['v1', 'v2'])],
    },
  },
  {
    what: 'affinity of a group of which one VM is left',
    snapshot: fleet({ placement: [anAffinity('r', ['v1', 'v1', 'gone'])] }),
  },
  {
    what: 'anti-affinity that is mended',
    snapshot: fleet({ placement: [anAntiAffinity('r', ['v1', 'v2'])] }),
  },
  {
    what: 'anti-affinity within a rack that was shared before',
    snapshot: fleet({
      hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id, faultDomains: { rack: 'a' } })),
      placement: [anAntiAffinity('r', ['v1', 'v3'], 'rack')],
    }),
    moves: [aMove({ to: 'h3' })],
  },
  {
    what: 'anti-affinity where the other leaves first',
    snapshot: fleet({ placement: [anAntiAffinity('r', ['v1', 'v3'])] }),
    moves: [
      aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3' }),
      aMove({ dependsOn: ['m0'], predicted: startingAt(30) }),
    ],
  },
  {
    what: 'soft rules, which the objective weighs',
    snapshot: fleet({
      placement: [
        { ...anAntiAffinity('a', ['v1', 'v3']), strength: 'soft' },
        { ...aPin('b', ['v1'], ['h1']), strength: 'soft' },
      ],
    }),
  },
  ...RULES_KEPT,
  {
    what: 'a pin that holds finally',
    snapshot: fleet({ placement: [{ ...aPin('r', ['v1'], ['h3']), hold: 'finally' }] }),
    moves: inTurn({ from: 'h2', to: 'h3' }),
  },
  {
    what: 'one after the other under a limit of one',
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', predicted: startingAt(30) })],
    more: limitedTo(1, 1, 1),
  },
  {
    what: 'one move in each direction of an uplink and one within its switch, limit one',
    snapshot: twoSwitches(),
    moves: [
      aMove(),
      aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h1' }),
      aMove({ id: 'm3', vm: 'v2', to: 'h4' }),
    ],
    more: limitedTo(9, 9, 9, 1),
  },
  {
    what: 'a lesser move over no uplink while the more important one waits for it',
    snapshot: twoSwitches([
      aVm({ id: 'v1', criticality: 'business' }),
      aVm({ id: 'v2', criticality: 'business' }),
      aVm({ id: 'v3', host: 'h2' }),
    ]),
    moves: [
      aMove({ criticality: 'business' }),
      aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' }),
      aMove({ id: 'm3', vm: 'v2', to: 'h3', criticality: 'business', predicted: startingAt(30) }),
    ],
    more: limitedTo(9, 9, 9, 1),
  },
  {
    what: 'a lesser move that makes room for a more important one',
    snapshot: withVm({ id: 'v1', criticality: 'business' }),
    moves: [
      aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3' }),
      aMove({ criticality: 'business', dependsOn: ['m0'], predicted: startingAt(30) }),
    ],
  },
  {
    what: 'a lesser move in a slot that the more important one cannot use',
    snapshot: fleet({
      vms: [
        aVm({ id: 'v1', criticality: 'business' }),
        aVm({ id: 'v2', criticality: 'business' }),
        aVm({ id: 'v3', host: 'h2' }),
      ],
    }),
    moves: [
      aMove({ criticality: 'business' }),
      aMove({ id: 'm2', vm: 'v3', from: 'h2', to: 'h3' }),
      aMove({ id: 'm3', vm: 'v2', criticality: 'business', predicted: startingAt(30) }),
    ],
    more: limitedTo(9, 9, 1),
  },
];

describe('check, on good plans', () => {
  it.each(GOOD)('passes $what', (good) => {
    expect(judge(good.snapshot ?? fleet(), good.moves, good.more)).toEqual([]);
  });
});

describe('check, on moves that may run together', () => {
  it('takes a departure as gone only where the arrival waits for it', () => {
    const tight = aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2', memoryGib: 32 }), aHost({ id: 'h3' })],
      vms: [aVm({ id: 'v1', memoryGib: 20 }), aVm({ id: 'v3', host: 'h2', memoryGib: 20 })],
    });
    const leave = aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3' });
    const waiting = aMove({ dependsOn: ['m0'], predicted: startingAt(30) });
    expect(judge(tight, [leave, waiting])).toEqual([]);
    expect(codes(tight, [leave, { ...waiting, dependsOn: [] }])).toEqual(['memory']);
  });

  it('sees two that fit one after the other but may be there together', () => {
    const snapshot = aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2', memoryGib: 32 }), aHost({ id: 'h3' })],
      vms: [aVm({ id: 'v1', memoryGib: 20 }), aVm({ id: 'v2', memoryGib: 20 })],
    });
    const moves = inTurn({ from: 'h2', to: 'h3' });
    const second = aMove({ id: 'm3', vm: 'v2', predicted: startingAt(60) });
    expect(codes(snapshot, [...moves, second])).toEqual(['memory']);
    expect(judge(snapshot, [...moves, { ...second, dependsOn: [moveId('m2')] }])).toEqual([]);
  });

  it('does not cry wolf: each of two arrivals waits for its own departure', () => {
    const snapshot = aSnapshot({
      hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2', memoryGib: 20 }), aHost({ id: 'h3' })],
      vms: [
        aVm({ id: 'v1', memoryGib: 10 }),
        aVm({ id: 'v2', memoryGib: 10 }),
        aVm({ id: 'v3', host: 'h2', memoryGib: 10 }),
        aVm({ id: 'v4', host: 'h2', memoryGib: 10 }),
      ],
    });
    const moves = [
      aMove({ id: 'a', vm: 'v3', from: 'h2', to: 'h3' }),
      aMove({ id: 'b', vm: 'v4', from: 'h2', to: 'h3' }),
      aMove({ id: 'c', vm: 'v1', dependsOn: ['a'], predicted: startingAt(30) }),
      aMove({ id: 'd', vm: 'v2', dependsOn: ['b'], predicted: startingAt(30) }),
    ];
    expect(judge(snapshot, moves)).toEqual([]);
    const both = moves.map((move) =>
      move.id === 'd' ? { ...move, dependsOn: [moveId('a')] } : move,
    );
    expect(codes(snapshot, both)).toEqual(['memory']);
  });

  it('sees two of a group that can be on one host together', () => {
    const snapshot = fleet({ placement: [anAntiAffinity('r', ['v1', 'v3'])] });
    const away = aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3' });
    const moves = [away, aMove({ predicted: startingAt(30) })];
    expect(codes(snapshot, moves)).toEqual(['anti-affinity']);
  });
});
