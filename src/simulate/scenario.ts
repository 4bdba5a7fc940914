/**
 * A scenario: what happens to a datacenter and what its operators order, by the minute. Faults go
 * into the datacenter's own calendar and need nobody to play them; orders are handed to whoever
 * runs the daemon, at their time.
 */

import type { HostId } from '../domain/ids.ts';
import { assertNever } from '../domain/result.ts';
import { GIB, seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { SimulatedDatacenter } from './datacenter.ts';
import type { Fault } from './fault.ts';

export interface ScenarioOrder {
  readonly kind: 'maintenance-enter' | 'maintenance-exit' | 'evacuate';
  readonly host: HostId;
}

/** `at`: seconds after the scenario was begun. */
export type ScenarioStep =
  | { readonly at: number; readonly kind: 'fault'; readonly fault: Fault }
  | { readonly at: number; readonly kind: 'order'; readonly order: ScenarioOrder };

export interface Scenario {
  readonly name: string;
  readonly steps: readonly ScenarioStep[];
}

export interface Stage {
  readonly datacenter: SimulatedDatacenter;
  readonly clock: Clock;
  /** Gives an order to the daemon. What it does with it, also to refuse it, is its own affair. */
  give(order: ScenarioOrder): Promise<void>;
  /** Told of every step when it happens, for people. */
  tell(text: string): void;
  /** Ends the play; faults that are in the calendar stay there. */
  readonly signal: AbortSignal;
}

/** Plays all steps; resolves after the last one. Steps of the same time keep their order. */
export async function playScenario(scenario: Scenario, stage: Stage): Promise<void> {
  const { clock, datacenter, signal } = stage;
  const begin = clock.monotonic();
  const steps = scenario.steps.toSorted((a, b) => a.at - b.at);
  for (const step of steps) if (step.kind === 'fault') datacenter.inject(step.fault, step.at);
  for (const step of steps) {
    const wait = begin + step.at - clock.monotonic();
    if (wait > 0) await clock.sleep(seconds(wait), signal);
    if (signal.aborted) return;
    if (step.kind === 'fault') stage.tell(describeFault(step.fault));
    else {
      stage.tell(`operator: ${step.order.kind} ${step.order.host}`);
      await stage.give(step.order);
    }
  }
}

/** What happens, in one line, for people. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'overheat':
      return `${fault.host} gets hotter by ${fault.celsius} °C in ${fault.rampSeconds} s`;
    case 'health':
      return `${fault.host}: ${fault.component} ${fault.level}: ${fault.detail}`;
    case 'surge':
      return `the guests on ${fault.host} want ${fault.factor} times as much CPU`;
    case 'host-crash':
      return fault.hangs === true
        ? `${fault.host} hangs with its power on`
        : `${fault.host} loses its power`;
    case 'power-device':
      return `the power device of ${fault.host} does not answer`;
    case 'refusing':
      return `${fault.host} lets no guest in`;
    case 'queue':
      return `the platform begins what it is asked for ${fault.waitSeconds} s later`;
    case 'link':
      return `the migration link of ${fault.host} carries ${Math.round(100 * fault.factor)} %`;
    case 'control-cut':
      return `the hypervisor of ${fault.host} does not answer`;
    case 'call':
      return `the next ${fault.times} calls (${fault.call}): ${fault.effect}`;
    case 'migration':
      return `the next migration of ${fault.vm ?? 'any guest'} breaks: ${fault.stage}`;
    case 'drift':
      return `somebody moves ${fault.vm} to ${fault.to} by hand`;
    case 'maintenance-mode':
      return fault.on
        ? `something else puts ${fault.host} into maintenance mode`
        : `something else takes ${fault.host} out of maintenance mode`;
    case 'delete':
      return `somebody deletes ${fault.vm}`;
    case 'resize':
      return `somebody gives ${fault.vm} ${Math.round(fault.memoryBytes / GIB)} GiB of memory`;
    case 'samples':
      return `the samples of ${fault.host} are ${fault.corruption}`;
    case 'source-clock':
      return `the hypervisors' clock is off by ${fault.delta} s`;
    case 'dirty-rate':
      return `${fault.vm} dirties ${fault.bytesPerSecond} bytes/s`;
    case 'lock':
      return `a backup holds ${fault.vm}`;
    default:
      return assertNever(fault, 'fault');
  }
}
