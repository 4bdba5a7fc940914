/**
 * Whether moves of this controller wait for a place among those of all controllers, and since when:
 * that is told once it lasts. Each place that is given ends it.
 */

import type { MoveRecord } from '../domain/journal.ts';
import type { PolicySet } from '../domain/policy.ts';
import { type Seconds, seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';

/** Many moves end within this time: a place that is free soon is nothing to speak of. */
const PATIENCE_SECONDS = seconds(120);
/** Told again after so long. */
const AGAIN_SECONDS = seconds(3600);

export interface ShortageParts {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly events: EventSink;
  readonly settings: () => Pick<PolicySet, 'limits'>;
  /**
   * Name of the controller that may follow an open move; undefined: nobody has been able to for so
   * long that it keeps no place. Absent: it is not known.
   */
  readonly follower?: ((record: MoveRecord) => string | undefined) | undefined;
}

export class PlaceShortage {
  readonly #parts: ShortageParts;
  #since: Seconds | undefined;
  #toldAt: Seconds | undefined;

  constructor(parts: ShortageParts) {
    this.#parts = parts;
  }

  get isThere(): boolean {
    return this.#since !== undefined;
  }

  refused(): void {
    this.#since ??= this.#parts.clock.monotonic();
  }

  over(): void {
    this.#since = undefined;
    this.#toldAt = undefined;
  }

  /** What is open anywhere by now, and how many moves wait here. */
  look(open: readonly MoveRecord[], waiting: number): void {
    if (waiting === 0) this.over();
    if (this.#since === undefined) return;
    const now = this.#parts.clock.monotonic();
    if (now - this.#since < PATIENCE_SECONDS) return;
    if (this.#toldAt !== undefined && now - this.#toldAt < AGAIN_SECONDS) return;
    this.#toldAt = now;
    const text = this.#text(open, waiting);
    this.#parts.events.emit('warning', { key: 'no place', text });
  }

  #text(open: readonly MoveRecord[], waiting: number): string {
    const { follower = () => 'controllers', settings } = this.#parts;
    const most = settings().limits.concurrency.total;
    const names = open.map((record) => follower(record) ?? NOBODY);
    const held = [...new Set(names)].toSorted().map((name) => {
      return `${names.filter((one) => one === name).length} of ${name}`;
    });
    return (
      `${waiting === 1 ? '1 move has' : `${waiting} moves have`} waited for a place for ` +
      `${PATIENCE_SECONDS / 60} min and more: limits.concurrency.total is ${most} for all ` +
      `controllers together, and these are open: ${held.join(', ') || 'none'}. What to do: ` +
      'see what they wait for (drover migrations, at those controllers); start a controller that ' +
      'is gone again, or let another one act in its clusters (controller.clusters); or raise the ' +
      'limit'
    );
  }
}

const NOBODY = 'nobody (they keep no place)';
