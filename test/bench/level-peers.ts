// Role: what other planners reached on the neutral benchmark's fleets of seed 1, as published with
// it (PEERS-MEASURED.md there): after how many moves, and GiB, which standard deviation of CPU, in
// points. Plans that level CPU or ask for it; `broken`: steps beyond memory, CPU or a rule.
interface Peer {
  readonly size: string;
  readonly planner: string;
  readonly moves: number;
  readonly gib: number;
  readonly cpuSd: number;
  readonly broken: number;
}

type Row = readonly [planner: string, moves: number, gib: number, cpuSd: number, broken: number];

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  '10/200': [
    ['Watcher stabilization (cpu+ram)', 8, 104, 14.8, 0],
    ['Xen Orchestra performance plan', 11, 114, 11.5, 0],
    ['ProxLB cpu/used, round 1', 14, 92, 9.7, 0],
    ['Watcher stabilization (cpu)', 14, 122, 9.3, 0],
    ['ProxLB CP-SAT, 30 s', 24, 84, 0, 0],
    ['hbal -U', 28, 392, 19.3, 0],
    ['ProxLB cpu/used, 21 rounds', 286, 2352, 2.3, 16],
  ],
  '32/600': [
    ['Watcher workload_balance', 7, 360, 16.4, 0],
    ['Xen Orchestra performance plan', 19, 452, 15.2, 0],
    ['ProxLB cpu/used, round 1', 19, 324, 18.2, 2],
    ['Watcher stabilization (cpu)', 57, 994, 9.9, 11],
    ['ProxLB CP-SAT, 480 s', 85, 568, 1, 0],
    ['ProxLB CP-SAT, 60 s', 88, 600, 1.6, 0],
    ['hbal -U', 117, 1176, 17.3, 3],
  ],
  '100/2000': [
    ['hbal -U, first 2 moves', 2, 40, 25.5, 0],
    ['Watcher workload_balance', 31, 848, 18.2, 0],
    ['Xen Orchestra performance plan', 75, 1278, 14.6, 0],
    ['Watcher stabilization (cpu)', 196, 3068, 9.9, 33],
    ['ProxLB CP-SAT, 200 s', 433, 3828, 16.3, 8],
  ],
  '320/6400': [
    ['ProxLB cpu/used, round 1', 5, 138, 24.5, 0],
    ['Xen Orchestra performance plan', 149, 2630, 17.3, 0],
    ['Watcher stabilization (cpu)', 490, 8196, 10, 78],
  ],
  '1000/20000': [
    ['ProxLB cpu/used, round 1', 29, 380, 25.9, 4],
    ['Xen Orchestra performance plan', 176, 4132, 23, 0],
    ['Watcher stabilization (cpu)', 2018, 28768, 10, 319],
  ],
};

export const PEERS: readonly Peer[] = Object.entries(ROWS).flatMap(([size, rows]) =>
  rows.map(([planner, moves, gib, cpuSd, broken]) => ({
    size,
    planner,
    moves,
    gib,
    cpuSd,
    broken,
  })),
);
