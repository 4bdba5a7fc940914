/**
 * The places for moves that all controllers of a ledger share. Whoever begins a move asks for its
 * place with its record (ledger/places.ts): so the cap of all moves holds at every moment. Who is
 * refused waits as before, and asks again when it looks again (with each renewal of its leases, at
 * each tick) or one of its own moves has ended. Asked is for all that may start at once, and for
 * no more before all are answered: else of two that ask one after the other the less important
 * one could be first. Caps of links and clusters count the others' moves as they were at the last
 * look, but for those that nobody can follow. Who is alone with its ledger asks for nothing, and
 * looks at nothing.
 */

import type { MoveId } from '../domain/ids.ts';
import type { MoveRecord } from '../domain/journal.ts';
import type { Move } from '../domain/plan.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { OpenAnswer, PlaceAsk } from '../ports/places.ts';
import { isLeaseLost } from './lost-lease.ts';
import { PlaceShortage, type ShortageParts } from './place-shortage.ts';
import type { Running } from './running.ts';
import type { WaitingMove } from './waiting-line.ts';

/** Who asks for places. */
export type Sharing = Omit<PlaceAsk, 'most'>;

export interface PlacesParts extends ShortageParts {
  readonly ledger: Pick<Ledger, 'openMove' | 'openMoves'>;
  /** Undefined: nobody else can have the ledger open. */
  readonly sharing?: Sharing | undefined;
}

/** Called at once, before anything else is asked for. */
export interface OnAnswer {
  /** There is no place for it; false: it was dropped meanwhile. */
  readonly refused: (isWanted: boolean) => void;
  /** It is open, or may be. `newer`: what was handed in for its VM meanwhile. */
  readonly begins: (newer: readonly MoveId[]) => void;
}

export class Places {
  readonly #parts: PlacesParts;
  readonly #wake: () => void;
  /** Asked for and not answered. */
  readonly #asking = new Map<WaitingMove, Running>();
  /** What was handed in for the VMs of these since they were asked for. */
  readonly #newer = new Map<WaitingMove, readonly MoveId[]>();
  readonly #shortage: PlaceShortage;
  /** Those of them that are not wanted any more: where they are refused they do not wait on. */
  readonly #dropped = new Set<WaitingMove>();
  #isFull = false;
  #isFreed = false;
  #elsewhere: readonly Move[] = [];

  /** `wake` is called when all that was asked for is answered. */
  constructor(parts: PlacesParts, wake: () => void) {
    this.#parts = parts;
    this.#wake = wake;
    this.#shortage = new PlaceShortage(parts);
  }

  /** Whether it is of any use to ask now. */
  get mayAsk(): boolean {
    return this.#asking.size === 0 && !this.#isFull;
  }

  /** What was asked for last was refused, and still waits. */
  get isShort(): boolean {
    return this.#shortage.isThere;
  }

  /** Whether a move is only asked for: nothing of it is begun. */
  isAsked(move: MoveId): boolean {
    return [...this.#asking.keys()].some((entry) => entry.move.id === move);
  }

  /** Opens the record of a move. Rejects with LedgerError. */
  async open(entry: WaitingMove, running: Running, on: OnAnswer): Promise<OpenAnswer> {
    const { ledger, settings, sharing } = this.#parts;
    const { record } = running;
    if (sharing === undefined) return ledger.openMove(record);
    const most = settings().limits.concurrency.total;
    this.#asking.set(entry, running);
    try {
      const answer = await ledger.openMove(record, { ...sharing, most });
      if (answer === 'no-place') {
        this.#isFull = true;
        this.#shortage.refused();
        on.refused(!this.#dropped.has(entry));
      } else {
        if (answer === 'opened') this.#shortage.over();
        on.begins(this.#newer.get(entry) ?? []);
      }
      return answer;
    } catch (error) {
      // It may have been written all the same, but for this.
      if (!isLeaseLost(error)) on.begins(this.#newer.get(entry) ?? []);
      throw error;
    } finally {
      this.#dropped.delete(entry);
      this.#newer.delete(entry);
      this.#asking.delete(entry);
      if (this.#asking.size === 0) this.#answered();
    }
  }

  /** A place may have become free: it is of use to ask again. */
  free(): void {
    this.#isFull = false;
    this.#isFreed = this.#asking.size > 0;
  }

  /** What `which` chooses of what is asked for is not wanted any more. `cancelled`: nor begun. */
  drop(which: (entry: WaitingMove) => boolean, cancelled?: string): void {
    for (const [entry, running] of this.#asking) {
      if (!which(entry)) continue;
      this.#dropped.add(entry);
      running.cancelled ??= cancelled;
    }
  }

  /**
   * A plan takes the place of what is asked for. `moves`: what is left to do; `again`: what is
   * wanted of what was asked for or begun.
   */
  follow(moves: readonly Move[], again: ReadonlySet<MoveId>): void {
    for (const entry of this.#asking.keys()) {
      if (again.has(entry.move.id)) this.#dropped.delete(entry);
      const newer = moves.filter(({ vm }) => vm === entry.move.vm).map(({ id }) => id);
      this.#newer.set(entry, [...(this.#newer.get(entry) ?? []), ...newer]);
    }
  }

  /**
   * Looks at what is open anywhere, and tells where too much waits for a place for too long. `own`:
   * what is open here. Rejects with LedgerError.
   */
  async look(own: () => readonly MoveId[], waiting: number): Promise<readonly MoveRecord[]> {
    // What ends while it is being read is none of the others' either.
    const before = own();
    const open = await this.#parts.ledger.openMoves();
    const known = new Set([...before, ...own()]);
    const { follower = () => '' } = this.#parts;
    const others = open.filter((one) => !known.has(one.move.id) && follower(one) !== undefined);
    this.#elsewhere = others.map(({ move }) => move);
    this.#shortage.look(open, waiting + this.#asking.size);
    return open;
  }

  /** The moves of others, but for those that were taken up here since. */
  elsewhere(own: readonly Move[]): readonly Move[] {
    if (this.#elsewhere.length === 0) return [];
    const known = new Set(own.map(({ id }) => id));
    return this.#elsewhere.filter(({ id }) => !known.has(id));
  }

  #answered(): void {
    if (this.#isFreed) this.#isFull = false;
    this.#isFreed = false;
    this.#wake();
  }
}
