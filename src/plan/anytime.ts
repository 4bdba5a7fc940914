/**
 * Which answer counts of all that a search comes to, so that more steps never give a worse one.
 *
 * The search only knows what clearing hosts costs. Where it leaves one open, or where other needs
 * are to follow, its answer has to be finished first: with room that others free, as far as it
 * goes, VMs brought home, soft rules mended. What is better before that may be worse after it. So
 * answers are finished and compared at set numbers of steps (marks), each taken back again, and the
 * best one is made. A larger budget comes past every mark that a smaller one has come past, with
 * the same answers there; steps beyond the last mark are not taken. Where nothing is left to
 * finish, none of that is needed: each answer of the search is at least as good as the one before.
 */

import { type ClearTask, excessOf } from './clear.ts';
import type { Draft } from './draft.ts';
import { type Cleared, Improver, type SearchBudget } from './improve.ts';
import { type Cleaned, clearEach } from './relieve.ts';
import type { Loads } from './state.ts';

/** Marks are this far apart, in shares of the steps so far; at least one step. */
const APART = 0.5;

/** Sums of the same in another order differ by less than this share. */
const ROUNDING = 1e-9;

export interface Finishing {
  /** Makes the moves of the answer and all that follows from it. */
  readonly finish: (cleared: Cleared) => void;
  /** Nothing follows from an answer that clears all hosts. */
  readonly isWhole: boolean;
}

/** Clears the hosts of the tasks as well as the budget allows, and finishes what it comes to. */
export function clearAll(
  draft: Draft,
  tasks: readonly ClearTask[],
  budget: SearchBudget,
  finishing: Finishing,
): void {
  const answers = new Answers(draft, tasks, finishing);
  finishing.finish(answers.search(clearEach(draft, tasks, budget), budget));
}

/** What a finished answer is worth; all of it is the less the better, the first part first. */
type Worth = readonly [open: number, excess: number, cost: number];

interface Answer {
  readonly cleared: Cleared;
  /** Reckoned when there is another one to compare it with. */
  worth: Worth | undefined;
}

class Answers {
  readonly #draft: Draft;
  readonly #tasks: readonly ClearTask[];
  readonly #finishing: Finishing;
  /** As they are where no step is made. */
  readonly #loads: Loads;

  constructor(draft: Draft, tasks: readonly ClearTask[], finishing: Finishing) {
    this.#draft = draft;
    this.#tasks = tasks;
    this.#finishing = finishing;
    this.#loads = draft.state.loads();
  }

  /** The best one. The steps of `first` are made; when it returns, none is. */
  search(first: Cleaned, budget: SearchBudget): Cleared {
    // Who is asked to stop has no use for what the search needs to begin.
    if (first.isDone || budget.steps === 0 || budget.shouldStop()) {
      this.#unmake(first);
      return first;
    }
    const improver = new Improver(this.#draft, first.jobs, first);
    const granted = budget.steps;
    let now = improver.result();
    let best: Answer = { cleared: now, worth: undefined };
    for (let mark = 0; ; ) {
      const next = this.#isWhole(now) ? granted : mark + Math.max(1, Math.floor(APART * mark));
      if (next > granted) break;
      const before = now;
      const ended = improver.run(budget, granted - next);
      now = improver.result();
      // Who is stopped later does not come past this answer, but where all is cleared one as good.
      const counts = now.steps !== before.steps && (ended !== 'stopped' || this.#isWhole(now));
      if (counts) best = this.#better(best, now);
      if (ended !== 'at-mark' || next === granted) break;
      mark = next;
    }
    this.#unmake(now);
    return best.cleared;
  }

  #isWhole({ cleared }: Cleared): boolean {
    return this.#finishing.isWhole && cleared.every(Boolean);
  }

  /** The steps of the other one are made. */
  #better(best: Answer, cleared: Cleared): Answer {
    const other: Answer = { cleared, worth: undefined };
    if (this.#isWhole(best.cleared)) return other;
    best.worth ??= this.#reckon(best.cleared, cleared);
    other.worth ??= this.#reckon(cleared, cleared);
    return isLess(other.worth, best.worth) ? other : best;
  }

  /** Finishes the answer, and takes it all back. */
  #reckon(cleared: Cleared, made: Cleared): Worth {
    const draft = this.#draft;
    const { state } = draft;
    this.#unmake(made);
    const before = draft.mark();
    this.#finishing.finish(cleared);
    let cost = 0;
    for (const { vm } of state.moves.slice(before.moves)) cost += state.model.cost[vm] ?? 0;
    const worth: Worth = [draft.open.length, this.#excess(), cost];
    draft.backTo(before);
    state.reset(this.#loads);
    for (const { vm, to } of made.steps) state.apply(vm, to);
    return worth;
  }

  #unmake({ steps }: Cleared): void {
    const { state } = this.#draft;
    for (const { vm } of steps.toReversed()) state.undo(vm);
    state.reset(this.#loads);
  }

  /** By how much hosts are left above what they were to be relieved to, in shares of them. */
  #excess(): number {
    const { capacity, width } = this.#draft.state.model;
    return this.#tasks.reduce((sum, task) => {
      const room = capacity[task.host * width + task.resource] ?? 0;
      return room > 0 ? sum + excessOf(this.#draft.state, task) / room : sum;
    }, 0);
  }
}

function isLess(worth: Worth, than: Worth): boolean {
  for (const [part, value] of worth.entries()) {
    const other = than[part] ?? 0;
    if (Math.abs(value - other) > ROUNDING * Math.max(1, other)) return value < other;
  }
  return false;
}
