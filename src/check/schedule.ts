/**
 * Is the plan's own timetable credible: finite figures, dependencies kept, no more in flight at
 * once than the policy allows, and the important moves first?
 */

import type { HostId } from '../domain/ids.ts';
import { TIERS } from '../domain/finding.ts';
import type { Move } from '../domain/plan.ts';
import type { Violation } from '../domain/violation.ts';
import { CRITICALITIES } from '../domain/vm.ts';
import { type Step, type World, against } from './world.ts';

/** Two predicted moments closer than this are the same, in seconds. */
const SAME_MOMENT = 1e-6;

export function checkSchedule(world: World, steps: readonly Step[]): Violation[] {
  const faults = steps.flatMap((step) => figureFaults(step.move, step));
  if (faults.length > 0) return faults;
  return [
    ...dependencyFaults(world, steps),
    ...concurrencyFaults(world, steps),
    ...orderFaults(world, steps),
  ];
}

function endOf(move: Move): number {
  return move.predicted.startSeconds + move.predicted.seconds;
}

function figureFaults(move: Move, step: Step): Violation[] {
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
  const { total, perHostIn, perHostOut } = world.limits.concurrency;
  const faults = crowded(steps, total, 'in flight at once');
  for (const arriving of Map.groupBy(steps, (step) => step.to.id).values()) {
    faults.push(...crowded(arriving, perHostIn, 'arriving at once'));
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

/** Smaller is served first: tier, then the criticality that the snapshot (not the plan) states. */
function importanceOf(step: Step): number {
  return (
    TIERS.indexOf(step.move.tier) * CRITICALITIES.length +
    CRITICALITIES.indexOf(step.vm.criticality)
  );
}

/**
 * A move that a more important one waits for is as important as that one. A less important move
 * may be listed before a more important one only while the latter has to wait anyway: for a move
 * it depends on, or for a free slot.
 */
function orderFaults(world: World, steps: readonly Step[]): Violation[] {
  const faults = steps.filter((step) => step.move.criticality !== step.vm.criticality);
  const claims = faults.map((step) => {
    const detail = `the plan says ${step.move.criticality}, the VM is ${step.vm.criticality}`;
    return against(step, 'order', detail);
  });
  const inherited = inheritedImportance(steps);
  const late: Violation[] = [];
  let leastSoFar = Number.NEGATIVE_INFINITY;
  for (const [i, step] of steps.entries()) {
    const importance = importanceOf(step);
    // Good plans never get past this line, so the search behind it may be slow.
    if (leastSoFar > importance) {
      const earlier = steps.slice(0, i).find((other, k) => {
        return (inherited[k] ?? 0) > importance && couldGoFirst(world, steps, other, step);
      });
      if (earlier !== undefined) {
        late.push(against(step, 'order', `listed after ${earlier.move.id}, which matters less`));
      }
    }
    leastSoFar = Math.max(leastSoFar, inherited[i] ?? 0);
  }
  return [...claims, ...late];
}

function inheritedImportance(steps: readonly Step[]): number[] {
  const importance = steps.map(importanceOf);
  const places = new Map(steps.map((step, i) => [step.move.id, i]));
  for (let i = steps.length - 1; i >= 0; i -= 1) {
    for (const id of steps[i]?.move.dependsOn ?? []) {
      const place = places.get(id);
      if (place === undefined || place >= i) continue;
      importance[place] = Math.min(importance[place] ?? 0, importance[i] ?? 0);
    }
  }
  return importance;
}

/** Could `step` have started where and when `instead` was let go first? */
function couldGoFirst(world: World, steps: readonly Step[], instead: Step, step: Step): boolean {
  const now = instead.move.predicted.startSeconds;
  const done = new Set(
    steps
      .filter((other) => other.at < instead.at && endOf(other.move) <= now + SAME_MOMENT)
      .map((other) => other.move.id),
  );
  if (!step.move.dependsOn.every((id) => done.has(id))) return false;
  const active = steps.filter(
    (other) =>
      other !== step &&
      other !== instead &&
      other.at < step.at &&
      other.move.predicted.startSeconds <= now + SAME_MOMENT &&
      endOf(other.move) > now + SAME_MOMENT,
  );
  const { total, perHostIn, perHostOut } = world.limits.concurrency;
  return (
    active.length < total &&
    active.filter((other) => other.to === step.to).length < perHostIn &&
    active.filter((other) => other.from === step.from).length < perHostOut
  );
}
