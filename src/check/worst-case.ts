/**
 * The most that a host can be asked to hold at the moment a move arrives, over every interleaving
 * that the dependencies allow, without going through them one by one.
 *
 * Another arrival counts while it can have started, and then everything that it depends on has
 * ended, departures from this host included. Choosing the arrivals that make it worst, with the
 * departures they force, is the maximum-weight closure ("project selection") problem, which is a
 * minimum cut (J.-C. Picard, "Maximal closure of a graph and applications to combinatorial
 * problems", Management Science 22, 1976). So the figure is exact, neither hopeful nor alarmist.
 */

import type { Precedence } from './precedence.ts';

export interface Flow {
  /** Position of the move in the plan. */
  readonly at: number;
  /** What its VM needs of the resource, >= 0. */
  readonly amount: number;
}

export interface Traffic {
  /** Held before the plan starts. */
  readonly base: number;
  readonly arrivals: readonly Flow[];
  readonly departures: readonly Flow[];
}

/** Above this many arrival × departure pairs the simpler bound is used (higher, so still safe). */
const EXACT_PAIRS_MAX = 4_096;

/** The worst load while `arrival` comes in. Arrivals that have to wait for it are not counted. */
export function worstLoad(traffic: Traffic, arrival: Flow, order: Precedence): number {
  const { base, arrivals, departures } = traffic;
  const staying = departures.filter((departure) => !order.before(departure.at, arrival.at));
  const others = arrivals.filter(
    (other) => other.at !== arrival.at && !order.before(arrival.at, other.at),
  );
  const gone = sum(departures) - sum(staying);
  const bound = base + arrival.amount + sum(others) - gone;
  if (staying.length === 0 || arrivals.length * departures.length > EXACT_PAIRS_MAX) return bound;
  const forced = others.map((other) =>
    staying.flatMap((departure, i) => (order.before(departure.at, other.at) ? [i] : [])),
  );
  const supply = others.map((other) => other.amount);
  const demand = staying.map((departure) => departure.amount);
  return bound - maxFlow(supply, demand, forced);
}

function sum(flows: readonly Flow[]): number {
  return flows.reduce((total, flow) => total + flow.amount, 0);
}

/**
 * Most that can flow from the left nodes (each with a supply) over the edges to the right nodes
 * (each with a demand), by shortest augmenting paths (Edmonds and Karp, 1972).
 */
export function maxFlow(
  supply: readonly number[],
  demand: readonly number[],
  edges: readonly (readonly number[])[],
): number {
  const offered = Float64Array.from(supply);
  const wanted = Float64Array.from(demand);
  const flow = edges.map((targets) => new Map(targets.map((right) => [right, 0])));
  let total = 0;
  for (;;) {
    const path = shortestPath(offered, wanted, flow);
    if (path === undefined) return total;
    total += augment(path, { offered, wanted, flow });
  }
}

interface Network {
  readonly offered: Float64Array;
  readonly wanted: Float64Array;
  /** Left node → right node → what flows there now. */
  readonly flow: readonly Map<number, number>[];
}

/** Left and right nodes in turn: left, right, left, …, right. */
type Path = readonly number[];

function shortestPath(
  offered: Float64Array,
  wanted: Float64Array,
  flow: Network['flow'],
): Path | undefined {
  const paths: number[][] = [];
  const seenLeft = new Set<number>();
  const seenRight = new Set<number>();
  for (const [left, rest] of offered.entries()) {
    if (rest <= 0) continue;
    seenLeft.add(left);
    paths.push([left]);
  }
  for (const path of paths) {
    const left = path.at(-1) ?? 0;
    for (const right of flow[left]?.keys() ?? []) {
      if (seenRight.has(right)) continue;
      seenRight.add(right);
      if ((wanted[right] ?? 0) > 0) return [...path, right];
      for (const [back, targets] of flow.entries()) {
        if (seenLeft.has(back) || (targets.get(right) ?? 0) <= 0) continue;
        seenLeft.add(back);
        paths.push([...path, right, back]);
      }
    }
  }
  return undefined;
}

function augment(path: Path, network: Network): number {
  const { offered, wanted, flow } = network;
  const first = path[0] ?? 0;
  const last = path.at(-1) ?? 0;
  let amount = Math.min(offered[first] ?? 0, wanted[last] ?? 0);
  // Every right node but the last is left again backwards, over flow that is taken back.
  for (let i = 2; i < path.length; i += 2) {
    amount = Math.min(amount, flow[path[i] ?? 0]?.get(path[i - 1] ?? 0) ?? 0);
  }
  for (let i = 0; i < path.length; i += 2) {
    const [left = 0, right = 0, back] = path.slice(i, i + 3);
    flow[left]?.set(right, (flow[left].get(right) ?? 0) + amount);
    if (back !== undefined) flow[back]?.set(right, (flow[back].get(right) ?? 0) - amount);
  }
  offered[first] = (offered[first] ?? 0) - amount;
  wanted[last] = (wanted[last] ?? 0) - amount;
  return amount;
}
