// Role: the cheapest final placement of a fleet, by an exact solver (HiGHS) that knows nothing of
// the order of moves: no plan can cost less. It is asked only for what is cheaper than a known one.
//
//     x[v,h] = 1: VM v ends on host h, which is not its home; for the pairs that bounds leave over
//     min Σ cost_v x[v,h]     Σ_h x[v,h] <= 1     CPU and memory of every host within its limit
//     one of a group on a host at most
//     what leaves a host costs its bound at least, and more where somebody comes for whom others
//     have to give way (redundant, and what makes the relaxation strong)
//
// Costs are in units of their common divisor, so that they are small whole numbers.
import { commonDivisor } from '../../src/plan/grain.ts';
import { loadHighs } from '../support/highs.ts';
import { type ExactFleet, type Pair, type Reduced, reduce } from './optimum-bound.ts';

export interface Optimum {
  /** Nothing is cheaper than what was known; something is, the cheapest; not settled in time. */
  readonly status: 'nothing-cheaper' | 'found' | 'unsettled';
  /** No placement costs less than this. */
  readonly bound: number;
  /** The cheapest that was found; undefined: none below what was known. */
  readonly cost: number | undefined;
  /** Pairs of VM and host that bounds could not rule out. */
  readonly pairs: number;
}

/** @param below what is known to be possible; 0 `seconds`: bounds alone. */
export type Solver = (fleet: ExactFleet, below: number, seconds: number) => Optimum;

/** CPU and memory are given to the solver in thousands, so that its tolerances fit. */
const SCALE = 1000;

export async function loadSolver(): Promise<Solver> {
  const highs = await loadHighs();
  const { modelStatus, variableType } = highs.constants;
  return (fleet, below, seconds) => {
    const reduced = reduce(fleet, below);
    const pairs = reduced.pairs.length;
    const nothing: Optimum = { status: 'nothing-cheaper', bound: below, cost: undefined, pairs };
    if (pairs === 0) return nothing;
    const programme = new Programme(fleet, reduced);
    const { unit, costs } = programme;
    const most = Math.ceil(below / unit) - 1;
    const rows = [...programme.rows(), { terms: costs.entries(), most }];
    return highs.withModel((model): Optimum => {
      const exactly = { mip_rel_gap: 0, mip_abs_gap: 0.5, output_flag: false };
      model.options.set({ ...exactly, time_limit: seconds });
      const axes = { numRows: rows.length, numCols: pairs };
      model.passModel({
        ...axes,
        colCost: costs,
        colLower: costs.map(() => 0),
        colUpper: costs.map(() => 1),
        integrality: costs.map(() => variableType.integer),
        rowLower: rows.map(({ least }) => least ?? -highs.infinity),
        rowUpper: rows.map(({ most }) => most ?? highs.infinity),
        matrix: { format: 'csr', ...axes, ...packed(rows) },
      });
      const ended = model.run().modelStatus;
      if (ended === modelStatus.infeasible) return nothing;
      const value = unit * Math.round(Number(model.info.get('objective_function_value')));
      const cost = value > 0 && value < below ? value : undefined;
      if (ended === modelStatus.optimal && cost !== undefined) {
        return { status: 'found', bound: cost, cost, pairs };
      }
      const dual = unit * Math.ceil(Number(model.info.get('mip_dual_bound')) - 1e-6);
      const bound = Number.isFinite(dual) ? Math.max(dual, reduced.bound) : reduced.bound;
      return { status: 'unsettled', bound, cost, pairs };
    });
  };
}

type Term = readonly [column: number, factor: number];

interface Row {
  readonly terms: Iterable<Term>;
  readonly least?: number;
  readonly most?: number;
}

class Programme {
  /** What one unit of cost stands for, and the cost of each pair in units. */
  readonly unit: number;
  readonly costs: readonly number[];
  readonly #fleet: ExactFleet;
  readonly #reduced: Reduced;
  /** Columns by VM, by target and by home. */
  readonly #ofVm: ReadonlyMap<number, readonly number[]>;
  readonly #into: ReadonlyMap<number, readonly number[]>;
  readonly #from: ReadonlyMap<number, readonly number[]>;

  constructor(fleet: ExactFleet, reduced: Reduced) {
    const { pairs } = reduced;
    const columns = [...pairs.keys()];
    this.#fleet = fleet;
    this.#reduced = reduced;
    this.unit = fleet.vms.reduce((size, { cost }) => commonDivisor(cost, size), 0);
    this.costs = pairs.map((pair) => this.#of(pair, 'cost') / this.unit);
    this.#ofVm = Map.groupBy(columns, (x) => pairs[x]?.vm ?? -1);
    this.#into = Map.groupBy(columns, (x) => pairs[x]?.host ?? -1);
    this.#from = Map.groupBy(columns, (x) => fleet.vms[pairs[x]?.vm ?? -1]?.home ?? -1);
  }

  rows(): Row[] {
    const { hosts, groups } = this.#fleet;
    return [
      ...[...this.#ofVm.values()].map((own) => ({ terms: own.map((x): Term => [x, 1]), most: 1 })),
      ...hosts.flatMap((_host, h) => [this.#limit(h, 'cpu'), this.#limit(h, 'memory')]),
      ...hosts.flatMap((_host, h) => this.#costsOf(h)),
      ...groups.flatMap((group) => hosts.flatMap((_host, h) => this.#apart(group, h))),
    ];
  }

  #of({ vm }: Pair, what: 'cpu' | 'memory' | 'cost'): number {
    return this.#fleet.vms[vm]?.[what] ?? 0;
  }

  #terms(columns: readonly number[] | undefined, factorOf: (pair: Pair) => number): Term[] {
    return (columns ?? []).flatMap((x): Term[] => {
      const pair = this.#reduced.pairs[x];
      return pair === undefined ? [] : [[x, factorOf(pair)]];
    });
  }

  #limit(h: number, what: 'cpu' | 'memory'): Row {
    const { vms, hosts } = this.#fleet;
    const held = vms.reduce((sum, vm) => (vm.home === h ? sum + vm[what] : sum), 0);
    const coming = this.#terms(this.#into.get(h), (pair) => this.#of(pair, what) / SCALE);
    const leaving = this.#terms(this.#from.get(h), (pair) => -this.#of(pair, what) / SCALE);
    return { terms: [...coming, ...leaving], most: ((hosts[h]?.[what] ?? 0) - held) / SCALE };
  }

  /** What leaves costs the bound of the host at least, and more for each who comes at a price. */
  #costsOf(h: number): Row[] {
    const least = (this.#reduced.least[h] ?? 0) / this.unit;
    const paid = this.#terms(this.#from.get(h), (pair) => this.#of(pair, 'cost') / this.unit);
    const extras = this.#terms(this.#into.get(h), ({ extra }) => -extra / this.unit);
    return [
      ...(least > 0 ? [{ terms: paid, least }] : []),
      ...extras.filter(([, extra]) => extra < 0).map((one) => ({ terms: [...paid, one], least })),
    ];
  }

  #apart(group: readonly number[], h: number): Row[] {
    const here = group.filter((v) => this.#fleet.vms[v]?.home === h);
    const into = this.#into.get(h)?.filter((x) => group.includes(this.#reduced.pairs[x]?.vm ?? -1));
    const leaving = here.flatMap((v) => this.#terms(this.#ofVm.get(v), () => -1));
    const terms = [...this.#terms(into, () => 1), ...leaving];
    return terms.length === 0 ? [] : [{ terms, most: 1 - here.length }];
  }
}

function packed(rows: readonly Row[]): { starts: number[]; indices: number[]; values: number[] } {
  const [starts, indices, values]: [number[], number[], number[]] = [[0], [], []];
  for (const { terms } of rows) {
    for (const [column, factor] of terms) {
      indices.push(column);
      values.push(factor);
    }
    starts.push(indices.length);
  }
  return { starts, indices, values };
}
