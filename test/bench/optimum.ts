// Role: `bench optimum`: of fleets of the neutral benchmark whose plan is further above the lower
// bound than some share, what any final placement costs at least, by an exact solver: whether the
// plan or the fleet is to blame. Costs are the judge's `disruption`.
import { parseArgs } from 'node:util';

import { defaultPolicies } from '../../src/config/policies.ts';
import { plan } from '../../src/plan/plan.ts';
import type { Figures } from './figures.ts';
import type { ExactFleet } from './optimum-bound.ts';
import { type Optimum, type Solver, loadSolver } from './optimum-solver.ts';
import { type Case, casesOf, judgeIn } from './table.ts';
import { type VmbalSnapshot, findingsFor, inStages, parseVmbal, toSnapshot } from './vmbal.ts';

/** MiB that a move costs beside its memory, and the load that is too much: the judge's. */
const PER_MOVE_MIB = 2048;
const OVER = 0.8;
const THOUSANDTHS = 1000;
/** What is cheaper is looked for within this share of the bound, then within twice as much. */
const FIRST_REACH = 0.05;
/** Where the plan leaves something open: how far above the bound a placement is looked for. */
const OPEN_REACH = 8;

/** Throws TypeError on arguments that make no sense. */
export async function benchOptimum(args: readonly string[]): Promise<Iterable<Figures>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      bench: { type: 'string' },
      sizes: { type: 'string', default: '32/600,32/832,100/2000,100/2600' },
      tight: { type: 'string', default: '2' },
      vendors: { type: 'string', default: 'intel,mixed' },
      seeds: { type: 'string', default: '1' },
      above: { type: 'string', default: '1.05' },
      seconds: { type: 'string', default: '60' },
    },
  });
  if (values.bench === undefined) throw new TypeError('--bench DIR is missing');
  const [above, seconds] = [Number(values.above), Number(values.seconds)];
  if (!(above >= 0)) throw new TypeError(`--above: not a number: ${values.above}`);
  if (!(seconds > 0)) throw new TypeError(`--seconds: not a number above 0: ${values.seconds}`);
  const judge = await judgeIn(values.bench);
  const solve = await loadSolver();
  return (function* each(): Iterable<Figures> {
    for (const one of casesOf(values)) {
      const snapshot = judge.generate({ ...one });
      const fleet = parseVmbal(JSON.stringify(snapshot));
      const verdict = judge.evaluate(snapshot, planned(fleet));
      const isOpen = verdict.after.cpuOver + verdict.after.aaViol > 0;
      const { disruption, minDisruption } = verdict;
      if (!isOpen && disruption <= above * minDisruption) continue;
      const most = isOpen ? OPEN_REACH * minDisruption : disruption;
      const started = performance.now();
      const optimum = cheapest(solve, exactOf(fleet), { least: minDisruption, most, seconds });
      yield {
        ...rowOf(one, { isOpen, disruption, minDisruption }, optimum),
        seconds: Math.round((performance.now() - started) / 1000),
      };
    }
  })();
}

function planned(fleet: VmbalSnapshot): unknown {
  const { limits, migration, weights } = defaultPolicies();
  const snapshot = toSnapshot(fleet);
  const findings = findingsFor(snapshot, 'relieve', limits.safetyCapacity.cpu);
  return inStages(plan({ snapshot, findings, limits, migration, weights, seed: 1 }).plan);
}

/** Throws TypeError where CPU has more digits than thousandths of a core. */
function exactOf({ hosts, vms, antiAffinity }: VmbalSnapshot): ExactFleet {
  const whole = (cores: number): number => {
    const value = Math.round(cores * THOUSANDTHS);
    if (Math.abs(value - cores * THOUSANDTHS) > 1e-6) throw new TypeError(`CPU of ${cores} cores`);
    return value;
  };
  const places = new Map(hosts.map(({ id }, h) => [id, h]));
  const indexes = new Map(vms.map(({ id }, v) => [id, v]));
  return {
    hosts: hosts.map((host) => ({
      cores: host.cpuCores,
      cpu: Math.floor(OVER * host.cpuCores * THOUSANDTHS + 1e-6),
      memory: host.memMiB - host.memReservedMiB,
      vendor: host.cpuVendor,
    })),
    vms: vms.map((vm) => ({
      home: places.get(vm.host) ?? -1,
      vcpus: vm.vcpus,
      cpu: whole(vm.cpuUsedCores),
      memory: vm.memMiB,
      cost: vm.memMiB + PER_MOVE_MIB,
    })),
    groups: antiAffinity.map((group) => group.vms.flatMap((id) => indexes.get(id) ?? [])),
  };
}

/** Cheaper than `most`; what is near the bound is looked for first, since there is less of it. */
function cheapest(
  solve: Solver,
  fleet: ExactFleet,
  {
    least,
    most,
    seconds,
  }: { readonly least: number; readonly most: number; readonly seconds: number },
): Optimum {
  const until = performance.now() + 1000 * seconds;
  let settled: Optimum | undefined;
  for (let reach = FIRST_REACH; ; reach *= 2) {
    const below = Math.min(most, least * (1 + reach));
    const left = Math.max(1, (until - performance.now()) / 1000);
    const next = solve(fleet, below, left);
    if (next.status === 'unsettled' && settled !== undefined) {
      return { ...next, bound: Math.max(next.bound, settled.bound) };
    }
    if (next.status !== 'nothing-cheaper' || below >= most) return next;
    settled = next;
  }
}

interface Reached {
  readonly isOpen: boolean;
  readonly disruption: number;
  readonly minDisruption: number;
}

function rowOf(
  one: Case,
  { isOpen, disruption, minDisruption }: Reached,
  optimum: Optimum,
): Figures {
  const ratio = (cost: number): number => Number((cost / minDisruption).toFixed(4));
  const { status, bound, cost, pairs } = optimum;
  const isBest = status === 'nothing-cheaper' && !isOpen;
  const at = isBest ? disruption : cost;
  return {
    fleet: `${one.hosts}/${one.vms}`,
    tight: one.tight,
    vendors: one.vendors,
    seed: one.seed,
    plan: isOpen ? 'open' : ratio(disruption),
    optimum: status === 'unsettled' || at === undefined ? 'unknown' : ratio(at),
    atLeast: ratio(bound),
    ...(status === 'unsettled' && cost !== undefined && { placement: ratio(cost) }),
    pairs,
  };
}
