/**
 * The price of emptying a host in room: what leaves it needs room elsewhere, and what was free on
 * it is room no more. How many hosts can be emptied at most is a knapsack with one constraint for
 * each resource; with the constraints weighed into one (a surrogate relaxation: Glover, "Surrogate
 * constraints", Operations Research 16, 1968; Pirkul, "A heuristic solution procedure for the
 * multiconstraint zero-one knapsack problem", 1987) it is solved by taking those first that gain
 * most for their price. The weights are those that bound the gain most tightly, so that the scarce
 * resource counts. A host that is above what it may be filled to in one resource takes nothing in:
 * what it has free of the others is no room.
 */

/** Weights that are compared. */
const WEIGHTS = 20;

export interface Emptiable {
  readonly host: number;
  /** What emptying it gains; > 0. */
  readonly gain: number;
  /** Per resource, what it carries, and what else it could take in. */
  readonly load: readonly [cpu: number, memory: number];
  readonly room: readonly [cpu: number, memory: number];
}

/** Per host, the price in room, as a share of all that is there; and what can be gained at most. */
export interface Prices {
  readonly of: ReadonlyMap<number, number>;
  readonly most: number;
}

/** @param room per resource, on all hosts of the cluster that take something in. */
export function pricesInRoom(
  hosts: readonly Emptiable[],
  room: readonly [cpu: number, memory: number],
): Prices {
  let best: Prices | undefined;
  for (let step = 0; step <= WEIGHTS; step += 1) {
    const share = step / WEIGHTS;
    const priceOf = ({ load, room: own }: Emptiable): number =>
      shareOf(load[0] + own[0], room[0], share) + shareOf(load[1] + own[1], room[1], 1 - share);
    const of = new Map(hosts.map((one) => [one.host, priceOf(one)]));
    const most = relaxed(hosts, of);
    if (best === undefined || most < best.most) best = { of, most };
  }
  return best ?? { of: new Map(), most: 0 };
}

/** Where there is no room, the least of a load is too much, and no load asks for none. */
function shareOf(amount: number, room: number, weight: number): number {
  if (amount === 0 || weight === 0) return 0;
  return room === 0 ? Infinity : (amount * weight) / room;
}

/** What is gained within a room of 1 if hosts could be emptied in part. */
function relaxed(hosts: readonly Emptiable[], prices: ReadonlyMap<number, number>): number {
  const rate = ({ host, gain }: Emptiable): number => (prices.get(host) ?? 0) / gain;
  const rates = new Map(hosts.map((one) => [one.host, rate(one)]));
  const inOrder = hosts.toSorted(
    (a, b) => (rates.get(a.host) ?? 0) - (rates.get(b.host) ?? 0) || a.host - b.host,
  );
  let [left, gained] = [1, 0];
  for (const { host, gain } of inOrder) {
    const price = prices.get(host) ?? 0;
    if (price > left) return gained + (gain * left) / price;
    left -= price;
    gained += gain;
  }
  return gained;
}
