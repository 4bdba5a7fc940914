/** A plan's moves as stages: those that may be in flight together. */

import type { MoveId } from '../domain/ids.ts';
import type { Plan } from '../domain/plan.ts';

/**
 * Positions in `plan.moves`, stage by stage; flattened they are the list in order. A stage ends
 * before a move that waits for one of the stage, or moves a VM that the stage moves already.
 * Concurrency caps are not looked at.
 */
export function stagesOf(plan: Plan): number[][] {
  const stages: number[][] = [];
  let current: number[] = [];
  let running = new Set<MoveId>();
  let vms = new Set<string>();
  for (const [index, move] of plan.moves.entries()) {
    if (vms.has(move.vm) || move.dependsOn.some((id) => running.has(id))) {
      stages.push(current);
      current = [];
      running = new Set();
      vms = new Set();
    }
    current.push(index);
    running.add(move.id);
    vms.add(move.vm);
  }
  if (current.length > 0) stages.push(current);
  return stages;
}
