/**
 * The moves under way. On a terminal they are lines that are redrawn in place; elsewhere a plain
 * line now and then: at each quarter while few moves run, one line for all of them otherwise.
 */

import { listed } from '../../domain/listed.ts';
import type { EventMap, MoveProgress } from '../../domain/events.ts';
import type { Move } from '../../domain/plan.ts';
import type { Names } from './names.ts';
import type { Screen } from './screen.ts';
import { countText, durationText, nameText, percentText, sizeText } from './text.ts';

/** Redrawings are at least this far apart: what changes faster cannot be read. */
const REDRAW_SECONDS = 0.1;
/** Plain lines about one move are at least this far apart … */
const QUARTER_SECONDS = 5;
/** … and come when a quarter is passed, while at most so many moves run; … */
const FEW_MOVES = 3;
/** … above that, one line about all of them is due this often. */
const ALL_SECONDS = 30;
const MOST_ROWS = 8;
const BAR_WIDTH = 20;

interface Flight {
  readonly move: Move;
  readonly vmName: string;
  progress: MoveProgress | undefined;
  quarter: number;
  toldAt: number;
}

export interface ProgressParts {
  readonly screen: Screen;
  readonly names: Names;
  /** Writes a plain line with its time. */
  readonly tell: (text: string) => void;
  /** Seconds that paces plain lines: the narrated time, which may run faster than the real one. */
  readonly narrated: () => number;
  /** Seconds that paces redrawing: those of who watches. */
  readonly watched: () => number;
}

export class Progress {
  readonly #parts: ProgressParts;
  readonly #flights = new Map<string, Flight>();
  #drawnAt = Number.NEGATIVE_INFINITY;
  #toldAllAt = 0;

  constructor(parts: ProgressParts) {
    this.#parts = parts;
  }

  /** A move has begun; the second time it is no news. */
  begin(move: Move, vmName: string): void {
    if (this.#flights.has(move.id)) return;
    const { narrated, names, tell, screen } = this.#parts;
    const toldAt = narrated();
    this.#flights.set(move.id, { move, vmName, progress: undefined, quarter: 0, toldAt });
    if (screen.isTty) this.draw();
    else if (this.#flights.size > FEW_MOVES) {
      // The fourth move begins a new count: just now there is nothing to tell of it.
      if (this.#flights.size === FEW_MOVES + 1) this.#toldAllAt = toldAt;
    } else {
      const route = `${names.host(move.from)} → ${names.host(move.to)}`;
      tell(`${nameText(vmName)}  ${route}  ${move.method} begins`);
    }
  }

  update({ move, vmName, progress }: EventMap['move-progress']): void {
    this.begin(move, vmName);
    const flight = this.#flights.get(move.id);
    if (flight === undefined) return;
    flight.progress = progress;
    if (!this.#parts.screen.isTty) this.#tell(flight, progress);
    else if (this.#parts.watched() - this.#drawnAt >= REDRAW_SECONDS) this.draw();
  }

  end(move: Move): void {
    this.#flights.delete(move.id);
    if (this.#parts.screen.isTty) this.draw();
  }

  draw(): void {
    this.#drawnAt = this.#parts.watched();
    const flights = [...this.#flights.values()];
    const rows = flights.slice(0, MOST_ROWS).map((flight) => `  ${this.#row(flight)}`);
    const more = flights.length - rows.length;
    this.#parts.screen.block(more > 0 ? [...rows, `  and ${more} more`] : rows);
  }

  #tell(flight: Flight, progress: MoveProgress): void {
    const now = this.#parts.narrated();
    if (this.#flights.size > FEW_MOVES) {
      if (now - this.#toldAllAt < ALL_SECONDS) return;
      this.#toldAllAt = now;
      this.#parts.tell(this.#allText());
      return;
    }
    const quarter = Math.min(3, Math.floor(progress.done * 4));
    if (!(quarter > flight.quarter) || now - flight.toldAt < QUARTER_SECONDS) return;
    flight.quarter = quarter;
    flight.toldAt = now;
    this.#parts.tell(`${nameText(flight.vmName)}  ${progressText(progress)}`);
  }

  #allText(): string {
    const flights = [...this.#flights.values()];
    const left = flights.reduce((sum, { progress }) => sum + (progress?.bytesRemaining ?? 0), 0);
    const each = flights.map(
      ({ vmName, progress }) => `${nameText(vmName)} ${percentText(progress?.done ?? 0)}`,
    );
    const all = countText(flights.length, 'move');
    return `${all} under way, ${sizeText(left)} left: ${listed(each, MOST_ROWS)}`;
  }

  #row({ move, vmName, progress }: Flight): string {
    const { names } = this.#parts;
    const route = `${names.host(move.from)} → ${names.host(move.to)}`;
    const head = `${nameText(vmName)}  ${route}`.padEnd(36);
    if (progress === undefined) return `${head}  ${move.method} begins`;
    return `${head}  ${bar(progress.done)} ${progressText(progress)}`;
  }
}

function bar(done: number): string {
  const share = Number.isFinite(done) ? Math.min(1, Math.max(0, done)) : 0;
  const full = Math.round(share * BAR_WIDTH);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
}

/** "52 %  1.1 GiB/s  2.1 GiB left  12 s  pass 3". */
function progressText(progress: MoveProgress): string {
  const { phase, done, bandwidth, bytesRemaining, elapsedSeconds, iteration } = progress;
  const words = [
    percentText(done).padStart(5),
    bandwidth === undefined ? '' : `${sizeText(bandwidth)}/s`,
    `${sizeText(bytesRemaining)} left`,
    durationText(elapsedSeconds),
    phase === 'pre-copy' ? '' : phase,
    iteration === undefined || iteration < 2 ? '' : `pass ${iteration}`,
  ];
  return words.filter((word) => word !== '').join('  ');
}
