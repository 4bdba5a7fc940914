/**
 * The VMs that Drover itself stands on: do they move last, one at a time, with nothing beside them,
 * live by pre-copy, and not while the controller in them acts? And does no other move claim their
 * privilege, which would hold all others up?
 */

import type { OwnVm } from '../domain/own-vm.ts';
import type { Violation } from '../domain/violation.ts';
import { SAME_MOMENT, endOf } from './order.ts';
import { type Step, type World, against } from './world.ts';

export function checkOwnVms({ migration }: World, steps: readonly Step[]): Violation[] {
  const found = steps.flatMap((step) => claimFaults(step));
  const isOwn = ({ vm }: Step): boolean => vm.own !== undefined;
  if (!steps.some(isOwn)) return found;
  for (const [place, step] of steps.entries()) {
    const { own } = step.vm;
    if (own === undefined) continue;
    found.push(...methodFaults(step), ...leaseFaults(step, own, migration.ownWithoutStandby));
    const later = steps.slice(place + 1).find((other) => !isOwn(other));
    if (later !== undefined) {
      found.push(against(step, 'own-vm', `${later.move.id} is listed after it`));
    }
    const beside = steps.find((other) => other !== step && isBeside(step, other));
    if (beside !== undefined) {
      found.push(against(step, 'own-vm', `${beside.move.id} has not ended before it`));
    }
  }
  return found;
}

function claimFaults(step: Step): Violation[] {
  const isMarked = step.move.alone === true;
  if (isMarked === (step.vm.own !== undefined)) return [];
  const detail = isMarked ? 'goes alone, and Drover does not stand on it' : 'does not go alone';
  return [against(step, 'own-vm', detail)];
}

function methodFaults(step: Step): Violation[] {
  const { method } = step.move;
  return method === 'pre-copy' ? [] : [against(step, 'own-vm', `by ${method}, not by pre-copy`)];
}

/** Whoever holds leases acts; only where nobody could take over may the policy let that be. */
function leaseFaults(step: Step, own: OwnVm, withoutStandby: 'leave' | 'move'): Violation[] {
  switch (own.acting) {
    case undefined:
      return [];
    case 'with-standby':
      return [against(step, 'own-vm', 'its leases are not given to the standby')];
    case 'alone':
      if (withoutStandby === 'move') return [];
      return [against(step, 'own-vm', 'its controller acts, and nobody can take over')];
  }
}

/** Of another one of them: at the same time; of any other: not over when it begins. */
function isBeside(step: Step, other: Step): boolean {
  const begins = step.move.predicted.startSeconds;
  const isOver = endOf(other.move) <= begins + SAME_MOMENT;
  if (other.vm.own === undefined) return !isOver;
  return !isOver && other.move.predicted.startSeconds < endOf(step.move) - SAME_MOMENT;
}
