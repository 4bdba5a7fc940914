/**
 * One migration under way: a small state machine over the formulas of migration-model.ts. It knows
 * bytes and seconds; hosts, links and copies are the engine's business (migration-engine.ts).
 */

import type { MoveProgress } from '../domain/events.ts';
import { bytes, ratio, seconds, type Bytes } from '../domain/units.ts';
import type { MoveOrder } from '../ports/hypervisor.ts';
import type { BreakStage } from './fault.ts';
import { dirtyAfter, NO_THROTTLE, type Throttle } from './migration-model.ts';

/**
 * `timed` phases last a given time, `transfer` phases until their bytes are sent. The guest stands
 * still in `stopped`, `switchover` and `post-copy-switch`, and is down in the cold ones.
 */
export const PHASES = {
  queued: { kind: 'timed', shown: 'queued', abortable: true },
  setup: { kind: 'timed', shown: 'setup', abortable: true },
  storage: { kind: 'transfer', shown: 'storage', abortable: true },
  'pre-copy': { kind: 'transfer', shown: 'pre-copy', abortable: true },
  stopped: { kind: 'transfer', shown: 'stop-and-copy', abortable: true },
  switchover: { kind: 'timed', shown: 'stop-and-copy', abortable: false },
  'post-copy-switch': { kind: 'timed', shown: 'stop-and-copy', abortable: false },
  'post-copy': { kind: 'transfer', shown: 'post-copy', abortable: false },
  'post-copy-broken': { kind: 'halted', shown: 'post-copy', abortable: false },
  shutdown: { kind: 'timed', shown: 'cold', abortable: false },
  'cold-copy': { kind: 'transfer', shown: 'cold', abortable: true },
  boot: { kind: 'timed', shown: 'cold', abortable: false },
} as const satisfies Record<string, PhaseInfo>;
export type Phase = keyof typeof PHASES;

interface PhaseInfo {
  readonly kind: 'timed' | 'transfer' | 'halted';
  readonly shown: MoveProgress['phase'];
  readonly abortable: boolean;
}

/** What the migration has to carry. */
export interface Load {
  readonly memoryBytes: number;
  readonly workingSetBytes: number;
  /** Disks that have to be copied along; 0: they are shared. */
  readonly diskBytes: number;
}

export class MigrationRun {
  readonly order: MoveOrder;
  readonly load: Load;
  readonly startedAt: number;
  readonly breaks: BreakStage | undefined;
  phase: Phase = 'setup';
  /** Undefined: the platform has it in its queue. */
  begunAt: number | undefined;
  /** End of a timed phase. */
  endsAt = Infinity;
  /** Bytes per second that the links give it at the moment. */
  rate = 0;
  /** Bytes per second that the guest dirties at the moment, throttled. */
  dirtyRate = 0;
  throttle: Throttle = NO_THROTTLE;
  downtimeLimit: number;
  bandwidth: number;
  autoConverge: boolean;
  round = 0;
  /** When the guest was stopped, and for how long in all until now. */
  stoppedAt: number | undefined;
  downtime = 0;
  /** Since when nothing gets through. */
  stalledSince: number | undefined;
  /** What a switch to post-copy leaves to be pulled. */
  postCopyBytes = 0;
  sent = 0;
  roundBytes = 0;
  #left = 0;
  #dirty = 0;
  #at: number;

  constructor(order: MoveOrder, load: Load, at: number, breaks: BreakStage | undefined) {
    this.order = order;
    this.load = load;
    this.startedAt = at;
    this.#at = at;
    this.breaks = breaks;
    this.downtimeLimit = order.downtimeLimitSeconds;
    this.bandwidth = order.bandwidth ?? Infinity;
    this.autoConverge = order.autoConverge;
  }

  enterTimed(phase: Phase, duration: number): void {
    this.phase = phase;
    this.endsAt = this.#at + duration;
    this.#left = 0;
  }

  enterTransfer(phase: Phase, amount: number): void {
    this.phase = phase;
    this.endsAt = Infinity;
    this.#left = amount;
    this.roundBytes = amount;
    this.#dirty = 0;
  }

  halt(phase: Phase): void {
    this.phase = phase;
    // Nothing is sent, and nobody is told otherwise.
    this.rate = 0;
    this.endsAt = Infinity;
  }

  stopGuest(): void {
    this.stoppedAt ??= this.#at;
  }

  resumeGuest(): void {
    if (this.stoppedAt !== undefined) this.downtime += this.#at - this.stoppedAt;
    this.stoppedAt = undefined;
  }

  /** When this phase ends if nothing changes; Infinity: never. */
  nextAt(): number {
    const { kind } = PHASES[this.phase];
    if (kind === 'halted') return Infinity;
    if (kind === 'timed') return this.endsAt;
    return this.#left <= 0
      ? this.#at
      : this.rate > 0
        ? this.#at + this.#left / this.rate
        : Infinity;
  }

  /** Lets time pass at the rates of the moment. Called only when something happens. */
  carry(at: number): void {
    const duration = at - this.#at;
    if (PHASES[this.phase].kind === 'transfer') {
      const amount = Math.min(this.#left, this.rate * duration);
      this.sent += amount;
      // A millionth of a byte that rounding left behind would take a turn of its own.
      this.#left = this.#left - amount < 1e-6 * this.roundBytes ? 0 : this.#left - amount;
      if (this.phase === 'pre-copy') this.#dirty = this.#dirtyAt(at);
    }
    this.#at = at;
  }

  /** Bytes of this phase that are still to be sent. */
  leftAt(at: number): number {
    return Math.max(0, this.#left - this.rate * (at - this.#at));
  }

  /** Bytes dirtied since this round began: what the next one has to send. */
  get dirtied(): number {
    return this.#dirty;
  }

  progress(at: number): MoveProgress {
    const left = this.leftAt(at);
    const isLive = this.phase === 'pre-copy';
    const sent = this.sent + Math.min(this.#left, this.rate * (at - this.#at));
    return {
      phase: PHASES[this.phase].shown,
      elapsedSeconds: seconds(this.begunAt === undefined ? 0 : at - this.begunAt),
      done: ratio(this.roundBytes > 0 ? Math.min(1, 1 - left / this.roundBytes) : 0),
      bytesSent: roundBytes(sent),
      bytesRemaining: roundBytes(left + (isLive ? this.#dirtyAt(at) : 0)),
      dirtyRate: isLive ? this.dirtyRate : undefined,
      bandwidth: this.rate,
      iteration: isLive ? this.round : undefined,
    };
  }

  #dirtyAt(at: number): number {
    const { workingSetBytes } = this.load;
    return dirtyAfter(this.#dirty, this.dirtyRate, workingSetBytes, at - this.#at);
  }
}

function roundBytes(value: number): Bytes {
  return bytes(Math.round(value));
}
