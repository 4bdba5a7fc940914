// Role: asks the engine for a final placement, and makes the actions of a BtrPlace plan of it.
// First a repair; the general search goes on from there where more moves were made than there have
// to be. Of placements only one is used that has an order; one in which nothing has to wait is the
// last resort.
//
// Every action takes one moment: nodes boot and VMs stop first, then the sequencer's steps, nodes
// are shut down once they are empty; what a VM is granted is raised as soon as its node has room.
import type { Answer } from '../../src/plan/reassign/problem.ts';
import { reassign } from '../../src/plan/reassign/reassign.ts';
import { repair } from '../../src/plan/reassign/repair.ts';
import { type Sequence, type Step, momentsOf, sequence } from '../../src/plan/sequence/sequence.ts';
import { fewestMoves } from './btrplace-bound.ts';
import type {
  Allocation,
  BtrplaceAction,
  BtrplaceDocument,
  BtrplaceMapping,
  BtrplaceOutcome,
} from './btrplace-document.ts';
import type { BtrplaceInstance } from './btrplace-instance.ts';

export interface PlanBudget {
  readonly seed: number;
  /** Of the general search. */
  readonly steps: number;
  /** 0…1 of the time is over; 1 = stop. Without it the plan depends on nothing but the input. */
  readonly spent?: () => number;
}

export function planBtrplace(
  name: string,
  document: BtrplaceDocument,
  instance: BtrplaceInstance,
  { seed, steps, spent }: PlanBudget,
): BtrplaceOutcome {
  const { problem, always } = instance;
  const time = spent === undefined ? {} : { spent, shouldStop: () => spent() >= 1 };
  const repaired = repair(problem, time);
  const answers = [(): Answer => repaired];
  if (repaired.broken === 0 && repaired.moved > fewestMoves(problem)) {
    const start = repaired.at;
    answers.unshift(() => reassign({ ...problem, start }, { seed, steps, ...time }));
  }
  const transient = new Uint8Array(problem.resources).fill(1);
  answers.push(() => repair({ ...problem, transient }, time));
  for (const answer of answers) {
    const { at, broken } = answer();
    const order = sequence(problem, at, always);
    if (broken === 0 && order.stuck.length === 0)
      return toOutcome(name, document, instance, { at, order });
  }
  const order = sequence(problem, repaired.at, always);
  return toOutcome(name, document, instance, { at: repaired.at, order });
}

/** Items that no order was found for stay where they are. */
function toOutcome(
  name: string,
  document: BtrplaceDocument,
  instance: BtrplaceInstance,
  { at, order }: { readonly at: Int32Array; readonly order: Sequence },
): BtrplaceOutcome {
  const { steps, stuck } = order;
  const final = at.slice();
  for (const item of stuck) final[item] = instance.problem.home[item] ?? -1;
  const actions = [
    ...prelude(instance),
    ...travels(instance, steps),
    ...raises(instance, steps, final),
    ...shutdowns(instance, steps),
  ].sort((a, b) => a.start - b.start);
  return { instance: name, placement: placementOf(document, instance, final), actions };
}

function idOf(ids: readonly number[], index: number): number {
  return ids[index] ?? -1;
}

/** When the steps start: after the moment in which nodes boot and VMs stop, if there is one. */
function firstMoment({ bootNodes, stops }: BtrplaceInstance): number {
  return bootNodes.length + stops.length > 0 ? 1 : 0;
}

function prelude({ bootNodes, stops }: BtrplaceInstance): BtrplaceAction[] {
  return [
    ...bootNodes.map((node) => ({ id: 'bootNode', node, start: 0, end: 1 }) as const),
    ...stops.map(({ vm, node }) => ({ id: 'shutdownVM', vm, on: node, start: 0, end: 1 }) as const),
  ];
}

function travels(instance: BtrplaceInstance, steps: readonly Step[]): BtrplaceAction[] {
  const moments = momentsOf(steps);
  const lastOf = new Map(steps.map(({ item }, index) => [item, index]));
  return steps.map(({ item, from, to }, index) => {
    const start = firstMoment(instance) + (moments[index] ?? 0);
    const granted = lastOf.get(item) === index ? grants(instance, item) : [];
    const common = {
      vm: idOf(instance.vms, item),
      to: idOf(instance.nodes, to),
      start,
      end: start + 1,
    };
    if (from < 0) return { id: 'bootVM', ...common, hooks: { PRE: granted, POST: [] } };
    const hooks = { PRE: [], POST: granted };
    return { id: 'migrateVM', ...common, from: idOf(instance.nodes, from), hooks };
  });
}

/** What the VM is to be granted beyond what it is granted at the start. */
function grants(
  { problem, granted, resources, vms }: BtrplaceInstance,
  item: number,
): Allocation[] {
  return resources.flatMap(({ rcId }, r) => {
    const cell = item * resources.length + r;
    const amount = problem.need[cell] ?? 0;
    if (amount === granted[cell]) return [];
    return [{ id: 'allocate', vm: idOf(vms, item), rc: rcId, amount } as const];
  });
}

/** For those who stay. */
function raises(
  instance: BtrplaceInstance,
  steps: readonly Step[],
  final: Int32Array,
): BtrplaceAction[] {
  const { problem, nodes } = instance;
  const settled = lastDepartures(instance, steps);
  return Array.from(final).flatMap((bin, item) => {
    if (bin < 0 || bin !== problem.home[item]) return [];
    const start = settled.get(bin) ?? 0;
    const on = idOf(nodes, bin);
    return grants(instance, item).map((grant) => ({ ...grant, on, start, end: start + 1 }));
  });
}

/** Per bin that items leave: the moment when the last of them has left. */
function lastDepartures(
  instance: BtrplaceInstance,
  steps: readonly Step[],
): ReadonlyMap<number, number> {
  const last = new Map<number, number>();
  const binOf = new Map(instance.nodes.map((node, bin) => [node, bin]));
  for (const { node } of instance.stops) last.set(binOf.get(node) ?? -1, 1);
  for (const [index, moment] of momentsOf(steps).entries()) {
    const from = steps[index]?.from ?? -1;
    const end = firstMoment(instance) + moment + 1;
    if (from >= 0) last.set(from, Math.max(last.get(from) ?? 0, end));
  }
  return last;
}

function shutdowns(instance: BtrplaceInstance, steps: readonly Step[]): BtrplaceAction[] {
  const empty = lastDepartures(instance, steps);
  const stopped = new Set(instance.stopNodes);
  return instance.nodes.flatMap((node, bin) => {
    const start = empty.get(bin) ?? 0;
    return stopped.has(node) ? [{ id: 'shutdownNode', node, start, end: start + 1 } as const] : [];
  });
}

function placementOf(
  document: BtrplaceDocument,
  instance: BtrplaceInstance,
  final: Int32Array,
): BtrplaceMapping {
  const { mapping } = document.model;
  const stopped = new Set(instance.stopNodes);
  const on = instance.nodes.filter(
    (node) =>
      !stopped.has(node) && (node in mapping.onlineNodes || instance.bootNodes.includes(node)),
  );
  const runningOn = new Map(on.map((node) => [node, [] as number[]]));
  const placed = new Set<number>();
  for (const [item, bin] of final.entries()) {
    if (bin < 0) continue;
    runningOn.get(idOf(instance.nodes, bin))?.push(idOf(instance.vms, item));
    placed.add(idOf(instance.vms, item));
  }
  const ready = [...mapping.readyVMs, ...instance.stops.map(({ vm }) => vm)];
  const isOn = new Set(on);
  return {
    onlineNodes: Object.fromEntries(
      on.map((node) => [
        node,
        {
          runningVMs: runningOn.get(node) ?? [],
          sleepingVMs: mapping.onlineNodes[node]?.sleepingVMs ?? [],
        },
      ]),
    ),
    offlineNodes: instance.nodes.filter((node) => !isOn.has(node)),
    readyVMs: ready.filter((vm) => !placed.has(vm)).sort((a, b) => a - b),
  };
}
