// Role: the works of `bench report`: with which command each is measured, what is read of its
// figures, the goal that was set (issue "The planner", its table), and what others need for it,
// with the source. Folders and the fleet of 1,000 hosts are given by name in the commands shown.
import type { Figures } from './figures.ts';

/** What a work comes to, in words and figures. */
export interface Reading {
  readonly figure: string;
  readonly isMet: boolean;
}

export interface Work {
  readonly name: string;
  readonly what: string;
  /** Options of `bench`; BENCH, DATA and FLEET stand for what is given. */
  readonly command: string;
  readonly goal: string;
  readonly peers: string;
  readonly read: (rows: readonly Figures[]) => Reading;
}

const SIZES = ['32/600', '100/2000', '320/6400', '1000/20000'];
/** Seconds for a plan of a fleet with room, by its hosts. */
const PLAN_SECONDS: Readonly<Record<string, number>> = {
  32: 0.01,
  100: 0.025,
  320: 0.08,
  1000: 0.25,
};
const FULL_SIZES = [...SIZES, '32/832', '100/2600', '320/8320', '1000/26000'].join();

/** CP-SAT, Watcher, Xen Orchestra, hbal: PEERS-MEASURED.md beside the fleets' generator. */
const PEERS_RELIEF =
  '32/600: ProxLB cpu/used leaves 3 hosts hot, 2 steps beyond memory; Xen Orchestra 1 hot; ' +
  'Watcher none, 11 steps beyond memory; hbal -U 5 hot';
const PEERS_LEVEL =
  '32/600: CP-SAT 1.6 points, 600 GiB, 60 s; Watcher 9.9; Xen Orchestra 15.2; hbal -U 17.3';

export const WORKS: readonly Work[] = [
  {
    name: 'plan-time',
    what: 'plan and check, first call of a fresh process, quickest of five',
    command: `fleet-table --bench BENCH --tight 0 --vendors intel --runs 5`,
    goal: '0.010 · 0.025 · 0.080 · 0.250 s',
    peers:
      '32/600: CP-SAT 60 s, hbal -U 107 s, Watcher 0.18 s, ProxLB 0.10 s, Xen Orchestra 0.06 s',
    read: (rows) => ({
      figure: `${fleets(rows)
        .map((row) => number(row, 'planSeconds').toFixed(3))
        .join(' · ')} s`,
      isMet: holdsForAll(fleets(rows), (row) => isQuick(row, 1)),
    }),
  },
  {
    name: 'large-fleet',
    what: '10,000 hosts, 200,000 VMs: plan and check; peak RSS',
    command: 'fleet-table --bench BENCH --sizes 10000/200000 --tight 0 --vendors intel',
    goal: '3 s, 2 GB',
    peers: 'none was measured at this size',
    read: (rows) => {
      const [row = {}] = fleets(rows);
      const [seconds, rss] = [number(row, 'planSeconds'), number(row, 'peakRssMiB')];
      return {
        figure: `${seconds.toFixed(2)} s, ${rss} MiB`,
        isMet: seconds < 3 && rss * 2 ** 20 < 2e9,
      };
    },
  },
  {
    name: 'relief',
    what: 'relief with room (tight 0 and 1): cost over its lower bound',
    command: 'fleet-table --bench BENCH --tight 0,1 --seeds 1,2,3,4',
    goal: 'at most 1.02; none hot, none together, no violation',
    peers: PEERS_RELIEF,
    read: (rows) => reliefOf(rows, { ratio: 1.02, times: Number.POSITIVE_INFINITY }),
  },
  fullRelief('relief-full', 'with hardly any room (tight 2, 20 and 26 VMs a host)', {
    tight: 2,
    ratio: 1.05,
    times: 4,
  }),
  fullRelief('relief-fullest', 'at 79 % mean CPU (tight 3, 20 and 26 VMs a host)', {
    tight: 3,
    ratio: 1.5,
    times: 10,
  }),
  {
    name: 'level',
    what: 'levelling, CPU spread (sd) in points, with GiB moved and seconds at 32/600',
    command: 'fleet-table --bench BENCH --tight 0 --vendors intel --goal level --runs 3',
    goal: '1.6 · – · 2.5 · 2.5 points; 600 GiB in 0.1 s; memory spread not worse',
    peers: PEERS_LEVEL,
    read: levelOf,
  },
  {
    name: 'level-curve',
    what: 'levelling with as many moves as each other planner needed: smaller spread than it',
    command: 'level-curve --bench BENCH',
    goal: 'in every row',
    peers: 'level-peers.ts',
    read: (rows) => counted(rows, (row) => number(row, 'cpuSd') < number(row, 'peerCpuSd')),
  },
  {
    name: 'anytime',
    what: '1,000 hosts, tight 2, stopped at once: cold process; practised, as a daemon is',
    command: 'anytime --snapshot FLEET',
    goal: '50 ms, valid; never worse with more time',
    peers: 'none has a time limit of that kind but CP-SAT (no plan of 100/2,000 in 200 s)',
    read: anytimeOf,
  },
  roadef('A', 'a1_1 a1_2 a1_3 a1_4 a1_5 a2_1 a2_2 a2_3 a2_4 a2_5', 60, { each: 0.5 }),
  roadef('B', 'b_1 b_2 b_3 b_5', 5, { mean: 1 }),
  roadef('B', 'b_1 b_2 b_3 b_5', 60, { mean: 0.31 }),
  roadef('B', 'b_1 b_2 b_3 b_5', 300, { mean: 0.125 }),
  {
    name: 'btrplace',
    what: 'placement repair, 5,000 servers, up to 30,000 VMs: slowest; moves over their bound',
    command: 'btrplace --data DATA/btrplace-tdsc',
    goal: '0 violations, 30 s',
    peers: '3 minutes; under 30 s with partitions of 2,500 servers (TDSC 2013)',
    read: (rows) => {
      const sum = (name: string): number => total(rows.map((row) => number(row, name)));
      const slowest = most(rows.map((row) => number(row, 'seconds')));
      const violations = sum('violations');
      const moves = `${sum('moves')} of ${sum('bound')}`;
      return {
        figure: `${violations} violations, ${slowest.toFixed(2)} s; ${moves}`,
        isMet: violations === 0 && slowest < 30,
      };
    },
  },
  {
    name: 'mvm',
    what: 'migrations of Grid’5000: error of predicted durations; makespan over the link bound',
    command: 'mvm --data DATA/migration-mvm',
    goal: '6.6 %; 1.12, scale instances in 1 s',
    peers: 'mVM: 20.1 %; 1.23 measured',
    read: mvmOf,
  },
];

interface ReliefGoal {
  /** Of the plan's cost to its lower bound. */
  readonly ratio: number;
  /** Of the seconds that a fleet with room has. */
  readonly times: number;
}

function fullRelief(
  name: string,
  what: string,
  goal: ReliefGoal & { readonly tight: number },
): Work {
  const { tight, ratio, times } = goal;
  const fleet = `--sizes ${FULL_SIZES} --tight ${tight} --seeds 1,2,3,4`;
  return {
    name,
    what: `relief ${what}`,
    command: `fleet-table --bench BENCH ${fleet} --runs 3`,
    goal: `at most ${ratio}; the same; ${times} × the times`,
    peers: 'none was measured there',
    read: (rows) => reliefOf(rows, goal),
  };
}

/** @param bar percent of the initial cost above the best known, of each or on average. */
function roadef(
  set: 'A' | 'B',
  instances: string,
  seconds: number,
  bar: { readonly each: number } | { readonly mean: number },
): Work {
  const chosen = instances.split(' ').map((name) => `--instance ${name}`);
  return {
    name: `roadef-${set.toLowerCase()}-${seconds}`,
    what: `ROADEF/EURO 2012 ${set}, ${seconds} s, two threads: 100 · (cost - best) / initial`,
    command: `roadef --data DATA/roadef2012 --seconds ${seconds} ${chosen.join(' ')}`,
    goal: 'each' in bar ? `each at most ${bar.each}` : `mean at most ${bar.mean}`,
    peers: set === 'A' ? 'the best known: 0' : 'best team of the contest, 300 s: 0.021',
    read: (rows) => {
      const distances = rows.map((row) => number(row, 'distance'));
      const mean = total(distances) / distances.length;
      const isValid = holdsForAll(rows, (row) => row['valid'] === true);
      const list = rows.map((row) => `${row['instance']} ${number(row, 'distance').toFixed(3)}`);
      const isNear = 'each' in bar ? most(distances) <= bar.each : mean <= bar.mean;
      const figure = `${list.join(', ')}; mean ${mean.toFixed(3)}`;
      return { figure: isValid ? figure : `${figure}; not all valid`, isMet: isValid && isNear };
    },
  };
}

/** Without the row of all together. */
function fleets(rows: readonly Figures[]): readonly Figures[] {
  return rows.filter((row) => 'fleet' in row);
}

function isQuick(row: Figures, times: number): boolean {
  const bar = PLAN_SECONDS[String(row['fleet']).split('/')[0] ?? ''] ?? Number.NaN;
  return number(row, 'planSeconds') <= bar * times;
}

function reliefOf(rows: readonly Figures[], bar: ReliefGoal): Reading {
  const all = fleets(rows);
  const ratios = all.map((row) => number(row, 'ratio'));
  const bad = (name: string): number => total(all.map((row) => number(row, name)));
  const isNear = (row: Figures): boolean => number(row, 'ratio') <= bar.ratio;
  const isInTime = (row: Figures): boolean => isQuick(row, bar.times);
  const [over, together, violations] = [bad('over'), bad('together'), bad('violations')];
  const words = [
    `mean ${(total(ratios) / ratios.length).toFixed(4)}, worst ${most(ratios).toFixed(4)}`,
    `${all.filter(isNear).length} of ${all.length} within the goal`,
    ...(Number.isFinite(bar.times) ? [`${all.filter(isInTime).length} within the time`] : []),
    `${over} hot, ${together} together, ${violations} violations`,
  ];
  const isClean = over + together + violations === 0;
  const isMet = isClean && holdsForAll(all, (row) => isNear(row) && isInTime(row));
  return { figure: words.join('; '), isMet };
}

function levelOf(rows: readonly Figures[]): Reading {
  const all = fleets(rows);
  const [small = {}] = all;
  const spread = all.map((row) => number(row, 'cpuSd'));
  const [gib, seconds] = [number(small, 'gib'), number(small, 'planSeconds')];
  const isMemoryKept = all.every((row) => number(row, 'memSd') <= number(row, 'memSdBefore'));
  const isLevel = [1.6, Number.POSITIVE_INFINITY, 2.5, 2.5].every(
    (bar, at) => (spread[at] ?? Number.NaN) <= bar,
  );
  return {
    figure:
      `${spread.join(' · ')} points, memory ${isMemoryKept ? 'not worse' : 'worse'}; ` +
      `${gib} GiB in ${seconds.toFixed(3)} s`,
    isMet: isLevel && isMemoryKept && gib <= 600 && seconds <= 0.1,
  };
}

function anytimeOf(rows: readonly Figures[]): Reading {
  const [cold = {}, ...practised] = rows;
  const atOnce = practised.filter((row) => row['budgetMs'] === 0);
  const [first, then] = [[cold], atOnce].map((some) =>
    most(some.map((row) => number(row, 'answerMs'))),
  );
  const isSound = rows.every((row) => row['violations'] === 0 && row['isWorse'] === false);
  const words = isSound ? 'all valid, none worse' : 'not sound';
  return {
    figure: `cold ${first} ms, practised ${then} ms; ${words}`,
    isMet: isSound && (first ?? Number.NaN) <= 50 && (then ?? Number.NaN) <= 50,
  };
}

function mvmOf(rows: readonly Figures[]): Reading {
  const mape = most(
    rows.flatMap((row) => ('mapePercent' in row ? number(row, 'mapePercent') : [])),
  );
  const schedules = rows.filter((row) => 'overBound' in row);
  const over = schedules.map((row) => number(row, 'overBound'));
  const large = schedules.filter((row) => number(row, 'moves') > 100);
  const slowest = most(large.map((row) => number(row, 'solveSeconds')));
  const near = over.filter((one) => one <= 1.12).length;
  return {
    figure:
      `${mape.toFixed(2)} %; mean ${(total(over) / over.length).toFixed(3)}, worst ` +
      `${most(over).toFixed(3)}, ${near} of ${over.length} within; slowest ${slowest.toFixed(2)} s`,
    isMet: mape < 6.6 && near === over.length && slowest < 1,
  };
}

function counted(rows: readonly Figures[], holds: (row: Figures) => boolean): Reading {
  const figure = `in ${rows.filter(holds).length} of ${rows.length}`;
  return { figure, isMet: holdsForAll(rows, holds) };
}

/** Not where there is none: what was not measured meets no goal. */
function holdsForAll(rows: readonly Figures[], holds: (row: Figures) => boolean): boolean {
  return rows.length > 0 && rows.every(holds);
}

/** NaN, which meets no goal, where it was not measured. */
function number(row: Figures, name: string): number {
  const value = row[name];
  return typeof value === 'number' ? value : Number.NaN;
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function most(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : Math.max(...values);
}
