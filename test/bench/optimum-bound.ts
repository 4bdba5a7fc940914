// Role: what relieving the hosts of a fleet costs at least, whatever the plan, and which moves a
// plan cheaper than a known one may need. Each host costs something at least (an exact knapsack);
// together that is the bound. A pair of VM and host for which others would have to give way at more
// than is left up to the known plan drops out. A VM without a pair stays, which raises the bound of
// its host, so that further pairs drop out, until none does.

export interface ExactFleet {
  readonly hosts: readonly ExactHost[];
  readonly vms: readonly ExactVm[];
  /** Members, by index, of whom no two may share a host. */
  readonly groups: readonly (readonly number[])[];
}

/** CPU is in thousandths of a core, memory in MiB: whole numbers both, as the fleets have them. */
export interface ExactHost {
  readonly cores: number;
  /** What its VMs may use together, and what they may hold. */
  readonly cpu: number;
  readonly memory: number;
  readonly vendor: string;
}

export interface ExactVm {
  readonly home: number;
  readonly vcpus: number;
  readonly cpu: number;
  readonly memory: number;
  /** What moving it costs. */
  readonly cost: number;
}

/** The VM may end on a host that is not its home. */
export interface Pair {
  readonly vm: number;
  readonly host: number;
  /** What others cost at least who give way for it there. */
  readonly extra: number;
}

export interface Reduced {
  readonly pairs: readonly Pair[];
  /** Per host: what has to leave it costs so much at least. */
  readonly least: readonly number[];
  /** The sum; where it is not below the known plan there are no pairs. */
  readonly bound: number;
}

/** The pairs that are left for a placement cheaper than `below`. */
export function reduce(fleet: ExactFleet, below: number): Reduced {
  const residents = Map.groupBy(fleet.vms.keys(), (v) => fleet.vms[v]?.home ?? -1);
  let pairs = allPairs(fleet);
  for (;;) {
    const movable = new Set(pairs.map(({ vm }) => vm));
    const reliefs = fleet.hosts.map(
      (_host, h) => new Relief(fleet, h, { residents: residents.get(h) ?? [], movable }),
    );
    const least = reliefs.map((relief) => relief.least());
    const bound = least.reduce((sum, cost) => sum + cost, 0);
    if (bound >= below) return { pairs: [], least, bound };
    const left = pairs.flatMap(({ vm, host }): Pair[] => {
      const home = fleet.vms[vm]?.home ?? -1;
      const away = (reliefs[home]?.least({ gone: vm }) ?? 0) - (least[home] ?? 0);
      const extra = (reliefs[host]?.least({ comes: vm }) ?? 0) - (least[host] ?? 0);
      return bound + away + extra < below ? [{ vm, host, extra }] : [];
    });
    if (left.length === pairs.length) return { pairs: left, least, bound };
    pairs = left;
  }
}

function allPairs({ vms, hosts }: ExactFleet): readonly Pair[] {
  return vms.flatMap(({ home, vcpus, memory }, vm) =>
    hosts.flatMap((target, host) => {
      const fits = vcpus <= target.cores && memory <= target.memory;
      const isOther = host !== home && target.vendor === hosts[home]?.vendor;
      return fits && isOther ? [{ vm, host, extra: 0 }] : [];
    }),
  );
}

/** Who leaves for the sake of rules, and the cheapest others for any amount of what is short. */
interface Choice {
  readonly forced: ReadonlySet<number>;
  readonly cost: number;
  readonly cpu: number;
  readonly memory: number;
  readonly cpuCover: Cover;
  readonly memoryCover: Cover;
}

/** One host: what it costs at least to bring it within its limits. */
class Relief {
  readonly #fleet: ExactFleet;
  readonly #choices: readonly Choice[];
  /** Beyond the limits; negative: room. */
  readonly #cpu: number;
  readonly #memory: number;

  // oxlint-disable-next-line max-params -- a host of a fleet, and who is there
  constructor(
    fleet: ExactFleet,
    h: number,
    here: { readonly residents: readonly number[]; readonly movable: ReadonlySet<number> },
  ) {
    const { residents, movable } = here;
    this.#fleet = fleet;
    const sum = (of: Iterable<number>, what: 'cpu' | 'memory' | 'cost'): number =>
      [...of].reduce((all, v) => all + (fleet.vms[v]?.[what] ?? 0), 0);
    this.#cpu = sum(residents, 'cpu') - (fleet.hosts[h]?.cpu ?? 0);
    this.#memory = sum(residents, 'memory') - (fleet.hosts[h]?.memory ?? 0);
    this.#choices = leaversForRules(fleet, residents)
      .filter((leavers) => leavers.every((v) => movable.has(v)))
      .map((leavers) => {
        const forced = new Set(leavers);
        const free = residents.filter((v) => movable.has(v) && !forced.has(v));
        const items = (what: 'cpu' | 'memory'): readonly Item[] =>
          free.map((v) => ({ gain: fleet.vms[v]?.[what] ?? 0, cost: fleet.vms[v]?.cost ?? 0 }));
        return {
          forced,
          cost: sum(forced, 'cost'),
          cpu: sum(forced, 'cpu'),
          memory: sum(forced, 'memory'),
          cpuCover: new Cover(items('cpu')),
          memoryCover: new Cover(items('memory')),
        };
      });
  }

  /** Infinite: nothing would be enough. */
  least({ gone, comes }: { readonly gone?: number; readonly comes?: number } = {}): number {
    const arrived = comes === undefined ? undefined : this.#fleet.vms[comes];
    const left = gone === undefined ? undefined : this.#fleet.vms[gone];
    let least = Infinity;
    for (const choice of this.#choices) {
      // Who leaves beside may be counted twice: a bound all the same.
      const also = gone === undefined || choice.forced.has(gone) ? undefined : left;
      const cpu = this.#cpu + (arrived?.cpu ?? 0) - (also?.cpu ?? 0) - choice.cpu;
      const memory = this.#memory + (arrived?.memory ?? 0) - (also?.memory ?? 0) - choice.memory;
      const cover = Math.max(choice.cpuCover.least(cpu), choice.memoryCover.least(memory));
      least = Math.min(least, choice.cost + (also?.cost ?? 0) + cover);
    }
    return least;
  }
}

/** Every choice of who leaves, so that one of each group stays at most. */
function leaversForRules({ groups }: ExactFleet, residents: readonly number[]): number[][] {
  const here = new Set(residents);
  let choices: number[][] = [[]];
  for (const group of groups) {
    const crowd = group.filter((v) => here.has(v));
    if (crowd.length < 2) continue;
    choices = choices.flatMap((leavers) =>
      crowd.map((keep) => [...leavers, ...crowd.filter((v) => v !== keep)]),
    );
  }
  return choices;
}

interface Item {
  readonly gain: number;
  readonly cost: number;
}

/**
 * The cheapest sets that give so much at least, for any amount: those that no other one gives more
 * than for as little (Nemhauser & Ullmann 1969).
 */
class Cover {
  readonly #gains: readonly number[];
  readonly #costs: readonly number[];

  constructor(items: readonly Item[]) {
    let best: readonly Item[] = [{ gain: 0, cost: 0 }];
    for (const { gain, cost } of items) {
      const more = best.map((set) => ({ gain: set.gain + gain, cost: set.cost + cost }));
      best = undominated(best, more);
    }
    this.#gains = best.map(({ gain }) => gain);
    this.#costs = best.map(({ cost }) => cost);
  }

  least(wanted: number): number {
    if (wanted <= 0) return 0;
    let [low, high] = [0, this.#gains.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#gains[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return this.#costs[low] ?? Infinity;
  }
}

/** Of two lists by cost: those that give more than every cheaper one, by cost and gain. */
function undominated(a: readonly Item[], b: readonly Item[]): readonly Item[] {
  const best: Item[] = [];
  let [i, j] = [0, 0];
  for (;;) {
    const [one, other] = [a[i], b[j]];
    if (one === undefined && other === undefined) return best;
    const first =
      other === undefined ||
      (one !== undefined &&
        (one.cost < other.cost || (one.cost === other.cost && one.gain >= other.gain)));
    const next = first ? one : other;
    if (first) i += 1;
    else j += 1;
    if (next !== undefined && next.gain > (best.at(-1)?.gain ?? -1)) best.push(next);
  }
}
