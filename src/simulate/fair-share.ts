/**
 * How transfers that run at the same time divide the links: max-min fair, which is what TCP flows
 * of equal round trip tend to. Progressive filling (Bertsekas and Gallager, "Data Networks", 2nd
 * edition 1992, section 6.5.2): all rates grow together; whoever meets a full link or its own
 * limit stops, the others go on.
 */

export interface Flow {
  /** Names of the links it uses, each at most once. */
  readonly links: readonly string[];
  /** Its own upper limit, bytes per second; Infinity: none. */
  readonly limit: number;
}

/** A flow and what it has by now; its links by number. */
interface Growing {
  readonly limit: number;
  readonly links: readonly number[];
  rate: number;
}

/** The rate of each flow, bytes per second, in the order given. An unknown link carries nothing. */
export function fairShares(
  flows: readonly Flow[],
  capacities: ReadonlyMap<string, number>,
): number[] {
  const { numbers, left } = numbered(flows, capacities);
  const users = new Uint32Array(left.length);
  const all = flows.map(({ links, limit }): Growing => {
    return { limit, links: links.map((link) => numbers.get(link) ?? 0), rate: 0 };
  });
  let growing = all;
  while (growing.length > 0) {
    const step = Math.max(0, smallestStep(growing, left, users));
    for (const flow of growing) {
      flow.rate += step;
      for (const link of flow.links) left[link] = (left[link] ?? 0) - step;
    }
    const next = growing.filter((flow) => canGrow(flow, left));
    // At least the flow that set the step has met its bound; rounding must not hide that.
    growing = next.length < growing.length ? next : [];
  }
  return all.map(({ rate }) => rate);
}

/** Every start and end divides anew: names are looked up once in that, not in each step. */
function numbered(
  flows: readonly Flow[],
  capacities: ReadonlyMap<string, number>,
): { readonly numbers: ReadonlyMap<string, number>; readonly left: Float64Array } {
  const numbers = new Map<string, number>();
  for (const { links } of flows) {
    for (const link of links) if (!numbers.has(link)) numbers.set(link, numbers.size);
  }
  return { numbers, left: Float64Array.from(numbers.keys(), (link) => capacities.get(link) ?? 0) };
}

/** By how much all growing flows can grow until the first one meets a bound. */
function smallestStep(growing: readonly Growing[], left: Float64Array, users: Uint32Array): number {
  users.fill(0);
  let step = Infinity;
  for (const { limit, rate, links } of growing) {
    step = Math.min(step, limit - rate);
    for (const link of links) users[link] = (users[link] ?? 0) + 1;
  }
  for (const [link, count] of users.entries()) {
    if (count > 0) step = Math.min(step, (left[link] ?? 0) / count);
  }
  return step;
}

function canGrow({ limit, rate, links }: Growing, left: Float64Array): boolean {
  if (limit - rate < 1) return false;
  // A byte per second is nothing: what is left below that is rounding.
  return links.every((link) => (left[link] ?? 0) >= 1);
}
