/**
 * The reassignment problem: items sit in bins and may be moved at a cost; which final placement is
 * cheapest? Dense numbers only; this folder knows nothing of VMs and hosts. Nothing here says in
 * which order items move: that is the sequencer's work.
 *
 *     cost = Σ bins, resources of  softWeight × max(0, load - soft)
 *          + Σ bins, balances of   weight × max(0, target × free(first) - free(second))
 *          + Σ bins, resources of  spreadWeight × (load / capacity - fleet share)²
 *          + Σ moved items of      moveCost + pairWeight × pairCost[home, bin]
 *          + moveGroupWeight × the largest number of moved items in one move group
 *          + penalty × broken   (what the start breaks: rules, overload, items where none may be)
 *
 * free = capacity - load; load = base + Σ need of the items there; fleet share = total load over
 * total capacity of the resource, which no move changes.
 *
 * Hard: load ≤ capacity (of a transient resource, items that left home still count there), rules,
 * allowed bins, fixed items, maxMoves. What the start breaks is penalised until it is mended; no
 * answer breaks anything that the start does not, and no broken rule gets worse.
 *
 * Loads are kept by adding and subtracting: give needs in whole units (MiB, thousandths of a core)
 * where "exactly full" must fit.
 */

export interface Problem {
  readonly items: number;
  readonly bins: number;
  /** R: the number of resources. Tables "× R" are row-major. */
  readonly resources: number;

  /** items × R, ≥ 0: what an item takes, wherever it is. */
  readonly need: Float64Array;
  /** Per item: the bin it is in at the start; -1: in none, to be placed, which costs no move. */
  readonly home: Int32Array;
  /** Per item: where the search starts, if not at home. Every entry ≥ 0. */
  readonly start?: Int32Array;
  /** Per item: 1 = stays where it is. */
  readonly fixed?: Uint8Array;
  /** Per item: its row in `allowed`; without it every item may use every bin. */
  readonly classOf?: Int32Array;
  /** Per class, per bin: 1 = may go there; undefined: every bin. Items standing where they may not
   *  must leave. */
  readonly allowed?: readonly (Uint8Array | undefined)[];

  /** bins × R: hard capacity, ≥ 0; Infinity where there is no limit. */
  readonly capacity: Float64Array;
  /** bins × R: load that is there whatever the items do. Default 0. */
  readonly base?: Float64Array;
  /** Per resource: 1 = an item that left home keeps its need there too (while it moves). */
  readonly transient?: Uint8Array;
  /** bins × R: capacity beyond which load costs; Infinity where it does not. */
  readonly soft: Float64Array;
  /** bins × R: cost per unit beyond `soft`, ≥ 0. */
  readonly softWeight: Float64Array;
  readonly balances?: readonly Balance[];
  /** bins × R: weight of the squared deviation from the fleet's share, ≥ 0. Capacities must then be
   *  finite. */
  readonly spreadWeight?: Float64Array;

  /** Per item, ≥ 0: paid while it is not at home. */
  readonly moveCost: Float64Array;
  /** bins × bins (home, bin), ≥ 0. */
  readonly pairCost?: Uint8Array | Uint16Array | Int32Array | Float64Array;
  readonly pairWeight?: number;
  /** Per item: its move group, -1 none. */
  readonly moveGroupOf?: Int32Array;
  readonly moveGroupWeight?: number;
  /** How many items may be away from home in the end (those without a home do not count). */
  readonly maxMoves?: number;

  /** Sets of bins: per partition, per bin, its domain 0…n; -1 in none. Rules name them by index;
   *  BINS stands for "every bin is a domain of its own". */
  readonly partitions?: readonly Int32Array[];
  /** Sets of items; rules name them by index. */
  readonly groups?: readonly Int32Array[];
  readonly rules?: readonly GroupRule[];
  /** Cost of one unit of `broken`; make it larger than what mending may cost. */
  readonly penalty: number;
}

/** weight × max(0, target × free(first) - free(second)) on every bin. */
export interface Balance {
  readonly first: number;
  readonly second: number;
  readonly target: number;
  readonly weight: number;
}

/** Instead of the index of a partition. */
export const BINS = -1;

/** Bins in no domain (-1) never count, neither for nor against. */
export type GroupRule =
  /** At most so many (default 1) of the group in each domain. Broken by each one too many. */
  | {
      readonly kind: 'apart';
      readonly group: number;
      readonly by: number;
      readonly atMost?: number;
    }
  /** All of the group in one domain. Broken by each domain beyond the first. */
  | { readonly kind: 'together'; readonly group: number; readonly by: number }
  /** The group uses at least so many domains. Broken by each domain that is missing. */
  | {
      readonly kind: 'spread';
      readonly group: number;
      readonly by: number;
      readonly atLeast: number;
    }
  /** Where one of the group is, one of the group `on` is in the same domain. Broken by each domain
   *  in which it is not. */
  | {
      readonly kind: 'depends';
      readonly group: number;
      readonly on: number;
      readonly by: number;
    };

export interface Budget {
  readonly seed: number;
  /** How many candidate moves may be judged. With `spent` absent the answer depends on nothing else
   *  but the problem and the seed. */
  readonly steps: number;
  /** Asked every few thousand steps. */
  readonly shouldStop?: () => boolean;
  /** 0…1: the share of a time budget that is used up, so that the search can cool down in time;
   *  asked as often. Without it, the share of the steps. */
  readonly spent?: () => number;
  /** Where searches of the same problem with other seeds meet. */
  readonly meeting?: MeetingPoint;
}

/** Where searches of one problem tell each other how far they are; meeting.ts is one. */
export interface MeetingPoint {
  /** Which of the searches this is, from 0: neighbours search in different ways. */
  readonly self: number;
  /** Told the round and where this one is, gives the placement of another that is cheaper where
   *  holding has that price, if there is one. */
  meet(round: number, here: Whereabouts, holdingPrice: number): Int32Array | undefined;
}

export interface Whereabouts {
  /** Without what holding costs: that is each search's own affair. */
  readonly cost: number;
  /** How much room at home is held, in what a price of 1 makes it cost. */
  readonly held: number;
  /** In the engine's own order of the items, which the problem alone decides. */
  readonly at: Int32Array;
}

export interface Answer {
  /** Per item: its bin. */
  readonly at: Int32Array;
  readonly cost: number;
  readonly startCost: number;
  /** What is still broken of the start: units of rules, items where they may not be, and overload
   *  in units of the mean need of the resource. */
  readonly broken: number;
  readonly moved: number;
  readonly steps: number;
}
