// Role: what the best final placement would be, found by an exact solver (HiGHS, a mixed-integer
// programme). It knows nothing of the order of moves, so no plan can be better: a plan that is
// better than the optimum shows a fault of one of the two.
//
//     x[v,h] = 1: VM v ends on host h.     Σ_h x[v,h] = 1
//     memory and CPU of every host within its limit, members of a group on different hosts
//     relieve  min Σ_v cost_v (1 - x[v, home])                     cost_v = memory + perMoveBytes
//     empty    min Σ_h watts_h on_h  with  x[v,h] <= on_h, every host within the ceiling, and the
//              failover reserve of equal hosts: (Σ_h on_h - keepSpare) · limit >= load
//     level    min Σ_h d_h²  with  Σ_v cost_v (1 - x[v, home]) <= budget,  d_h = u_h - mean u,
//              and the same sum for memory at most as large as allowed
//
// Levelling is asked what the planner is asked: to level CPU while memory gets no less level, and
// to put nobody beside one whom a rule keeps apart, though those may stay who stand together.
// d_h² is approximated from below by tangents, z_h >= 2a·d_h - a², which are added at the solution
// until it is met (outer approximation: Duran & Grossmann 1986). Hosts are alike, so the mean is
// the same for every placement. The spread is exact to LEVEL_GAP, the cost of relief to rounding.
import { cpuCapacity, memoryCapacity } from '../../src/domain/demand.ts';
import { GIB } from '../../src/domain/units.ts';
import type { Vm } from '../../src/domain/vm.ts';
import type { PlanRequest } from '../../src/plan/plan.ts';
import { loadHighs } from './highs.ts';

export interface Exact {
  /** GiB moved, each with its fixed part; undefined: no placement meets all, or not known. */
  relieve(request: PlanRequest): number | undefined;
  /** The most watts of idle hosts that can be saved, hosts being alike; other VMs may move too. */
  consolidate(request: PlanRequest): number | undefined;
  /** The least standard deviation of CPU load over capacity within these limits. */
  level(request: PlanRequest, most: LevelLimits): number | undefined;
}

export interface LevelLimits {
  /** GiB moved, each move with its fixed part. */
  readonly gib: number;
  /** Standard deviation of memory in use over capacity. */
  readonly memorySpread: number;
  /**
   * Only what single moves can come to, one after the other: members of a group that take each
   * other's places in a circle would stand together at some moment, or one has to move twice.
   */
  readonly inTurn?: boolean;
}

/** Seconds; what is not settled by then has no optimum to compare with. */
const TIME_LIMIT = 20;
/** Tangents at the start, and how often more are added. */
const TANGENTS = [0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15];
const ROUNDS = 20;
/** Of the sum of squares, as a share of it: the deviation itself is exact to half of that. */
export const LEVEL_GAP = 0.004;

export async function loadExact(): Promise<Exact> {
  const highs = await loadHighs();
  const solve: Solve = (text, gap) => {
    const { Status, ObjectiveValue, Columns } = highs.solve(text, {
      mip_rel_gap: gap,
      mip_abs_gap: 1e-9,
      time_limit: TIME_LIMIT,
      output_flag: false,
    });
    if (Status === 'Infeasible' || Status === 'Time limit reached') return undefined;
    if (Status !== 'Optimal') throw new Error(`the exact solver ended as ${Status}`);
    return { value: ObjectiveValue, at: (name) => Number(Columns[name]?.Primal ?? Number.NaN) };
  };
  return {
    relieve(request) {
      const fleet = fleetOf(request, 'relieved');
      const solved = solve(programme(movesCost(fleet), [], fleet), 1e-7);
      return solved === undefined ? undefined : solved.value;
    },
    consolidate: (request) => mostSaved(solve, request),
    level: (request, most) => leastSpread(solve, fleetOf(request, 'as-it-is'), most),
  };
}

interface Solved {
  readonly value: number;
  at(name: string): number;
}

/** @param gap between the value and its bound at which the solver may stop, as a share. */
type Solve = (text: string, gap: number) => Solved | undefined;

interface Fleet {
  readonly vms: readonly {
    readonly name: string;
    readonly home: number;
    readonly cpu: number;
    readonly gib: number;
    readonly cost: number;
  }[];
  readonly hosts: readonly {
    readonly threads: number;
    readonly mostCpu: number;
    readonly gib: number;
    readonly mostGib: number;
  }[];
  /** Members that are to be kept apart. */
  readonly groups: readonly (readonly number[])[];
  /** Those of a group who stand together may do so where they are. */
  readonly maySuffer: boolean;
}

/** GiB that a move of the VM is taken to cost; small fleets have VMs of one criticality only. */
export function costOf(vm: Vm, { weights }: PlanRequest): number {
  return (vm.memoryBytes + weights.perMoveBytes) / GIB;
}

/** @param asked hot hosts are to get within the limit, or may stay as hot as they are. */
function fleetOf(request: PlanRequest, asked: 'relieved' | 'as-it-is'): Fleet {
  const { snapshot, limits } = request;
  const places = new Map(snapshot.hosts.map((host, h) => [host.id, h]));
  const vms = snapshot.vms.map((vm, v) => {
    const mean = vm.metrics['cpu.used']?.mean;
    if (mean?.kind !== 'known') throw new Error(`the demand of ${vm.id} is not known`);
    const common = { name: `v${v}`, home: places.get(vm.host) ?? -1, cpu: mean.value };
    return { ...common, gib: vm.memoryBytes / GIB, cost: costOf(vm, request) };
  });
  const hosts = snapshot.hosts.map((host, h) => {
    const threads = cpuCapacity(host);
    const most = threads * limits.safetyCapacity.cpu;
    const here = vms.filter(({ home }) => home === h);
    const load = here.reduce((sum, { cpu }) => sum + cpu, 0);
    // A host that holds too much already may keep it.
    const held = here.reduce((sum, { gib }) => sum + gib, 0);
    const gib = memoryCapacity(host, limits.overcommit.memory) / GIB;
    const mostCpu = asked === 'relieved' ? most : Math.max(most, load);
    return { threads, mostCpu, gib, mostGib: Math.max(held, gib) };
  });
  const indexes = new Map(snapshot.vms.map((vm, v) => [vm.id, v]));
  const groups = snapshot.placement.map((rule) => rule.vms.flatMap((id) => indexes.get(id) ?? []));
  return { vms, hosts, groups, maySuffer: asked === 'as-it-is' };
}

/** Of each two members one at most on a host, but for those who stand there together already. */
function apart({ vms, hosts, groups, maySuffer }: Fleet): string[] {
  return groups.flatMap((members) =>
    members.flatMap((v, i) =>
      members.slice(i + 1).flatMap((w) =>
        hosts.flatMap((_host, h) => {
          const stay = maySuffer && vms[v]?.home === h && vms[w]?.home === h;
          return stay ? [] : [`1 v${v}_${h} + 1 v${w}_${h} <= 1`];
        }),
      ),
    ),
  );
}

/** Of two or three members that would go round in a circle, one at least does not. */
function noCircles({ vms, groups }: Fleet): string[] {
  const taking = (v: number, w: number): string => `1 v${v}_${vms[w]?.home ?? -1}`;
  const isApart = (...members: number[]): boolean =>
    new Set(members.map((v) => vms[v]?.home)).size === members.length;
  return groups.flatMap((members) =>
    members.flatMap((v) =>
      members.flatMap((w) => [
        ...(v < w && isApart(v, w) ? [`${taking(v, w)} + ${taking(w, v)} <= 1`] : []),
        ...members.flatMap((u) => {
          const isRound = v < w && v < u && isApart(v, w, u);
          return isRound ? [`${taking(v, w)} + ${taking(w, u)} + ${taking(u, v)} <= 2`] : [];
        }),
      ]),
    ),
  );
}

/** Σ cost (1 - x[v, home]) as terms and a constant. */
function movesCost({ vms }: Fleet): string {
  const fixed = vms.reduce((sum, { cost }) => sum + cost, 0);
  return `${sumOf(vms.map(({ name, home, cost }) => [-cost, `${name}_${home}`]))} + ${fixed} one`;
}

function sumOf(terms: readonly (readonly [number, string])[]): string {
  return terms
    .map(([factor, name]) => `${factor < 0 ? '-' : '+'} ${Math.abs(factor)} ${name}`)
    .join(' ');
}

/** The programme in the LP format that the solver reads; `switches`: its other yes-or-no values. */
// oxlint-disable-next-line max-params -- the parts of one programme
function programme(
  objective: string,
  more: readonly string[],
  fleet: Fleet,
  switches: readonly string[] = [],
): string {
  const { vms, hosts } = fleet;
  const rows = [...more, 'one = 1', ...apart(fleet)];
  for (const { name } of vms)
    rows.push(`${sumOf(hosts.map((_host, h) => [1, `${name}_${h}`]))} = 1`);
  for (const [h, { mostCpu, mostGib }] of hosts.entries()) {
    rows.push(`${sumOf(vms.map(({ name, cpu }) => [cpu, `${name}_${h}`]))} <= ${mostCpu}`);
    rows.push(`${sumOf(vms.map(({ name, gib }) => [gib, `${name}_${h}`]))} <= ${mostGib}`);
  }
  const named = rows.map((row, at) => ` r${at}: ${row}`).join('\n');
  const placed = vms.flatMap(({ name }) => hosts.map((_host, h) => `${name}_${h}`));
  const choices = [...placed, ...switches].join(' ');
  return `Minimize\n obj: ${objective}\nSubject To\n${named}\nBinary\n ${choices}\nEnd\n`;
}

function mostSaved(solve: Solve, request: PlanRequest): number | undefined {
  const { snapshot, limits } = request;
  const { fillTo, keepSpare } = limits.consolidation;
  const idle = snapshot.hosts.map(({ power }) => power?.idle ?? Number.NaN);
  const bare = fleetOf(request, 'as-it-is');
  const hosts = bare.hosts.map(({ threads, gib: room, mostGib }, h) => {
    const here = bare.vms.filter(({ home }) => home === h);
    const load = here.reduce((sum, { cpu }) => sum + cpu, 0);
    const held = here.reduce((sum, { gib }) => sum + gib, 0);
    // A host that is beyond the ceiling already may keep what it has.
    const mostCpu = Math.max(load, threads * fillTo.cpu);
    return { threads, mostCpu, gib: room, mostGib: Math.max(held, mostGib * fillTo.memory) };
  });
  const { vms } = bare;
  const on = hosts.map((_host, h) => `on${h}`);
  const rows = vms.flatMap(({ name }) => on.map((one, h) => `${name}_${h} - ${one} <= 0`));
  rows.push(...on.map((one) => `${one} <= 1`));
  const [first] = bare.hosts;
  const all = on.join(' + ');
  const cpu = vms.reduce((sum, one) => sum + one.cpu, 0);
  const gib = vms.reduce((sum, one) => sum + one.gib, 0);
  rows.push(`${all} >= ${keepSpare + cpu / ((first?.threads ?? 0) * limits.safetyCapacity.cpu)}`);
  rows.push(`${all} >= ${keepSpare + gib / (first?.mostGib ?? 0)}`);
  const drawn = sumOf(on.map((one, h) => [idle[h] ?? Number.NaN, one]));
  const solved = solve(programme(drawn, rows, { ...bare, hosts }, on), 1e-7);
  if (solved === undefined) return undefined;
  const carrying = new Set(vms.map(({ home }) => home));
  return idle.reduce((sum, one, h) => sum + (carrying.has(h) ? one : 0), 0) - solved.value;
}

/** One resource whose spread is approximated: `z` names the variables of its squares. */
interface Spread {
  readonly z: string;
  readonly mean: number;
  /** What VM v adds to the load of a host, as a share of it. */
  readonly share: (v: number, h: number) => number;
}

function spreadOf({ vms, hosts }: Fleet, resource: 'cpu' | 'gib'): Spread {
  const need = (v: number): number => vms[v]?.[resource] ?? 0;
  const rooms = hosts.map((host) => (resource === 'cpu' ? host.threads : host.gib));
  const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);
  const mean = sum(vms.map((_vm, v) => need(v))) / sum(rooms);
  return { z: resource, mean, share: (v, h) => need(v) / (rooms[h] ?? 1) };
}

/** The square of what is off the mean on the host is at least its tangent's at `at`. */
// oxlint-disable-next-line max-params -- one tangent of one spread
function tangent({ vms }: Fleet, { z, mean, share }: Spread, h: number, at: number): string {
  const use = vms.map(({ name }, v) => [-2 * at * share(v, h), `${name}_${h}`] as const);
  return `${at === 0 ? '' : sumOf(use)} + 1 ${z}${h} >= ${-2 * at * mean - at * at}`;
}

function leastSpread(solve: Solve, fleet: Fleet, most: LevelLimits): number | undefined {
  const { vms, hosts } = fleet;
  const [cpu, memory] = [spreadOf(fleet, 'cpu'), spreadOf(fleet, 'gib')];
  const allowed = hosts.length * most.memorySpread ** 2 * (1 + 1e-9) + 1e-9;
  const squares = ({ z }: Spread): string => hosts.map((_host, h) => `${z}${h}`).join(' + ');
  const rows = [
    `${movesCost(fleet)} <= ${most.gib * (1 + 1e-9) + 1e-9}`,
    `${squares(memory)} <= ${allowed}`,
    ...(most.inTurn === true ? noCircles(fleet) : []),
  ];
  for (const h of hosts.keys()) {
    for (const at of TANGENTS.flatMap((one) => (one === 0 ? [0] : [one, -one]))) {
      rows.push(tangent(fleet, cpu, h, at), tangent(fleet, memory, h, at));
    }
  }
  let bound = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const solved = solve(programme(squares(cpu), rows, fleet), LEVEL_GAP / 2);
    if (solved === undefined) return undefined;
    bound = solved.value;
    const off = ({ mean, share }: Spread): number[] =>
      hosts.map((_host, h) => {
        const here = vms.map(({ name }, v) => (solved.at(`${name}_${h}`) > 0.5 ? share(v, h) : 0));
        return here.reduce((sum, use) => sum + use, -mean);
      });
    const reached = (spread: Spread): number => off(spread).reduce((sum, d) => sum + d * d, 0);
    const isMet = reached(cpu) - bound <= (LEVEL_GAP / 2) * reached(cpu);
    if (isMet && reached(memory) <= allowed * (1 + LEVEL_GAP)) break;
    for (const spread of [cpu, memory]) {
      for (const [h, at] of off(spread).entries()) rows.push(tangent(fleet, spread, h, at));
    }
  }
  return Math.sqrt(Math.max(0, bound) / hosts.length);
}
