/**
 * Since when nobody has heard of a move that is under way. A host that is silent and not fenced is
 * not dead: its move stays open, for as long as that takes. It keeps its places, but it is not
 * waited for by all others: a fleet does not stand still for one host.
 */

import type { MoveId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import type { Seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { ExecutionTiming, MoveTask } from './move-task.ts';
import type { Running } from './running.ts';
import type { Underway } from './waiting-line.ts';

type Followed = Pick<Running['record'], 'move' | 'vmName'>;

export interface SilencesParts {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly events: EventSink;
}

export class Silences {
  readonly #parts: SilencesParts;
  readonly #patience: Seconds;
  readonly #wake: () => void;
  readonly #since = new Map<MoveId, Seconds>();
  readonly #overdue = new Set<MoveId>();

  /** `wake` is called when a move has been silent for so long: what waited for it may start. */
  constructor(
    parts: SilencesParts,
    { patienceSeconds }: Pick<ExecutionTiming, 'patienceSeconds'>,
    wake: () => void,
  ) {
    this.#parts = parts;
    this.#patience = patienceSeconds;
    this.#wake = wake;
  }

  /** All that are open. Whatever else was silent is forgotten: it has ended, or is others'. */
  among(moves: readonly Move[]): Underway {
    const open = new Set(moves.map(({ id }) => id));
    for (const move of this.#since.keys()) if (!open.has(move)) this.#forget(move);
    return { moves, silent: this.#overdue };
  }

  /** For who follows the move, so that what he sees is noted here, too. */
  heeding(about: Followed, seen: (how: 'adopted' | 'unreachable') => void): MoveTask['seen'] {
    return (how) => {
      this.note(about, how);
      if (how !== 'answered') seen(how);
    };
  }

  /** Of each question about the move; `unreachable`, too, where there is nobody who asks. */
  note({ move, vmName }: Followed, how: Parameters<MoveTask['seen']>[0]): void {
    if (how !== 'unreachable') {
      this.#forget(move.id);
      return;
    }
    const now = this.#parts.clock.monotonic();
    const since = this.#since.get(move.id) ?? now;
    this.#since.set(move.id, since);
    if (now - since < this.#patience || this.#overdue.has(move.id)) return;
    this.#overdue.add(move.id);
    if (move.alone === true) {
      const text = `${vmName} is being moved, and nothing is heard of it: the others go on`;
      this.#parts.events.emit('warning', { key: `silent ${move.id}`, text });
    }
    this.#wake();
  }

  #forget(move: MoveId): void {
    this.#since.delete(move);
    this.#overdue.delete(move);
  }
}
