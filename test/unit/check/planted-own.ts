// Role: plans that are wrong about a VM that Drover stands on.
import type { OwnVm } from '../../../src/domain/own-vm.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { someMigration } from '../../support/fleet.ts';
import { aMove, startingAt } from '../../support/plans.ts';
import { type Planted, withVm } from './planted.ts';

const LEDGER: OwnVm = { roles: ['ledger'] };
const ALONE = { alone: true } as const;

/** v1 carries it; v2 is beside it on h1. */
function carrying(own: OwnVm): Snapshot {
  return withVm({ id: 'v1', permission: 'cold', own });
}

export const OWN_FAULTS: readonly Planted[] = [
  {
    what: 'an own VM beside which others may start',
    code: 'own-vm',
    snapshot: carrying(LEDGER),
    moves: [aMove()],
  },
  {
    what: 'another VM that goes alone',
    code: 'own-vm',
    moves: [aMove(ALONE)],
  },
  {
    what: 'an own VM that goes before another',
    code: 'own-vm',
    snapshot: carrying(LEDGER),
    moves: [aMove(ALONE), aMove({ id: 'm2', vm: 'v2', to: 'h3', predicted: startingAt(60) })],
  },
  {
    what: 'an own VM that starts before another has ended',
    code: 'own-vm',
    snapshot: carrying(LEDGER),
    moves: [
      aMove({ id: 'm2', vm: 'v2', to: 'h3' }),
      aMove({ ...ALONE, predicted: startingAt(29) }),
    ],
  },
  {
    what: 'an own VM that is stopped for its move',
    code: 'own-vm',
    snapshot: carrying(LEDGER),
    moves: [aMove({ ...ALONE, method: 'cold' })],
  },
  {
    what: 'the VM of a controller that acts, with a standby',
    code: 'own-vm',
    snapshot: carrying({ roles: ['controller'], controller: 'ada', acting: 'with-standby' }),
    moves: [aMove(ALONE)],
    more: { migration: someMigration({ ownWithoutStandby: 'move' }) },
  },
  {
    what: 'the VM of a controller that acts, without a standby',
    code: 'own-vm',
    snapshot: carrying({ roles: ['controller'], controller: 'ada', acting: 'alone' }),
    moves: [aMove(ALONE)],
  },
];
