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

/** The rate of each flow, bytes per second, in the order given. An unknown link carries nothing. */
export function fairShares(
  flows: readonly Flow[],
  capacities: ReadonlyMap<string, number>,
): number[] {
  const rates = flows.map(() => 0);
  const left = new Map(capacities);
  let growing = flows.map((_, index) => index);
  while (growing.length > 0) {
    const step = Math.max(0, smallestStep(flows, growing, rates, left));
    for (const index of growing) {
      rates[index] = (rates[index] ?? 0) + step;
      for (const link of flows[index]?.links ?? []) left.set(link, (left.get(link) ?? 0) - step);
    }
    const next = growing.filter((index) => canGrow(flows[index], rates[index] ?? 0, left));
    // At least the flow that set the step has met its bound; rounding must not hide that.
    growing = next.length < growing.length ? next : [];
  }
  return rates;
}

/** By how much all growing flows can grow until the first one meets a bound. */
function smallestStep(
  flows: readonly Flow[],
  growing: readonly number[],
  rates: readonly number[],
  left: ReadonlyMap<string, number>,
): number {
  const users = new Map<string, number>();
  let step = Infinity;
  for (const index of growing) {
    step = Math.min(step, (flows[index]?.limit ?? 0) - (rates[index] ?? 0));
    for (const link of flows[index]?.links ?? []) users.set(link, (users.get(link) ?? 0) + 1);
  }
  for (const [link, count] of users) step = Math.min(step, (left.get(link) ?? 0) / count);
  return step;
}

function canGrow(flow: Flow | undefined, rate: number, left: ReadonlyMap<string, number>): boolean {
  if (flow === undefined || flow.limit - rate < 1) return false;
  // A byte per second is nothing: what is left below that is rounding.
  return flow.links.every((link) => (left.get(link) ?? 0) >= 1);
}
