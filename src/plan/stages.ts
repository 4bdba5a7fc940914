/** A plan's moves as stages: those that may be in flight together. */

import type { MoveId } from '../domain/ids.ts';
import type { Plan } from '../domain/plan.ts';

/**
 * Positions in `plan.moves`, stage by stage, each move in the first one in which nothing that it
 * waits for is left: so there are as few as can be. A VM that moves again waits for its first move.
 * Any order that the dependencies allow is as safe as that of the list. Concurrency caps are not
 * looked at.
 */
export function stagesOf(plan: Plan): number[][] {
  const stages: number[][] = [];
  const stageOf = new Map<MoveId, number>();
  const lastOf = new Map<string, number>();
  for (const [index, { id, vm, dependsOn }] of plan.moves.entries()) {
    let stage = (lastOf.get(vm) ?? -1) + 1;
    for (const before of dependsOn) stage = Math.max(stage, (stageOf.get(before) ?? -1) + 1);
    stageOf.set(id, stage);
    lastOf.set(vm, stage);
    (stages[stage] ??= []).push(index);
  }
  return stages;
}
