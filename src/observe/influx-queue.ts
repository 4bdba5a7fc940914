/**
 * Lines on their way to a server that may be slow, refuse, or be gone: sent in batches, tried
 * again with growing pauses, and dropped, oldest first, when too many wait. Knows of each line
 * whether it arrived, was refused, or was lost; the client library's own buffer does not (its
 * `close` resolves before batches in flight have landed, and drops what waits for a retry).
 */

import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';

/** `refused`: the server understood and will not have it, so sending it again is useless. */
export type Delivery =
  | { readonly outcome: 'arrived' }
  | { readonly outcome: 'refused' | 'failed'; readonly detail: string };

export interface QueueParts {
  /** Sends one batch; does not reject. */
  readonly send: (lines: readonly string[]) => Promise<Delivery>;
  readonly clock: Clock;
  /** Lines are collected for so long before they are sent. */
  readonly flushSeconds: number;
  /** More lines than this do not wait. */
  readonly mostLines: number;
  /** Told when sending starts to fail, when it works again, and when lines are refused. */
  readonly onTrouble: (text: string) => void;
}

/** What a server takes well in one request, says InfluxDB's documentation. */
const BATCH_LINES = 5_000;
const FIRST_PAUSE_SECONDS = 1;
const LONGEST_PAUSE_SECONDS = 60;
/** Pause between tries while closing. */
const CLOSING_PAUSE_SECONDS = 0.2;

export class InfluxQueue {
  readonly #parts: QueueParts;
  readonly #closing = new AbortController();
  #waiting: string[] = [];
  #underWay = 0;
  #dropped = 0;
  #isFailing = false;
  #isGivenUp = false;
  #running: Promise<void> | undefined;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  add(lines: readonly string[]): void {
    if (this.#closing.signal.aborted) return;
    this.#waiting.push(...lines);
    const excess = this.#waiting.length - this.#parts.mostLines;
    if (excess > 0) {
      this.#waiting.splice(0, excess);
      this.#dropped += excess;
    }
    this.#start();
  }

  /** Sends what waits, for at most so long; returns how many lines were lost since the start. */
  async close(deadlineSeconds: number): Promise<number> {
    this.#closing.abort();
    const settled = new AbortController();
    const deadline = this.#parts.clock.sleep(seconds(deadlineSeconds), settled.signal);
    await Promise.race([this.#running ?? Promise.resolve(), deadline]);
    this.#isGivenUp = true;
    settled.abort();
    return this.#dropped + this.#waiting.length + this.#underWay;
  }

  #start(): void {
    if (this.#running !== undefined) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      // Lines that came in the very last moment.
      if (this.#waiting.length > 0 && !this.#isGivenUp) this.#start();
    });
  }

  async #run(): Promise<void> {
    let pause = FIRST_PAUSE_SECONDS;
    await this.#pause(this.#parts.flushSeconds);
    while (this.#waiting.length > 0 && !this.#isGivenUp) {
      if (await this.#sendBatch()) {
        pause = FIRST_PAUSE_SECONDS;
      } else if (this.#closing.signal.aborted) {
        await this.#parts.clock.sleep(seconds(CLOSING_PAUSE_SECONDS));
      } else {
        await this.#pause(pause);
        pause = Math.min(pause * 2, LONGEST_PAUSE_SECONDS);
      }
    }
  }

  #pause(duration: number): Promise<void> {
    return this.#parts.clock.sleep(seconds(duration), this.#closing.signal);
  }

  /** False: to be tried again. */
  async #sendBatch(): Promise<boolean> {
    const batch = this.#waiting.splice(0, BATCH_LINES);
    this.#underWay = batch.length;
    const delivery = await this.#parts.send(batch);
    this.#underWay = 0;
    if (delivery.outcome === 'failed') {
      this.#putBack(batch);
      if (!this.#isFailing) this.#parts.onTrouble(`does not take points: ${delivery.detail}`);
      this.#isFailing = true;
      return false;
    }
    if (delivery.outcome === 'refused') {
      this.#dropped += batch.length;
      this.#parts.onTrouble(`refused ${batch.length} points: ${delivery.detail}`);
    } else if (this.#isFailing) {
      this.#isFailing = false;
      this.#parts.onTrouble(`takes points again; ${this.#dropped} were lost so far`);
    }
    return true;
  }

  /** In front of what came meanwhile, as far as there is room. */
  #putBack(batch: readonly string[]): void {
    const room = Math.max(0, this.#parts.mostLines - this.#waiting.length);
    const kept = room === 0 ? [] : batch.slice(-room);
    this.#dropped += batch.length - kept.length;
    this.#waiting = [...kept, ...this.#waiting];
  }
}
