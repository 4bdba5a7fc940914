// Role: `bench gap`: how far the planner is from the optimum on small fleets that an exact solver
// can settle. Relief is compared in GiB moved (each move with its fixed part), levelling in the
// standard deviation of CPU for the GiB that the plan moves, consolidation in watts saved.
import { memoryCapacity } from '../../src/domain/demand.ts';
import { type PlanRequest, plan } from '../../src/plan/plan.ts';
import type { Move } from '../../src/domain/plan.ts';
import { type Exact, LEVEL_GAP, costOf, loadExact } from '../support/exact.ts';
import { type SmallFleet, smallFleet } from '../support/small-fleets.ts';

export interface Gap {
  /** What the plan comes to; undefined: it leaves something open. */
  readonly reached: number | undefined;
  /** What no plan can be below; undefined: nothing can meet all demands. */
  readonly optimum: number | undefined;
  /** Levelling: the same of what single moves can come to, one after the other. */
  readonly inTurn?: number | undefined;
  /** The plan says of something that it leaves open that no plan can meet all that was asked. */
  readonly saysImpossible: boolean;
}

/** GiB that the plan moves, each move with its fixed part. */
export function moved(request: PlanRequest, moves: readonly Move[]): number {
  const vms = new Map(request.snapshot.vms.map((vm) => [vm.id, vm]));
  return moves.reduce((sum, { vm: id }) => {
    const vm = vms.get(id);
    return vm === undefined ? sum : sum + costOf(vm, request);
  }, 0);
}

/** Standard deviation of load over capacity after the moves. */
export function spreadAfter(
  { snapshot, limits }: PlanRequest,
  resource: 'cpu' | 'memory',
  moves: readonly Move[],
): number {
  const ends = new Map(moves.map(({ vm, to }) => [vm, to]));
  const uses = snapshot.hosts.map((host) => {
    const here = snapshot.vms.filter((vm) => (ends.get(vm.id) ?? vm.host) === host.id);
    const load = here.reduce((sum, vm) => {
      const mean = vm.metrics['cpu.used']?.mean;
      const cpu = mean?.kind === 'known' ? mean.value : 0;
      return sum + (resource === 'cpu' ? cpu : vm.memoryBytes);
    }, 0);
    const memory = memoryCapacity(host, limits.overcommit.memory);
    return load / (resource === 'cpu' ? host.cpu.threads : memory);
  });
  const mean = uses.reduce((sum, use) => sum + use, 0) / uses.length;
  return Math.sqrt(uses.reduce((sum, use) => sum + (use - mean) ** 2, 0) / uses.length);
}

/** Watts of the hosts that the moves leave empty. */
function savedBy({ snapshot }: PlanRequest, moves: readonly Move[]): number {
  const ends = new Map(moves.map(({ vm, to }) => [vm, to]));
  const carrying = new Set(snapshot.vms.map((vm) => ends.get(vm.id) ?? vm.host));
  const emptied = new Set(moves.map(({ from }) => from).filter((host) => !carrying.has(host)));
  return snapshot.hosts
    .filter(({ id }) => emptied.has(id))
    .reduce((sum, { power }) => sum + (power?.idle ?? Number.NaN), 0);
}

export function gapOf(exact: Exact, fleet: SmallFleet): Gap {
  const request = smallFleet(fleet);
  const { plan: made, report } = plan(request);
  const cost = moved(request, made.moves);
  if (fleet.goal === 'consolidate') {
    const reached = savedBy(request, made.moves);
    return { reached, optimum: exact.consolidate(request), saysImpossible: false };
  }
  if (fleet.goal === 'level') {
    // Memory is to get no less level: what the plan allowed itself, the optimum may, too.
    const memorySpread = Math.max(
      spreadAfter(request, 'memory', []),
      spreadAfter(request, 'memory', made.moves),
    );
    const reached = spreadAfter(request, 'cpu', made.moves);
    const optimum = exact.level(request, { gib: cost, memorySpread });
    const isMet = optimum !== undefined && reached <= optimum * (1 + LEVEL_GAP);
    const most = { gib: cost, memorySpread, inTurn: true };
    const inTurn = isMet ? optimum : exact.level(request, most);
    return { reached, optimum, inTurn, saysImpossible: false };
  }
  const reached = report.unresolved.length === 0 ? cost : undefined;
  const saysImpossible = report.unresolved.some(({ proof }) => proof?.certain === true);
  return { reached, optimum: exact.relieve(request), saysImpossible };
}

export type Shape = Omit<SmallFleet, 'seed'>;

/** Shapes of fleets, from roomy to nearly full. */
export const SHAPES: readonly Shape[] = [
  { goal: 'relieve', hosts: 5, vmsPerHost: 7, busy: 0.5 },
  { goal: 'relieve', hosts: 5, vmsPerHost: 7, busy: 0.7 },
  { goal: 'relieve', hosts: 6, vmsPerHost: 8, busy: 0.76 },
  { goal: 'level', hosts: 3, vmsPerHost: 5, busy: 0.45 },
  { goal: 'consolidate', hosts: 8, vmsPerHost: 4, busy: 0.2 },
  { goal: 'consolidate', hosts: 8, vmsPerHost: 5, busy: 0.35 },
  { goal: 'consolidate', hosts: 8, vmsPerHost: 5, busy: 0.45 },
];

function shapeName({ goal, hosts, vmsPerHost, busy }: Shape): string {
  return `${goal} ${hosts}x${vmsPerHost} at ${Math.round(100 * busy)} %`;
}

type Figures = Record<string, number>;

/**
 * Per shape: how many fleets were compared, how many were left open although a placement exists,
 * and the means: GiB moved by the plan and at least (relieve), points of CPU spread (level).
 */
export async function benchGap({
  fleets,
  seed,
}: {
  readonly fleets: number;
  readonly seed: number;
}): Promise<Readonly<Figures>> {
  const exact = await loadExact();
  const figures: Figures = {};
  for (const shape of SHAPES) {
    const seeds = Array.from({ length: fleets }, (_none, i) => seed + i);
    const gaps = seeds.map((one) => gapOf(exact, { ...shape, seed: one }));
    Object.assign(figures, figuresOf(shape, gaps));
  }
  return figures;
}

export function figuresOf(shape: Shape, gaps: readonly Gap[]): Figures {
  const name = shapeName(shape);
  const compared = gaps.flatMap(({ reached, optimum }) =>
    reached === undefined || optimum === undefined ? [] : [{ reached, optimum }],
  );
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const reached = mean(compared.map((gap) => gap.reached));
  const optimum = mean(compared.map((gap) => gap.optimum));
  if (shape.goal === 'consolidate') {
    return {
      [`${name}: compared`]: compared.length,
      [`${name}: watts saved`]: rounded(reached),
      [`${name}: most watts`]: rounded(optimum),
      [`${name}: fleets at the optimum`]: compared.filter(
        (gap) => gap.reached >= gap.optimum - 1e-6,
      ).length,
    };
  }
  const leftOpen = gaps.filter((gap) => gap.reached === undefined && gap.optimum !== undefined);
  const common = { [`${name}: compared`]: compared.length };
  if (shape.goal === 'level') {
    return {
      ...common,
      [`${name}: CPU spread, points`]: rounded(100 * reached),
      [`${name}: least spread, points`]: rounded(100 * optimum),
      [`${name}: gap %`]: rounded(optimum > 0 ? 100 * (reached / optimum - 1) : 0),
      [`${name}: least spread one after the other, points`]: rounded(
        100 * mean(gaps.flatMap(({ inTurn }) => inTurn ?? [])),
      ),
    };
  }
  return {
    ...common,
    [`${name}: left open though a placement exists`]: leftOpen.length,
    [`${name}: impossible, and said to be`]: gaps.filter((gap) => gap.saysImpossible).length,
    [`${name}: gap %`]: rounded(optimum > 0 ? 100 * (reached / optimum - 1) : 0),
  };
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}
