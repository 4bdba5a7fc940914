// Role: draws a script from a seed: a small fleet that can be emptied host by host, hard rules that
// hold at first, and half an hour of trouble. The same seed draws the same script.
import { clusterId, type HostId, type VmId } from '../../src/domain/ids.ts';
import { type Rng, seededRng } from '../../src/domain/rng.ts';
import { bytes, bytesPerSecond, GIB } from '../../src/domain/units.ts';
import { CRITICALITIES } from '../../src/domain/vm.ts';
import type { HostFacts } from '../../src/ports/hypervisor.ts';
import { CPU_GENERATIONS } from '../../src/simulate/cpu-catalogue.ts';
import type { Fault, FaultKind } from '../../src/simulate/fault.ts';
import type { FleetSpec, SimulatedVmSpec } from '../../src/simulate/fleet-spec.ts';
import { LOAD_PROFILES } from '../../src/simulate/load-curve.ts';
import { randomFaults } from '../../src/simulate/random-faults.ts';
import { simHost, simVm } from '../support/datacenter.ts';
import { withOwn } from './draw-own.ts';
import { pick, times } from './draw-parts.ts';
import { withPeople } from './draw-people.ts';
import { withWays } from './draw-ways.ts';
import type { Rules, Script, Step } from './script.ts';

const GENERATIONS = CPU_GENERATIONS.intel;
/** Of the memory of all hosts but one that the guests have at most: mostly any can be emptied. */
const FILLS = [0.5, 0.75];
/** Calls whose loss is worth more than that of a poll. */
const CALLS = ['startMove', 'startMove', 'job', 'locate', 'precheck', 'commit', 'abort'] as const;
const MINUTE = 60;
/** Faults of the datacenter in an hour. */
const FAULTS_PER_HOUR = 24;
/** That a post-copy breaks is drawn beside the policies that know of it (draw-ways.ts). */
const KINDS: readonly FaultKind[] = [
  ...([
    'overheat',
    'health',
    'surge',
    'host-crash',
    'link',
    'control-cut',
    'call',
    'call',
  ] as const),
  ...(['call', 'migration', 'migration', 'drift', 'samples', 'source-clock'] as const),
  ...(['dirty-rate', 'lock', 'control-cut'] as const),
];

export function drawScript(seed: number): Script {
  return withPeople(drawWithoutPeople(seed));
}

/** What the seed drew before people approved plans, handed them in, or were at work on hosts. */
export function drawWithoutPeople(seed: number): Script {
  return withWays(drawWithoutWays(seed));
}

/** What the seed drew before some policies knew other ways to move a VM. */
export function drawWithoutWays(seed: number): Script {
  return withOwn(drawWithoutOwn(seed));
}

/** What the seed drew before some scripts had VMs that Drover stands on. */
export function drawWithoutOwn(seed: number): Script {
  const rng = seededRng(seed);
  const hosts = drawHosts(rng);
  const vms = drawVms(rng, hosts);
  const fleet: FleetSpec = { seed, hosts, vms, groups: [] };
  const calmAt = MINUTE * (15 + Math.floor(20 * rng.next()));
  const own = drawSteps(rng, fleet, calmAt);
  const faults = randomFaults({
    fleet,
    seed: Math.floor(rng.next() * 2 ** 31),
    forSeconds: calmAt,
    perHour: FAULTS_PER_HOUR * (0.3 + rng.next()),
    kinds: KINDS,
  }).flatMap((step): Step[] => {
    if (step.kind !== 'fault' || !isFair(step.fault)) return [];
    return [{ ...step, fault: aimed(rng, step.fault) }];
  });
  const steps = [...own, ...faults].toSorted((a, b) => a.at - b.at);
  const rules = drawRules(rng, fleet);
  const last = pick(rng, hosts).id;
  const alone = { seed, fleet, controllers: 1, rules, steps, calmAt, last };
  // Drawn last: what a seed drew before there were these, it draws still.
  return dying(rng, shared(rng, alone));
}

/** How often several controllers share the ledger. */
const SHARED = 0.4;

function shared(rng: Rng, script: Script): Script {
  if (rng.next() >= SHARED) return script;
  const controllers = pick(rng, [2, 2, 3]);
  const any = (): number => Math.floor(controllers * rng.next());
  const steps = script.steps.map((step) =>
    step.kind === 'crash' ? { ...step, controller: any() } : step,
  );
  const { calmAt } = script;
  const more: Step[] = [
    ...times(rng, 3, calmAt, (at) => ({
      at,
      kind: 'freeze',
      controller: any(),
      calls: Math.floor(40 * rng.next() ** 2),
      // Shorter than a lease, shorter than a take-over takes, and longer.
      forSeconds: Math.floor(240 * rng.next()),
    })),
    ...times(rng, 2, calmAt, (at) => {
      return {
        at,
        kind: 'ledger-cut',
        controller: any(),
        forSeconds: Math.floor(240 * rng.next()),
      };
    }),
  ];
  const fleet = rng.next() < 0.5 ? script.fleet : inClusters(script.fleet);
  const inOrder = [...steps, ...more].toSorted((a, b) => a.at - b.at);
  return { ...script, controllers, fleet, steps: inOrder };
}

/** How often hosts that die are fenced, and their VMs started elsewhere. */
const FENCED = 0.4;

function dying(rng: Rng, script: Script): Script {
  if (rng.next() >= FENCED) return script;
  const { calmAt } = script;
  const deaths = times(rng, 3, calmAt, (at) => {
    const { id: host } = pick(rng, script.fleet.hosts);
    const hangs = rng.next() < 0.5;
    const fault = { kind: 'host-crash', host, hangs, forSeconds: 60 + 1200 * rng.next() } as const;
    const forSeconds = 600 * rng.next();
    const device = { kind: 'power-device', host, forSeconds } as const;
    const death: Step = { at, kind: 'fault', fault };
    return rng.next() < 0.3 ? [death, { at, kind: 'fault', fault: device }] : death;
  });
  return {
    ...script,
    // Else a host that is given its power back starts second copies before anybody can clean up:
    // that is why restart without locks has to be asked for.
    fleet: { ...script.fleet, storageLocks: true },
    rules: { ...script.rules, restart: true },
    steps: [...script.steps, ...deaths].toSorted((a, b) => a.at - b.at),
  };
}

/** So that each controller has some of it. */
function inClusters(fleet: FleetSpec): FleetSpec {
  const hosts = fleet.hosts.map((host, index) => {
    return { ...host, cluster: clusterId(index < fleet.hosts.length / 2 ? 'east' : 'west') };
  });
  return { ...fleet, hosts };
}

function isFair(fault: Fault): boolean {
  return fault.kind !== 'migration' || fault.stage !== 'post-copy';
}

/** A fault of any call hits a poll, mostly: some are to hit what counts. */
function aimed(rng: Rng, fault: Fault): Fault {
  if (fault.kind !== 'call' || rng.next() < 0.4) return fault;
  return { ...fault, call: pick(rng, CALLS), times: 1 };
}

function drawHosts(rng: Rng): HostFacts[] {
  const count = 3 + Math.floor(3 * rng.next());
  const isMixed = rng.next() < 0.5;
  const gigabits = pick(rng, [1, 1, 10]);
  return Array.from({ length: count }, (_, index) => {
    const generation = isMixed ? pick(rng, GENERATIONS.slice(0, 2)) : GENERATIONS[0];
    return simHost(`h${index + 1}`, generation ?? GENERATIONS[0], {
      migrationBandwidth: bytesPerSecond((gigabits * 1e9) / 8),
    });
  });
}

function drawVms(rng: Rng, hosts: readonly HostFacts[]): SimulatedVmSpec[] {
  const room = pick(rng, FILLS) * (hosts.length - 1) * 62 * GIB;
  // One host fewer than there are can still hold them all.
  const apart = Math.min(2 + Math.floor(2 * rng.next()), hosts.length - 1);
  const count = 6 + Math.floor(10 * rng.next());
  const vms: SimulatedVmSpec[] = [];
  const used = new Map<HostId, number>();
  let all = 0;
  for (let index = 0; index < count; index += 1) {
    const size = pick(rng, [2, 4, 4, 8, 16]) * GIB;
    // Replicas begin on hosts of their own, the others wherever there is room.
    const host = index < apart ? hosts[index] : pick(rng, hosts);
    if (host === undefined || all + size > room) continue;
    if ((used.get(host.id) ?? 0) + size > 50 * GIB) continue;
    all += size;
    used.set(host.id, (used.get(host.id) ?? 0) + size);
    const name =
      index < apart ? `db-${index + 1}` : `${index === apart ? 'lic' : 'vm'}-${index + 1}`;
    const alike = hosts.filter(({ cpu }) => cpu.model === host.cpu.model).length;
    const isNew = rng.next() < 0.5 && alike >= 2;
    vms.push(drawVm(rng, name, host, { size, isNew }));
  }
  return vms;
}

interface Size {
  readonly size: number;
  /** Sees the CPU of its host instead of what all hosts share. */
  readonly isNew: boolean;
}

// oxlint-disable-next-line max-params -- who, where, how large
function drawVm(rng: Rng, name: string, host: HostFacts, { size, isNew }: Size): SimulatedVmSpec {
  const newest = GENERATIONS.find(({ model }) => model === host.cpu.model) ?? GENERATIONS[0];
  const generation = isNew ? newest : GENERATIONS[0];
  const criticality = pick(rng, CRITICALITIES);
  const profile = pick(rng, Object.values(LOAD_PROFILES));
  return simVm(name, host.id, generation, {
    load: profile,
    facts: {
      vcpus: pick(rng, [2, 4, 8]),
      memoryBytes: bytes(size),
      labels: criticality === 'standard' ? {} : { criticality },
    },
  });
}

function drawRules(rng: Rng, { hosts, vms }: FleetSpec): Rules {
  const named = (prefix: string): VmId[] =>
    vms.flatMap(({ facts }) => (facts.name.startsWith(prefix) ? [facts.id] : []));
  const pinned = named('lic-');
  const home = vms.find(({ facts }) => pinned.includes(facts.id))?.facts.host;
  // Wherever it may go, there are two: one of them can be emptied.
  const others = hosts.map(({ id }) => id).filter((id) => id !== home);
  const pinnedTo = home === undefined ? [] : [home, pick(rng, others)];
  return {
    total: pick(rng, [2, 3, 8]),
    perHostIn: pick(rng, [1, 2]),
    perHostOut: pick(rng, [1, 2, 3]),
    cooldownSeconds: MINUTE * pick(rng, [5, 15]),
    apart: named('db-'),
    pinned,
    pinnedTo,
    restart: false,
    own: [],
    ownWithoutStandby: 'leave',
  };
}

function drawSteps(rng: Rng, { hosts, vms }: FleetSpec, until: number): Step[] {
  const steps: Step[] = [];
  const some = (most: number, step: (at: number) => Step | readonly Step[]): void => {
    steps.push(...times(rng, most, until, step));
  };
  const host = (): HostId => pick(rng, hosts).id;
  const later = (at: number): number => Math.min(until, at + 600 * rng.next());
  some(4, (at) => ({
    at,
    kind: 'crash',
    controller: 0,
    calls: Math.floor(80 * rng.next() ** 2),
    when: pick(rng, ['before', 'after'] as const),
    downSeconds: Math.floor(200 * rng.next() ** 2),
  }));
  some(2, (at) => ({
    at,
    kind: 'disk',
    effect: pick(rng, ['full', 'reply-lost'] as const),
    times: 1 + Math.floor(5 * rng.next()),
  }));
  some(1, (at) => ({ at, kind: 'clock-jump', delta: Math.round(600 * (rng.next() - 0.5)) }));
  some(3, (at) => {
    const fault = {
      kind: 'surge',
      host: host(),
      factor: 2 + 3 * rng.next(),
      forSeconds: 900,
    } as const;
    return { at, kind: 'fault', fault };
  });
  const replicas = vms.filter(({ facts }) => facts.name.startsWith('db-'));
  some(4, (at) => {
    const fault = { kind: 'drift', vm: anyVm(rng, replicas), to: host() } as const;
    return { at, kind: 'fault', fault };
  });
  some(3, (at) => {
    const ordered = host();
    const kind = pick(rng, ['maintenance', 'evacuate'] as const);
    const order: Step = { at, kind, host: ordered };
    return rng.next() < 0.6 ? [order, { at: later(at), kind: 'return', host: ordered }] : [order];
  });
  some(2, (at) => ({ at, kind: 'cancel', name: rng.next() < 0.5 ? host() : anyVm(rng, vms) }));
  some(1, (at) => [
    { at, kind: 'pause' },
    { at: later(at), kind: 'resume' },
  ]);
  some(1, (at) => {
    const struck = host();
    return [
      { at, kind: 'alert', host: struck, status: 'firing' },
      { at: later(at), kind: 'alert', host: struck, status: 'resolved' },
    ];
  });
  some(1, (at) => [
    { at, kind: 'mode', mode: 'observe' },
    { at: later(at), kind: 'mode', mode: 'automatic' },
  ]);
  return steps;
}

function anyVm(rng: Rng, vms: readonly SimulatedVmSpec[]): VmId {
  return pick(rng, vms).facts.id;
}
