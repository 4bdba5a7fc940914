/** `drover simulate`: plays a scenario file from beginning to end, and sums up what came of it. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import type { EventMap } from '../../domain/events.ts';
import type { HostId } from '../../domain/ids.ts';
import { OUTCOMES, type Outcome } from '../../domain/journal.ts';
import { epochSeconds } from '../../domain/units.ts';
import type { EventSource } from '../../ports/events.ts';
import { VirtualClock } from '../../simulate/virtual-clock.ts';
import type { ScenarioFile } from './file.ts';
import { type HostEnd, play, type PlayOptions } from './play.ts';
import { Transcript, type TranscriptEntry } from './transcript.ts';
import { type FleetWorld, makeWorld } from './world.ts';

export interface Simulation {
  readonly seconds: number;
  readonly seed: number;
  readonly log: readonly TranscriptEntry[];
  /** For people, with times. */
  readonly lines: readonly string[];
  /** Moves that ended, by how. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly moves: readonly SimulatedMove[];
  readonly hosts: readonly HostEnd[];
  /** VMs that run nowhere in the end. */
  readonly down: readonly string[];
  /** What Drover itself did wrong: a VM that ran twice, a job that failed, a plan with a fault. */
  readonly faults: readonly string[];
}

export interface SimulatedMove {
  readonly vm: string;
  readonly from: HostId;
  readonly to: HostId;
  readonly method: string;
  readonly tier: string;
  readonly outcome: Outcome;
  readonly seconds: number | null;
  readonly downtimeSeconds: number | null;
  readonly reason: string;
}

export interface SimulateOptions {
  readonly seed: number;
  readonly summary: PlayOptions['summary'];
  readonly stop: AbortSignal;
}

/** Rejects with the reason of `stop` when that is aborted before the end. */
export async function simulate(
  scenario: ScenarioFile,
  { seed, summary, stop }: SimulateOptions,
): Promise<Simulation> {
  const startAt = epochSeconds(scenario.startAt);
  const clock = new VirtualClock({ startAt, settle: () => setImmediate() });
  const { fleet, storageLocks } = scenario;
  const world = makeWorld(fleet, { clock, seed, storageLocks });
  const transcript = new Transcript(clock);
  const moves: SimulatedMove[] = [];
  const faults: string[] = [];
  const follow = (bus: EventSource): (() => void) => {
    const offs = [
      bus.on('move-ended', (ended) => moves.push(moveOf(ended))),
      bus.on('plan-rejected', ({ plan }) => faults.push(`the checker found faults in ${plan}`)),
    ];
    return () => offs.forEach((off) => off());
  };
  const folder = await mkdtemp(join(tmpdir(), 'drover-simulate-'));
  try {
    let down: readonly string[] = [];
    const over = (): void => {
      down = downIn(world);
      faults.push(...doubleRunsIn(world));
    };
    const options = { scenario, world, clock, folder, seed, transcript, summary, follow, over };
    const { end, failures } = await play({ ...options, stop });
    faults.push(...failures);
    const { entries: log, lines } = transcript;
    const outcomes = countsOf(moves);
    return {
      seconds: scenario.seconds,
      seed,
      log,
      lines,
      outcomes,
      moves,
      hosts: end,
      down,
      faults,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function moveOf({ move, result }: EventMap['move-ended']): SimulatedMove {
  const { vm, from, to, method, tier, reason } = move;
  const { outcome, seconds = null, downtimeSeconds = null } = result;
  return { vm, from, to, method, tier, outcome, seconds, downtimeSeconds, reason: reason.text };
}

function countsOf(moves: readonly SimulatedMove[]): Readonly<Record<Outcome, number>> {
  const counts = OUTCOMES.map((outcome) => {
    return [outcome, moves.filter((move) => move.outcome === outcome).length] as const;
  });
  return Object.fromEntries(counts) as Record<Outcome, number>;
}

function downIn({ datacenters }: FleetWorld): readonly string[] {
  return [...datacenters.values()].flatMap(({ truth }) => truth.down()).toSorted();
}

function doubleRunsIn({ datacenters }: FleetWorld): readonly string[] {
  return [...datacenters.values()].flatMap(({ truth }) =>
    truth.doubleRuns().map(({ vm, hosts }) => `${vm} ran twice, on ${hosts.join(' and ')}`),
  );
}
