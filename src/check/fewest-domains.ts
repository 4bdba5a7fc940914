/**
 * In how many different domains a group is at least, wherever each of it turns out to be: the
 * smallest set of domains that meets every list of places (a minimum hitting set; for lists of two
 * a vertex cover). NP-hard in general, and exponential in no plan that occurs: a branch ends as
 * soon as lists that share nothing say that there are enough, and a domain that no other list
 * names is never tried beside one that some other list does.
 */

type Place = string | undefined;

/**
 * @param choices of each VM, the domains where it may be; a domain that is not known adds none
 * @param enough more than that is not counted
 */
export function fewestDomains(choices: readonly (readonly Place[])[], enough: number): number {
  const isKnown = (list: readonly Place[]): list is readonly string[] => !list.includes(undefined);
  return fewest(choices.filter(isKnown), enough);
}

function fewest(lists: readonly (readonly string[])[], enough: number): number {
  if (lists.length === 0 || enough <= 0) return 0;
  if (disjoint(lists) >= enough) return enough;
  const uses = new Map<string, number>();
  for (const list of lists) {
    for (const name of new Set(list)) uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  const [next = []] = lists.map((list) => worthTrying(list, uses)).sort(byLength);
  let best = enough;
  for (const name of next) {
    const rest = lists.filter((list) => !list.includes(name));
    best = Math.min(best, 1 + fewest(rest, best - 1));
  }
  return best;
}

/** A lower bound: each of them needs a domain of its own. */
function disjoint(lists: readonly (readonly string[])[]): number {
  const taken = new Set<string>();
  let count = 0;
  for (const list of [...lists].sort(byLength)) {
    if (list.some((name) => taken.has(name))) continue;
    for (const name of list) taken.add(name);
    count += 1;
  }
  return count;
}

/** Those first that meet most lists; of those that meet this one only, one stands for all. */
function worthTrying(
  list: readonly string[],
  uses: ReadonlyMap<string, number>,
): readonly string[] {
  const useOf = (name: string): number => uses.get(name) ?? 0;
  const sorted = [...new Set(list)].sort((a, b) => useOf(b) - useOf(a));
  const shared = sorted.filter((name) => useOf(name) > 1);
  return shared.length > 0 ? shared : sorted.slice(0, 1);
}

function byLength(a: readonly string[], b: readonly string[]): number {
  return a.length - b.length;
}
