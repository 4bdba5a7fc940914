/**
 * A day in which everything happens that Drover is for: hosts that get hot, overheat, fail, lose
 * their power, and go to maintenance and come back. The same story is told every four hours, with
 * other hosts, so that whenever somebody looks there is something to see.
 */

import type { HostId } from '../domain/ids.ts';
import { seededRng } from '../domain/rng.ts';
import type { FleetSpec } from './fleet-spec.ts';
import type { Fault } from './fault.ts';
import type { Scenario, ScenarioOrder, ScenarioStep } from './scenario.ts';

const MINUTE = 60;
const CYCLE_SECONDS = 240 * MINUTE;
const CYCLES = 6;
/** Hosts that one cycle makes use of. */
const CAST = 7;

/** Needs at least one host; with few of them the same host has to suffer several times. */
export function demoScenario(fleet: FleetSpec, seed: number): Scenario {
  const hosts = shuffled(
    fleet.hosts.map(({ id }) => id),
    seed,
  );
  const steps: ScenarioStep[] = [];
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const cast = Array.from(
      { length: CAST },
      (_, index) => hosts[(cycle * CAST + index) % hosts.length],
    ).filter((host) => host !== undefined);
    steps.push(...story(cast, cycle * CYCLE_SECONDS, fleet));
  }
  return { name: 'demo', steps };
}

function story(cast: readonly HostId[], from: number, fleet: FleetSpec): ScenarioStep[] {
  const [busy, hot, serviced, faulty, slow, dead, blind] = cast;
  const steps: ScenarioStep[] = [];
  const fault = (minute: number, happens: Fault): void => {
    steps.push({ at: from + minute * MINUTE, kind: 'fault', fault: happens });
  };
  const order = (minute: number, kind: ScenarioOrder['kind'], host: HostId): void => {
    steps.push({ at: from + minute * MINUTE, kind: 'order', order: { kind, host } });
  };
  if (busy !== undefined) {
    fault(2, { kind: 'surge', host: busy, factor: 2.5, forSeconds: 50 * MINUTE });
  }
  if (hot !== undefined) {
    const heat = { celsius: 52, rampSeconds: 8 * MINUTE, forSeconds: 70 * MINUTE };
    fault(12, { kind: 'overheat', host: hot, ...heat });
  }
  if (serviced !== undefined) {
    order(30, 'maintenance-enter', serviced);
    order(90, 'maintenance-exit', serviced);
  }
  if (faulty !== undefined) {
    const memory = { kind: 'health', host: faulty, component: 'memory' } as const;
    const few = { level: 'warning', detail: '212 corrected memory errors in 1 h on mc0' } as const;
    const bad = { level: 'critical', detail: '3 uncorrected memory errors on mc0' } as const;
    fault(60, { ...memory, ...few, forSeconds: 10 * MINUTE });
    fault(70, { ...memory, ...bad, forSeconds: 110 * MINUTE });
  }
  if (slow !== undefined) {
    fault(68, { kind: 'link', host: slow, factor: 0.2, forSeconds: 30 * MINUTE });
  }
  const [wanderer] = fleet.vms;
  if (wanderer !== undefined && slow !== undefined) {
    fault(110, { kind: 'drift', vm: wanderer.facts.id, to: slow });
  }
  if (dead !== undefined) {
    fault(130, { kind: 'host-crash', host: dead, forSeconds: 25 * MINUTE });
  }
  if (blind !== undefined) {
    fault(170, { kind: 'samples', host: blind, corruption: 'nan', forSeconds: 12 * MINUTE });
    fault(195, { kind: 'control-cut', host: blind, forSeconds: 4 * MINUTE });
  }
  return steps;
}

/** Fisher and Yates' shuffle. */
function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const rng = seededRng(seed);
  const mixed = [...items];
  for (let index = mixed.length - 1; index > 0; index -= 1) {
    const other = Math.floor(rng.next() * (index + 1));
    const [a, b] = [mixed[index], mixed[other]];
    if (a !== undefined && b !== undefined) [mixed[index], mixed[other]] = [b, a];
  }
  return mixed;
}
