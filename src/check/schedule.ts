/**
 * Is the plan's own timetable credible: finite figures, dependencies kept, no more in flight at
 * once than the policy allows, and the important moves first?
 */

import type { HostId } from '../domain/ids.ts';
import type { Violation } from '../domain/violation.ts';
import { clustersOf } from './clusters.ts';
import { groupedBy } from './grouped.ts';
import { SAME_MOMENT, checkOrder, endOf } from './order.ts';
import { byUplink } from './uplinks.ts';
import { type Step, type World, against } from './world.ts';

export function checkSchedule(world: World, steps: readonly Step[]): Violation[] {
  const faults = steps.flatMap((step) => figureFaults(step));
  if (faults.length > 0) return faults;
  return [
    ...dependencyFaults(world, steps),
    ...concurrencyFaults(world, steps),
    ...checkOrder(world, steps),
  ];
}

function figureFaults(step: Step): Violation[] {
  const { move } = step;
  const { startSeconds, seconds, downtimeSeconds, bytes } = move.predicted;
  const figures = { startSeconds, seconds, downtimeSeconds, bytes };
  const faults = Object.entries(figures)
    .filter(([, value]) => !(Number.isFinite(value) && value >= 0))
    .map(([name, value]) => against(step, 'prediction', `${name} is ${value}`));
  if (downtimeSeconds > seconds + SAME_MOMENT) {
    const detail = `down for ${downtimeSeconds} s in a move of ${seconds} s`;
    faults.push(against(step, 'prediction', detail));
  }
  return faults;
}

function dependencyFaults(world: World, steps: readonly Step[]): Violation[] {
  const ends = new Map(world.moves.map((move) => [move.id, endOf(move)]));
  return steps.flatMap((step) =>
    step.move.dependsOn
      .filter((id) => (ends.get(id) ?? 0) > step.move.predicted.startSeconds + SAME_MOMENT)
      .map((id) => {
        const detail = `starts at ${step.move.predicted.startSeconds} s, before ${id} has ended`;
        return against(step, 'prediction', detail);
      }),
  );
}

function concurrencyFaults(world: World, steps: readonly Step[]): Violation[] {
  const { total, perHostIn, perHostOut, perLink, perCluster } = world.limits.concurrency;
  const faults = crowded(steps, total, 'in flight at once');
  for (const arriving of Map.groupBy(steps, (step) => step.to.id).values()) {
    faults.push(...crowded(arriving, perHostIn, 'arriving at once'));
  }
  for (const [link, over] of byUplink(steps, (step) => step)) {
    faults.push(...crowded(over, perLink, `${link} at once`));
  }
  if (perCluster !== undefined) {
    for (const [cluster, inside] of groupedBy(steps, clustersOf)) {
      faults.push(...crowded(inside, perCluster, `in cluster ${cluster} at once`));
    }
  }
  for (const leaving of Map.groupBy(steps, (step) => step.from.id).values()) {
    faults.push(...crowded(leaving, perHostOut, 'leaving at once', (step) => step.from.id));
  }
  return faults;
}

/** The starts at which more than `most` of these steps are in flight. */
function crowded(
  steps: readonly Step[],
  most: number,
  what: string,
  host: (step: Step) => HostId = (step) => step.to.id,
): Violation[] {
  if (steps.length <= most) return [];
  const byStart = steps.toSorted(
    (a, b) => a.move.predicted.startSeconds - b.move.predicted.startSeconds,
  );
  const ends = steps.map((step) => endOf(step.move)).toSorted((a, b) => a - b);
  const faults: Violation[] = [];
  let ended = 0;
  for (const [i, step] of byStart.entries()) {
    const now = step.move.predicted.startSeconds + SAME_MOMENT;
    while ((ends[ended] ?? Number.POSITIVE_INFINITY) <= now) ended += 1;
    const active = i + 1 - ended;
    if (active <= most) continue;
    const detail = `${active} ${what}, limit ${most}`;
    faults.push(against(step, 'concurrency', detail, { host: host(step) }));
  }
  return faults;
}
