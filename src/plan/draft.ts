/** The plan in the making: the state, why each VM moves, and what could not be done. */

import type { Finding } from '../domain/finding.ts';
import { Futile } from './futile.ts';
import { PoolRoom } from './pool-room.ts';
import type { State, Terms } from './state.ts';

/** Why a VM is moved. */
export interface Cause {
  readonly finding: Finding;
  readonly terms: Terms;
  /** The VM for which this one makes room, where it does not move for its own sake. */
  readonly makesRoomFor: number | undefined;
}

/** A need that stays open. `vm` or `host`, dense index. */
export interface Open {
  readonly vm: number | undefined;
  readonly host: number | undefined;
  /** Of a host that is not relieved: of what, dense index. */
  readonly resource?: number;
  readonly finding: Finding;
  /** What is to be said where no refusal says it. */
  readonly detail: string;
  readonly terms: Terms;
  /** Sets of others that could move instead of the VM: while all of one stay, too, it is open. */
  readonly instead?: readonly (readonly number[])[] | undefined;
  /** Tries again, as things have become; true: the need is met now. */
  readonly retry?: () => boolean;
}

/** What a draft held at some time. */
export interface Mark {
  readonly moves: number;
  readonly open: readonly Open[];
  readonly notes: number;
}

/** What was moved, left open and noted, to be done again. */
export interface Progress {
  readonly moves: readonly { readonly vm: number; readonly to: number; readonly cause: Cause }[];
  readonly open: readonly Open[];
  readonly notes: readonly string[];
}

/** Times that open needs are tried again when something was moved since. */
const MAX_RETRIES = 4;

export class Draft {
  readonly state: State;
  /** Per VM that the plan moves. */
  readonly causes = new Map<number, Cause>();
  open: Open[] = [];
  readonly notes: string[] = [];
  /** VMs that are not asked to make room for others: they need all the choice they have. */
  spared: ReadonlySet<number> = new Set();
  /** Hosts that are emptied to save power. */
  readonly emptied = new Set<number>();
  /** What no moves can make free. */
  readonly pools: PoolRoom;
  /** What was looked for in vain. */
  readonly futile = new Futile(this);
  readonly #residents: readonly (readonly number[])[];

  constructor(state: State) {
    this.state = state;
    this.pools = new PoolRoom(state);
    const residents: number[][] = state.model.hosts.map(() => []);
    state.model.home.forEach((h, v) => residents[h]?.push(v));
    this.#residents = residents;
  }

  /** VMs that were on the host when the planning began, by index. */
  residents(host: number): readonly number[] {
    return this.#residents[host] ?? [];
  }

  move(v: number, to: number, cause: Cause): void {
    this.state.apply(v, to);
    this.causes.set(v, cause);
  }

  /** What was moved for one need may have made the room that another one lacked. */
  retryOpen(): void {
    for (let round = 0; round < MAX_RETRIES && this.open.length > 0; round += 1) {
      const before = this.state.moves.length;
      const tried = this.open;
      this.open = [];
      for (const one of tried) if (one.retry?.() !== true) this.open.push(one);
      if (this.state.moves.length === before) return;
    }
  }

  /** The draft as it is; see {@link backTo}. */
  mark(): Mark {
    return { moves: this.state.moves.length, open: [...this.open], notes: this.notes.length };
  }

  /** Takes back all that was moved, left open and noted since. */
  backTo({ moves, open, notes }: Mark): void {
    for (const { vm } of this.state.moves.slice(moves).toReversed()) this.takeBack(vm);
    this.open = [...open];
    this.notes.length = notes;
  }

  /** What was done since; see {@link redo}. */
  since({ moves, notes }: Mark): Progress {
    const made = this.state.moves.slice(moves).flatMap(({ vm, to }) => {
      const cause = this.causes.get(vm);
      return cause === undefined ? [] : [{ vm, to, cause }];
    });
    return { moves: made, open: [...this.open], notes: this.notes.slice(notes) };
  }

  /** Does again what was taken back, as it was, without a look at whether it fits. */
  redo({ moves, open, notes }: Progress): void {
    for (const { vm, to, cause } of moves) this.move(vm, to, cause);
    this.open = [...open];
    this.notes.push(...notes);
  }

  /** Only sound while no later move relies on it. */
  takeBack(v: number): void {
    this.state.undo(v);
    this.causes.delete(v);
  }
}
