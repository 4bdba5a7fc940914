// Role: plans that break a placement rule of the richer kinds, each in one way, and plans that come
// close and are right. On the fleet of planted.ts: v1 and v2 on h1, v3 on h2, h3 empty.
import type { Move } from '../../../src/domain/plan.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import type { ViolationCode } from '../../../src/domain/violation.ts';
import { aMove } from '../../support/plans.ts';
import { aLonely, aSpread, anAmong } from '../../support/rule-kinds.ts';
import { fleet, inTurn } from './planted.ts';

interface Fault {
  readonly what: string;
  readonly code: ViolationCode;
  readonly snapshot: Snapshot;
  readonly moves?: readonly Move[];
}

export const RULE_KINDS: readonly Fault[] = [
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
];

export const RULES_KEPT: readonly Omit<Fault, 'code'>[] = [
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
];
