// Role: plans that break a placement rule of the richer kinds, each in one way, and plans that come
// close and are right. On the fleet of planted.ts: v1 and v2 on h1, v3 on h2, h3 empty.
import type { Move } from '../../../src/domain/plan.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, ratio } from '../../../src/domain/units.ts';
import type { ViolationCode } from '../../../src/domain/violation.ts';
import { aVm, anAffinity } from '../../support/fleet.ts';
import { aMove, startingAt } from '../../support/plans.ts';
import {
  aDependency,
  aLicensed,
  aTotalPreserve,
  aFailoverReserve,
  aLonely,
  aPreserve,
  aSpare,
  aSpread,
  anAmong,
} from '../../support/rule-kinds.ts';
import { fleet, inTurn, withVm } from './planted.ts';

interface Fault {
  readonly what: string;
  readonly code: ViolationCode;
  readonly snapshot: Snapshot;
  readonly moves?: readonly Move[];
}

/** Three of four on h1. */
function parted(hold: 'always' | 'finally'): Snapshot {
  const rule = { ...anAffinity('r', ['v1', 'v2', 'v3', 'v4']), hold };
  return { ...withVm({ id: 'v4' }), placement: [rule] };
}

export const RULE_KINDS: readonly Fault[] = [
  {
    what: 'one that leaves most of a parted group for the rest of it',
    code: 'affinity',
    snapshot: parted('always'),
  },
  {
    what: 'the same where the group is to be together in the end',
    code: 'affinity',
    snapshot: parted('finally'),
  },
  {
    what: 'a VM outside of all the sets it may be in',
    code: 'among',
    snapshot: fleet({ placement: [anAmong('r', ['v1'], [['h1'], ['h3']])] }),
  },
  {
    what: 'a VM in another set than the others',
    code: 'among',
    snapshot: fleet({ placement: [anAmong('r', ['v1', 'v2'], [['h1'], ['h2', 'h3']])] }),
  },
  {
    what: 'two that come in from outside, to two sets',
    code: 'among',
    snapshot: fleet({ placement: [anAmong('r', ['v1', 'v2'], [['h2'], ['h3']])] }),
    moves: inTurn({ vm: 'v2', to: 'h3' }),
  },
  {
    what: 'one domain less than a group is to be spread over',
    code: 'spread',
    snapshot: fleet({ placement: [aSpread('r', ['v1', 'v3'], 2, 'host')] }),
  },
  {
    what: 'two that follow each other to where the last one was, if the other one fails',
    code: 'spread',
    snapshot: fleet({ placement: [aSpread('r', ['v1', 'v3'], 2, 'host')] }),
    moves: [aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3' }), aMove({ id: 'm2' })],
  },
  {
    what: 'one that comes beside a lonely one',
    code: 'lonely',
    snapshot: fleet({ placement: [aLonely('r', ['v3'])] }),
  },
  {
    what: 'a lonely one that comes beside another',
    code: 'lonely',
    snapshot: fleet({ placement: [aLonely('r', ['v1'])] }),
  },
  {
    what: 'one that leaves the one that it needs',
    code: 'dependency',
    snapshot: fleet({ placement: [aDependency('r', ['v1'], ['v2'])] }),
  },
  {
    what: 'one that leaves the one that needs it',
    code: 'dependency',
    snapshot: fleet({ placement: [aDependency('r', ['v2'], ['v1'])] }),
  },
  {
    what: 'two that leave the one that needs either',
    code: 'dependency',
    snapshot: fleet({
      vms: ['v1', 'v2', 'v3'].map((id) => aVm({ id })),
      placement: [aDependency('r', ['v3'], ['v1', 'v2'])],
    }),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', to: 'h3' })],
  },
  {
    what: 'one that follows the one that it needs, which may not have arrived',
    code: 'dependency',
    snapshot: fleet({ placement: [aDependency('r', ['v2'], ['v1'])] }),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', to: 'h2' })],
  },
  {
    what: 'one that leaves, for where one is that may be gone',
    code: 'dependency',
    snapshot: fleet({ placement: [aDependency('r', ['v1'], ['v2', 'v3'])] }),
    moves: [aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3' }), aMove({ id: 'm2' })],
  },
  {
    what: 'in the end, one without those that it needs',
    code: 'dependency',
    snapshot: fleet({
      placement: [{ ...aDependency('r', ['v1'], ['v2', 'v3']), hold: 'finally' }],
    }),
    moves: inTurn({ vm: 'v3', from: 'h2', to: 'h3' }),
  },
  {
    what: 'one that comes to a host that its licence does not cover',
    code: 'licensed',
    snapshot: fleet({ placement: [aLicensed('r', ['v1'], 2, ['h1', 'h3'])] }),
  },
  {
    what: 'one that takes a second licence in the end',
    code: 'licensed',
    snapshot: fleet({ placement: [aLicensed('r', ['v1', 'v2'], 1)] }),
  },
  {
    what: 'one that takes a second licence while it moves',
    code: 'licensed',
    snapshot: fleet({ placement: [{ ...aLicensed('r', ['v1'], 1), hold: 'always' }] }),
  },
  {
    what: 'one that follows another to a third host, which it may reach before that has left',
    code: 'licensed',
    snapshot: fleet({ placement: [{ ...aLicensed('r', ['v1', 'v3'], 2), hold: 'always' }] }),
    moves: [aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h1' }), aMove({ id: 'm2', to: 'h3' })],
  },
  {
    what: 'memory that hosts are to keep free in total',
    code: 'preserve',
    snapshot: fleet({
      placement: [aTotalPreserve('r', ['h2', 'h3'], { memory: { amount: 121 * GIB } })],
    }),
  },
  {
    what: 'CPU that hosts are to keep free in total',
    code: 'preserve',
    snapshot: fleet({
      placement: [aTotalPreserve('r', ['h2', 'h3'], { cpu: { share: ratio(0.95) } })],
    }),
  },
  {
    what: 'memory that a host is to keep free',
    code: 'preserve',
    snapshot: fleet({ placement: [aPreserve('r', ['h2'], { memory: { amount: 57 * GIB } })] }),
  },
  {
    what: 'CPU that a host is to keep free',
    code: 'preserve',
    snapshot: fleet({ placement: [aPreserve('r', ['h2'], { cpu: { share: ratio(0.9) } })] }),
  },
  {
    what: 'room that is free only after another move, which may fail',
    code: 'preserve',
    snapshot: fleet({ placement: [aPreserve('r', ['h2'], { memory: { amount: 60 * GIB } })] }),
    moves: [aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3' }), aMove({ id: 'm2' })],
  },
  {
    what: 'one that need not leave, to a spare host',
    code: 'spare',
    snapshot: fleet({ placement: [aSpare('r', ['h2'])] }),
  },
  {
    what: 'one from outside, to hosts that lack the room for a lost one',
    code: 'failover-reserve',
    snapshot: fleet({ placement: [aFailoverReserve('r', ['h2'])] }),
  },
  {
    what: 'one from outside, to hosts of which all may be lost',
    code: 'failover-reserve',
    snapshot: fleet({ placement: [aFailoverReserve('r', ['h2', 'h3'], 2)] }),
  },
];

export const RULES_KEPT: readonly Omit<Fault, 'code'>[] = [
  {
    what: 'all of a group that takes its one licence along',
    snapshot: fleet({ placement: [aLicensed('r', ['v1', 'v2'], 1)] }),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2' })],
  },
  {
    what: 'one of a parted group that has other company in the end',
    snapshot: fleet({
      placement: [{ ...anAffinity('r', ['v1', 'v2', 'v3']), hold: 'finally' }],
    }),
  },
  {
    what: 'one of a group that goes to where its licence is in use',
    snapshot: fleet({ placement: [{ ...aLicensed('r', ['v1', 'v3'], 2), hold: 'always' }] }),
  },
  {
    what: 'moves among hosts that are to keep memory free in total',
    snapshot: fleet({
      placement: [aTotalPreserve('r', ['h1', 'h2'], { memory: { share: ratio(1) } })],
    }),
  },
  {
    what: 'a group that comes in from outside, to one set',
    snapshot: fleet({ placement: [anAmong('r', ['v1', 'v2', 'v3'], [['h2', 'h3'], ['h9']])] }),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', to: 'h3' })],
  },
  {
    what: 'a group that stays spread while one of it moves',
    snapshot: fleet({ placement: [aSpread('r', ['v1', 'v3'], 2, 'host')] }),
    moves: [aMove({ to: 'h3' })],
  },
  {
    what: 'a group that ends spread',
    snapshot: fleet({
      placement: [{ ...aSpread('r', ['v1', 'v3'], 2, 'host'), hold: 'finally' }],
    }),
    moves: [aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3' }), aMove({ id: 'm2' })],
  },
  {
    what: 'a lonely one beside its like, and one that goes to where it is nobody’s company',
    snapshot: fleet({ placement: [aLonely('r', ['v1', 'v3'])] }),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2', to: 'h3' })],
  },
  {
    what: 'one that goes from one that it needs to another one',
    snapshot: fleet({ placement: [aDependency('r', ['v1'], ['v2', 'v3'])] }),
  },
  {
    what: 'one that leaves when the one that needed it has gone to another one',
    snapshot: fleet({ placement: [aDependency('r', ['v1'], ['v2', 'v3'])] }),
    moves: inTurn({ vm: 'v2', to: 'h3' }),
  },
  {
    what: 'one that leaves when another one has come in its place',
    snapshot: fleet({ placement: [aDependency('r', ['v2'], ['v1', 'v3'])] }),
    moves: [
      aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h1' }),
      aMove({ id: 'm2', to: 'h3', dependsOn: ['m0'], predicted: startingAt(30) }),
    ],
  },
  {
    what: 'two that go together, together in the end',
    snapshot: fleet({ placement: [{ ...aDependency('r', ['v1'], ['v2']), hold: 'finally' }] }),
    moves: [aMove(), aMove({ id: 'm2', vm: 'v2' })],
  },
  {
    what: 'one that had nobody of those that it needs',
    snapshot: fleet({ placement: [aDependency('r', ['v1'], ['v3'])] }),
    moves: [aMove({ to: 'h3' })],
  },
  {
    what: 'one that leaves just enough free, once another has left',
    snapshot: fleet({ placement: [aPreserve('r', ['h2'], { memory: { amount: 60 * GIB } })] }),
    moves: [
      aMove({ id: 'm1', vm: 'v3', from: 'h2', to: 'h3' }),
      aMove({ id: 'm2', dependsOn: ['m1'], predicted: startingAt(30) }),
    ],
  },
  {
    what: 'one that leaves enough free in the end',
    snapshot: fleet({
      placement: [{ ...aPreserve('r', ['h2'], { memory: { amount: 60 * GIB } }), hold: 'finally' }],
    }),
    moves: [aMove({ id: 'm0', vm: 'v3', from: 'h2', to: 'h3' }), aMove({ id: 'm2' })],
  },
  {
    what: 'an evacuation to a spare host, and into a reserve',
    snapshot: fleet({ placement: [aSpare('r', ['h2']), aFailoverReserve('q', ['h2'])] }),
    moves: [aMove({ tier: 'mandatory' })],
  },
  {
    what: 'one that moves among the hosts of a reserve that they lack',
    snapshot: fleet({ placement: [aFailoverReserve('r', ['h1', 'h2'], 2)] }),
  },
  {
    what: 'one from outside, to hosts that keep room for a lost one',
    snapshot: fleet({ placement: [aFailoverReserve('r', ['h2', 'h3'])] }),
  },
];
