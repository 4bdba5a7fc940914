/**
 * When each move would start: a list schedule under the concurrency caps. In list order, a move
 * starts as soon as what it depends on has ended and both hosts and the whole have a free slot.
 * Moves that are in flight at the beginning hold their slots until they are forecast to end.
 *
 * A link that several moves use at once is shared equally; the share is taken as it is when the
 * move starts.
 */

import type { MoveMethod } from '../domain/plan.ts';
import type { Limits, MigrationSettings } from '../domain/policy.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Model } from './model.ts';
import { type Forecast, forecast, linkBandwidth } from './predict.ts';

export interface Scheduled {
  readonly vm: number;
  readonly from: number;
  readonly to: number;
  readonly method: MoveMethod;
  readonly dependsOn: readonly number[];
}

export interface Timing extends Forecast {
  readonly startSeconds: number;
}

interface Running {
  readonly from: number;
  readonly to: number;
  readonly end: number;
}

export interface ScheduleSettings {
  readonly model: Model;
  readonly snapshot: Snapshot;
  readonly limits: Limits;
  readonly migration: MigrationSettings;
}

/** One timing per move, in the order of the moves. */
export function schedule(moves: readonly Scheduled[], settings: ScheduleSettings): Timing[] {
  const slots = new Slots(settings);
  const timings: Timing[] = [];
  const waiting = moves.map((_move, index) => index);
  let now = 0;
  while (waiting.length > 0) {
    startWhatMay(moves, { waiting, timings, slots, now, settings });
    const next = slots.nextEnd();
    if (next === undefined) break;
    now = next;
    slots.release(now);
  }
  return timings;
}

interface Moment {
  readonly waiting: number[];
  readonly timings: Timing[];
  readonly slots: Slots;
  readonly now: number;
  readonly settings: ScheduleSettings;
}

function startWhatMay(moves: readonly Scheduled[], moment: Moment): void {
  const { waiting, timings, slots, now, settings } = moment;
  for (let position = 0; position < waiting.length && !slots.allTaken(); ) {
    const index = waiting[position] ?? -1;
    const move = moves[index];
    if (move === undefined || !hasEnded(move, timings, now) || !slots.free(move.from, move.to)) {
      position += 1;
      continue;
    }
    const timing = { startSeconds: now, ...slots.forecast(move, settings) };
    timings[index] = timing;
    slots.take({ from: move.from, to: move.to, end: now + timing.seconds });
    waiting.splice(position, 1);
  }
}

function hasEnded(move: Scheduled, timings: readonly (Timing | undefined)[], now: number): boolean {
  return move.dependsOn.every((index) => {
    const before = timings[index];
    return before !== undefined && before.startSeconds + before.seconds <= now;
  });
}

class Slots {
  readonly #limits: Limits['concurrency'];
  readonly #out: Int32Array;
  readonly #in: Int32Array;
  #running: Running[] = [];

  constructor({ model, snapshot, limits, migration }: ScheduleSettings) {
    this.#limits = limits.concurrency;
    this.#out = new Int32Array(model.hosts.length);
    this.#in = new Int32Array(model.hosts.length);
    for (const flight of snapshot.inFlight) {
      const from = model.hostIndex.get(flight.from) ?? -1;
      const to = model.hostIndex.get(flight.to) ?? -1;
      const vm = model.vms[model.vmIndex.get(flight.vm) ?? -1];
      const [source, target] = [model.hosts[from], model.hosts[to]];
      if (vm === undefined || source === undefined || target === undefined) continue;
      const { seconds } = forecast(
        vm,
        flight.method,
        linkBandwidth(source, target, migration),
        migration,
      );
      const elapsed = Math.max(0, snapshot.takenAt - flight.startedAt);
      this.take({ from, to, end: Math.max(1, seconds - elapsed) });
    }
  }

  allTaken(): boolean {
    return this.#running.length >= Math.max(1, this.#limits.total);
  }

  free(from: number, to: number): boolean {
    const { perHostIn, perHostOut } = this.#limits;
    const out = this.#out[from] ?? 0;
    const into = this.#in[to] ?? 0;
    return out < Math.max(1, perHostOut) && into < Math.max(1, perHostIn);
  }

  forecast(move: Scheduled, { model, migration }: ScheduleSettings): Forecast {
    const from = model.hosts[move.from];
    const to = model.hosts[move.to];
    const vm = model.vms[move.vm];
    if (from === undefined || to === undefined || vm === undefined) {
      throw new RangeError(`a move without VM or host: ${JSON.stringify(move)}`);
    }
    const sharing = 1 + Math.max(this.#out[move.from] ?? 0, this.#in[move.to] ?? 0);
    const bandwidth = Math.max(1, linkBandwidth(from, to, migration) / sharing);
    return forecast(vm, move.method, bandwidth, migration);
  }

  take(running: Running): void {
    this.#running.push(running);
    this.#count(running, 1);
  }

  nextEnd(): number | undefined {
    if (this.#running.length === 0) return undefined;
    return this.#running.reduce((least, { end }) => Math.min(least, end), Infinity);
  }

  release(now: number): void {
    for (const running of this.#running) if (running.end <= now) this.#count(running, -1);
    this.#running = this.#running.filter(({ end }) => end > now);
  }

  #count({ from, to }: Running, sign: 1 | -1): void {
    this.#out[from] = (this.#out[from] ?? 0) + sign;
    this.#in[to] = (this.#in[to] ?? 0) + sign;
  }
}
