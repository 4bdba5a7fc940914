/**
 * Are the important moves served first? A move that a more important one waits for is as important
 * as that one. A less important move may be listed before a more important one only while the
 * latter has to wait anyway: for a move that it depends on, or for a free slot. VMs that Drover
 * stands on go last whatever their importance (own-vms.ts).
 */

import { TIERS } from '../domain/finding.ts';
import type { ClusterId, HostId, MoveId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import type { Violation } from '../domain/violation.ts';
import { CRITICALITIES } from '../domain/vm.ts';
import { clustersOf } from './clusters.ts';
import { byUplink, uplinksOf } from './uplinks.ts';
import { type Step, type World, against } from './world.ts';

/** Two predicted moments closer than this are the same, in seconds. */
export const SAME_MOMENT = 1e-6;

/** The predicted moment, in seconds after the plan's beginning. */
export function endOf(move: Move): number {
  return move.predicted.startSeconds + move.predicted.seconds;
}

export function checkOrder(world: World, steps: readonly Step[]): Violation[] {
  const faults = steps.filter((step) => step.move.criticality !== step.vm.criticality);
  const claims = faults.map((step) => {
    const detail = `the plan says ${step.move.criticality}, the VM is ${step.vm.criticality}`;
    return against(step, 'order', detail);
  });
  const listed = listedBy(steps.filter(({ vm }) => vm.own === undefined));
  const inherited = inheritedImportance(listed);
  const late: Violation[] = [];
  let leastSoFar = Number.NEGATIVE_INFINITY;
  for (const one of listed.all) {
    const { step, place } = one;
    const importance = importanceOf(step);
    // Most plans seldom get past this line: only where what is important had to wait.
    if (leastSoFar > importance) {
      const earlier = listed.all.find((other) => {
        if (other.place >= place) return true;
        const mattersLess = (inherited[other.place] ?? 0) > importance;
        return mattersLess && couldGoFirst(world, listed, one, other);
      });
      if (earlier !== undefined && earlier.place < place) {
        const { id } = earlier.step.move;
        late.push(against(step, 'order', `listed after ${id}, which matters less`));
      }
    }
    leastSoFar = Math.max(leastSoFar, inherited[place] ?? 0);
  }
  return [...claims, ...late];
}

/** Smaller is served first: tier, then the criticality that the snapshot (not the plan) states. */
function importanceOf(step: Step): number {
  return (
    TIERS.indexOf(step.move.tier) * CRITICALITIES.length +
    CRITICALITIES.indexOf(step.vm.criticality)
  );
}

function inheritedImportance({ all, byId }: Listed): readonly number[] {
  const importance = all.map(({ step }) => importanceOf(step));
  for (const { step, place } of all.toReversed()) {
    for (const id of step.move.dependsOn) {
      const before = byId.get(id)?.place ?? place;
      if (before >= place) continue;
      importance[before] = Math.min(importance[before] ?? 0, importance[place] ?? 0);
    }
  }
  return importance;
}

interface Placed {
  readonly step: Step;
  /** In the list of steps. */
  readonly place: number;
}

interface Listed {
  readonly all: readonly Placed[];
  readonly byId: ReadonlyMap<MoveId, Placed>;
  readonly into: ReadonlyMap<HostId, readonly Placed[]>;
  readonly outOf: ReadonlyMap<HostId, readonly Placed[]>;
  readonly over: ReadonlyMap<string, readonly Placed[]>;
}

function listedBy(steps: readonly Step[]): Listed {
  const all = steps.map((step, place) => ({ step, place }));
  return {
    all,
    byId: new Map(all.map((one) => [one.step.move.id, one])),
    into: Map.groupBy(all, ({ step }) => step.to.id),
    outOf: Map.groupBy(all, ({ step }) => step.from.id),
    over: byUplink(all, ({ step }) => step),
  };
}

/** Could `late` have started where and when `instead` was let go first? */
function couldGoFirst(world: World, listed: Listed, late: Placed, instead: Placed): boolean {
  const { step } = late;
  const now = instead.step.move.predicted.startSeconds + SAME_MOMENT;
  const isDone = (id: MoveId): boolean => {
    const before = listed.byId.get(id);
    if (before === undefined || before.place >= instead.place) return false;
    return endOf(before.step.move) <= now;
  };
  if (!step.move.dependsOn.every(isDone)) return false;
  const isActive = (other: Placed): boolean => {
    const { move } = other.step;
    const isEarlier = other.place < late.place && other.place !== instead.place;
    return isEarlier && move.predicted.startSeconds <= now && endOf(move) > now;
  };
  const isFull = (cluster: ClusterId, most: number): boolean => {
    const isInside = (other: Placed): boolean =>
      isActive(other) && clustersOf(other.step).includes(cluster);
    return areActive(listed.all, isInside, instead.place, most);
  };
  const { total, perHostIn, perHostOut, perLink, perCluster } = world.limits.concurrency;
  return (
    (listed.into.get(step.to.id) ?? []).filter(isActive).length < perHostIn &&
    (listed.outOf.get(step.from.id) ?? []).filter(isActive).length < perHostOut &&
    uplinksOf(step).every((link) => {
      return (listed.over.get(link) ?? []).filter(isActive).length < perLink;
    }) &&
    !areActive(listed.all, isActive, instead.place, total) &&
    (perCluster === undefined || clustersOf(step).every((one) => !isFull(one, perCluster)))
  );
}

/** Whether so many are: those that run beside a move stand near it in the list. */
function areActive(
  all: readonly Placed[],
  isActive: (one: Placed) => boolean,
  near: number,
  count: number,
): boolean {
  let active = 0;
  for (let distance = 1; distance < all.length && active < count; distance += 1) {
    const [before, after] = [all[near - distance], all[near + distance]];
    if (before !== undefined && isActive(before)) active += 1;
    if (after !== undefined && isActive(after)) active += 1;
  }
  return active >= count;
}
