// Role: seeded small fleets on which an exact solver can say what the best plan would be: a few
// hosts, a dozen or two of VMs of usual sizes, some hosts hot, some VMs to be kept apart.
import type { Finding } from '../../src/domain/finding.ts';
import type { PlacementRule } from '../../src/domain/placement.ts';
import { type Rng, seededRng } from '../../src/domain/rng.ts';
import { watts } from '../../src/domain/units.ts';
import type { Vm } from '../../src/domain/vm.ts';
import { type PlanRequest } from '../../src/plan/plan.ts';
import {
  aFinding,
  aHost,
  aSnapshot,
  aVm,
  anAntiAffinity,
  someLimits,
  someMigration,
  someWeights,
} from './fleet.ts';

export interface SmallFleet {
  readonly hosts: number;
  readonly vmsPerHost: number;
  /** Mean CPU of the hosts that are not hot, as a share. */
  readonly busy: number;
  readonly goal: 'relieve' | 'level' | 'consolidate';
  readonly seed: number;
}

const THREADS = 32;
const HOST_GIB = 160;
/** vCPUs and GiB, as clouds sell them. */
const SIZES = [
  [2, 4],
  [2, 8],
  [4, 8],
  [4, 16],
  [8, 32],
] as const;
const HOT_SHARE = 0.3;

/** Watts that hosts draw when idle, one in four each. */
const IDLE_WATTS = [90, 130, 180, 260] as const;

/**
 * The request for one small fleet: the hot hosts relieved and groups mended, or all levelled, or
 * (with hosts of unequal power, and none hot) as many emptied as can be.
 */
export function smallFleet(options: SmallFleet): PlanRequest {
  const { hosts, vmsPerHost, seed, goal } = options;
  const rng = seededRng(seed);
  const hot = goal === 'consolidate' ? 0 : Math.max(1, Math.round(HOT_SHARE * hosts));
  const vms = Array.from({ length: hosts }, (_none, h) => {
    const share = h < hot ? 0.85 + 0.1 * rng.next() : options.busy * (0.7 + 0.6 * rng.next());
    return guestsOf(h, vmsPerHost, Math.min(0.97, h < hot ? share : Math.min(0.79, share)), rng);
  }).flat();
  const machines = Array.from({ length: hosts }, (_none, h) =>
    aHost({
      id: `h${h}`,
      threads: THREADS,
      memoryGib: HOST_GIB,
      ...(goal === 'consolidate' && {
        power: { idle: watts(IDLE_WATTS[h % IDLE_WATTS.length] ?? 90), peak: watts(500) },
      }),
    }),
  );
  const placement = Array.from({ length: Math.floor(hosts / 2) }, (_none, group) =>
    groupOf(group, vms, rng),
  );
  const snapshot = aSnapshot({ hosts: machines, vms, placement });
  const limits = someLimits();
  const settings = { limits, migration: someMigration(), weights: someWeights() };
  const findings = goal === 'relieve' ? relief(hot, placement) : [aFinding(goal)];
  return { snapshot, findings, ...settings, seed };
}

function guestsOf(h: number, count: number, share: number, rng: Rng): Vm[] {
  const drawn = Array.from({ length: count }, () => {
    const [vcpus, memoryGib] = SIZES[Math.floor(rng.next() * SIZES.length)] ?? SIZES[0];
    return { vcpus, memoryGib, weight: vcpus * (0.2 + rng.next()) };
  });
  const total = drawn.reduce((sum, { weight }) => sum + weight, 0);
  return drawn.map(({ vcpus, memoryGib, weight }, i) => {
    const cpuUsed = (share * THREADS * weight) / total;
    const id = `v${h}-${String(i).padStart(2, '0')}`;
    return aVm({
      id,
      host: `h${h}`,
      vcpus: Math.max(vcpus, Math.ceil(cpuUsed)),
      memoryGib,
      cpuUsed,
    });
  });
}

/** Three VMs that are to be kept apart; two of them may stand together. */
function groupOf(group: number, vms: readonly Vm[], rng: Rng): PlacementRule {
  const start = Math.floor(rng.next() * vms.length);
  const step = 1 + Math.floor(rng.next() * (vms.length / 3));
  const members = [0, 1, 2].map((i) => vms[(start + i * step) % vms.length]?.id ?? '');
  return anAntiAffinity(`apart-${group}`, [...new Set(members)]);
}

function relief(hot: number, placement: readonly PlacementRule[]): Finding[] {
  const hosts = Array.from({ length: hot }, (_none, h) => aFinding('relieve', { host: `h${h}` }));
  const rules = placement.map(({ id }) =>
    aFinding('repair', { id: `repair-${id}`, trigger: { kind: 'placement', rule: id } }),
  );
  return [...hosts, ...rules];
}
