/** Faults drawn from a seed, of every kind: what a long night of simulations lives on. */

import { HEALTH_COMPONENTS } from '../domain/host.ts';
import { assertNever } from '../domain/result.ts';
import { seededRng, type Rng } from '../domain/rng.ts';
import { bytes, GIB } from '../domain/units.ts';
import type { FleetSpec } from './fleet-spec.ts';
import { BREAK_STAGES, CALL_EFFECTS, CORRUPTIONS, type Fault, type FaultKind } from './fault.ts';
import type { ScenarioStep } from './scenario.ts';

export interface RandomFaultOptions {
  readonly fleet: FleetSpec;
  readonly seed: number;
  readonly forSeconds: number;
  /** How many in an hour, on average. */
  readonly perHour: number;
  /** Which kinds, all by default; a kind that is named twice is drawn twice as often. */
  readonly kinds?: readonly FaultKind[];
}

const ALL_KINDS: readonly FaultKind[] = [
  ...(['overheat', 'health', 'surge', 'host-crash', 'link', 'control-cut', 'call'] as const),
  ...(['migration', 'drift', 'samples', 'source-clock', 'dirty-rate', 'lock'] as const),
];

/** In the order of time. The same options give the same faults. */
export function randomFaults(options: RandomFaultOptions): readonly ScenarioStep[] {
  const { fleet, seed, forSeconds, perHour } = options;
  const kinds = options.kinds ?? ALL_KINDS;
  const rng = seededRng(seed);
  const steps: ScenarioStep[] = [];
  if (fleet.vms.length === 0 || kinds.length === 0 || perHour <= 0) return steps;
  // Exponential gaps: a Poisson process, as of independent causes.
  let at = gap(rng, perHour);
  while (at < forSeconds) {
    steps.push({ at, kind: 'fault', fault: drawFault(pick(kinds, rng), fleet, rng) });
    at += gap(rng, perHour);
  }
  return steps;
}

function gap(rng: Rng, perHour: number): number {
  return (-Math.log(1 - rng.next()) * 3600) / perHour;
}

function drawFault(kind: FaultKind, fleet: FleetSpec, rng: Rng): Fault {
  const host = pick(fleet.hosts, rng).id;
  const vm = pick(fleet.vms, rng).facts.id;
  const forSeconds = 20 + 1200 * rng.next() ** 2;
  const dice = rng.next();
  switch (kind) {
    case 'overheat':
      return { kind, host, celsius: 20 + 50 * dice, rampSeconds: 300, forSeconds };
    case 'health': {
      const component = pick(HEALTH_COMPONENTS, rng);
      const level = dice < 0.5 ? 'warning' : 'critical';
      return { kind, host, component, level, detail: `injected ${level}`, forSeconds };
    }
    case 'surge':
      return { kind, host, factor: 1 + 3 * dice, forSeconds };
    case 'host-crash':
      return { kind, host, forSeconds: forSeconds + 120 };
    case 'link':
      return { kind, host, factor: dice < 0.3 ? 0 : dice, forSeconds };
    case 'control-cut':
    case 'power-device':
    case 'refusing':
      return { kind, host, forSeconds };
    case 'queue':
      return { kind, waitSeconds: 300 * dice, forSeconds };
    case 'call': {
      const effect = pick(CALL_EFFECTS, rng);
      return { kind, call: 'any', effect, code: 'timeout', times: 1 + Math.floor(4 * dice) };
    }
    case 'migration':
      return { kind, vm: undefined, stage: pick(BREAK_STAGES, rng) };
    case 'drift':
      return { kind, vm, to: host };
    case 'maintenance-mode':
      return { kind, host, on: dice < 0.5 };
    case 'delete':
      return { kind, vm };
    case 'resize':
      return { kind, vm, memoryBytes: bytes((1 + Math.floor(8 * dice)) * GIB) };
    case 'samples':
      return { kind, host, corruption: pick(CORRUPTIONS, rng), forSeconds };
    case 'source-clock':
      return { kind, delta: 600 * (dice - 0.5), forSeconds };
    case 'dirty-rate':
      return { kind, vm, bytesPerSecond: 2e9 * dice ** 2, forSeconds };
    case 'lock':
      return { kind, vm, forSeconds };
    default:
      return assertNever(kind, 'fault kind');
  }
}

function pick<Item>(items: readonly Item[], rng: Rng): Item {
  const item = items[Math.floor(rng.next() * items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
}
