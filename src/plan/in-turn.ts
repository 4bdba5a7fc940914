/**
 * A set of moves that is good in the end, made into steps that are valid one after the other:
 * whatever can be made is made, again and again. A set in which some wait for each other in a
 * circle is given up; so is, now and then, one for which another order would have done.
 */

import type { Leaver, Step } from './eject.ts';
import type { State } from './state.ts';

/** A VM that leaves its host, and where to. */
export interface Placed extends Leaver {
  readonly to: number;
}

/**
 * The moves are made when it is called and when it returns, in the order given. Who leaves a host
 * that has no job of its own makes room for the next one to come there.
 */
export function inTurn(
  state: State,
  moves: readonly Placed[],
  hasJob: (host: number) => boolean,
): readonly Step[] | undefined {
  for (const { vm } of moves.toReversed()) state.undo(vm);
  const order = makeAll(state, moves);
  for (const { vm } of order.toReversed()) state.undo(vm);
  for (const { vm, to } of moves) state.apply(vm, to);
  return order.length < moves.length ? undefined : withReasons(state, order, hasJob);
}

function makeAll(state: State, moves: readonly Placed[]): readonly Placed[] {
  const order: Placed[] = [];
  let waiting = moves;
  for (;;) {
    const still: Placed[] = [];
    for (const move of waiting) {
      if (state.refusal(move.vm, move.to, move.terms, 'in-the-end') !== 0) still.push(move);
      else {
        state.apply(move.vm, move.to);
        order.push(move);
      }
    }
    if (still.length === 0 || still.length === waiting.length) return order;
    waiting = still;
  }
}

/** Undefined: somebody left for nobody's sake, and would do so in vain. */
function withReasons(
  state: State,
  order: readonly Placed[],
  hasJob: (host: number) => boolean,
): readonly Step[] | undefined {
  const steps: Step[] = [];
  for (const [at, move] of order.entries()) {
    const from = state.model.home[move.vm] ?? -1;
    if (hasJob(from)) {
      steps.push({ ...move, makesRoomFor: undefined });
      continue;
    }
    const next = order.find(({ to }, place) => place > at && to === from);
    if (next === undefined) return undefined;
    steps.push({ ...move, makesRoomFor: next.vm });
  }
  return steps;
}
