/**
 * When tasks start that share resources and room: a list schedule, and a search for the list that
 * is done first. Knows nothing of VMs (schedule.ts does).
 *
 * A task starts at the first moment at which all it depends on has ended, every resource has
 * enough left for it, and its room is free; in list order where several could. Where it is asked
 * for, a task of a lesser rank does not take what one of a better rank waits for, unless it is
 * done by the time that one could start (EASY backfilling: Lifka, "The ANL/IBM SP scheduling
 * system", JSSPP 1995).
 *
 * Invariants: at no moment is a resource or a room used beyond what it has, or was when the
 * schedule began; a task that is never free to start stays without a start.
 */

/** So much of one resource or room. */
export interface Amount {
  readonly of: number;
  readonly amount: number;
}

export interface Task {
  /** Lesser ranks are first made safe. */
  readonly rank: number;
  /** Held from start to end. */
  readonly uses: readonly Amount[];
  /** Room taken at the start, for good. */
  readonly takes: readonly Amount[];
  /** Room given at the end, for good. */
  readonly gives: readonly Amount[];
  /** Positions of tasks that have to end before this one starts. */
  readonly dependsOn: readonly number[];
}

/** What holds resources at the beginning. */
export interface Busy {
  readonly uses: readonly Amount[];
  readonly end: number;
}

export interface Problem {
  readonly tasks: readonly Task[];
  readonly resources: Float64Array;
  readonly rooms: Float64Array;
  readonly busy: readonly Busy[];
  /** A resource of which every task uses 1; undefined: there is none. */
  readonly common?: number | undefined;
  /** Whether a lesser task leaves alone what a better one waits for, even where it could start. */
  readonly lesserWait: boolean;
  /**
   * Seconds that the task takes when it starts now, > 0; `left`: of each resource, before it takes
   * its own.
   */
  seconds(task: number, left: Float64Array): number;
}

export interface Timetable {
  /** Per task, in seconds; NaN: it could never start. */
  readonly start: Float64Array;
  readonly seconds: Float64Array;
  readonly unplaced: number;
}

/** Amounts that differ by less than this share are the same. */
export const ROUNDING = 1e-9;

/** Which of several tasks that could start goes first: smaller. Asked anew at every moment. */
export type Urgency = (task: number) => number;

/**
 * In the order of the list (positions of tasks, better ranks first); of those that became possible
 * at the same moment, the most urgent of a rank first, where an urgency is given.
 */
export function inListOrder(
  problem: Problem,
  list: readonly number[],
  urgency?: Urgency,
  started?: (task: number) => void,
): Timetable {
  return new Run(problem, urgency, started).all(list);
}

interface Going {
  /** Undefined: busy from the beginning. */
  readonly task: number | undefined;
  readonly uses: readonly Amount[];
  readonly end: number;
}

/** For blockedBy: nothing that one could wait for. */
const UNKNOWN = -1;

class Run {
  readonly #problem: Problem;
  readonly #urgency: Urgency | undefined;
  readonly #started: ((task: number) => void) | undefined;
  readonly #start: Float64Array;
  readonly #seconds: Float64Array;
  readonly #left: Float64Array;
  readonly #room: Float64Array;
  /** Per task: on how many it waits. */
  readonly #open: Int32Array;
  readonly #dependents: ReadonlyMap<number, readonly number[]>;
  /** Per task: the resource, or behind those the room, that it found taken; or UNKNOWN. */
  readonly #blockedBy: Int32Array;
  /** Per task: the round in which it was last tried. */
  readonly #triedIn: Int32Array;
  /** Per resource, and room behind those: the round in which some of it was last given back. */
  readonly #givenIn: Int32Array;
  /** Per resource: until when it is kept for somebody of a better rank, and of which. */
  readonly #keptUntil: Float64Array;
  readonly #keptFor: Float64Array;
  #kept: number[] = [];
  #going: Going[] = [];
  #now = 0;
  #round = 0;

  constructor(problem: Problem, urgency?: Urgency, started?: (task: number) => void) {
    const { tasks, resources, rooms } = problem;
    this.#problem = problem;
    this.#urgency = urgency;
    this.#started = started;
    this.#start = new Float64Array(tasks.length).fill(Number.NaN);
    this.#seconds = new Float64Array(tasks.length);
    this.#left = resources.slice();
    this.#room = rooms.slice();
    this.#open = Int32Array.from(tasks, ({ dependsOn }) => dependsOn.length);
    this.#dependents = dependentsOf(tasks);
    this.#blockedBy = new Int32Array(tasks.length).fill(UNKNOWN);
    this.#triedIn = new Int32Array(tasks.length);
    this.#givenIn = new Int32Array(resources.length + rooms.length);
    this.#keptUntil = new Float64Array(resources.length);
    this.#keptFor = new Float64Array(resources.length).fill(Number.POSITIVE_INFINITY);
    for (const { uses, end } of problem.busy) this.#hold({ task: undefined, uses, end });
  }

  all(list: readonly number[]): Timetable {
    let waiting: Int32Array = Int32Array.from(list);
    do waiting = this.#startWhatMay(waiting);
    while (this.#goOn());
    return { start: this.#start, seconds: this.#seconds, unplaced: waiting.length };
  }

  /** The rest, in the same order and place. */
  #startWhatMay(waiting: Int32Array): Int32Array {
    const { tasks, lesserWait } = this.#problem;
    const worst = lesserWait ? (tasks[waiting.at(-1) ?? -1]?.rank ?? 0) : Number.NEGATIVE_INFINITY;
    const passed =
      this.#urgency === undefined
        ? this.#startInTurn(waiting, worst)
        : this.#startByUrgency(waiting, worst, this.#urgency);
    for (const resource of this.#kept) this.#keptFor[resource] = Number.POSITIVE_INFINITY;
    this.#kept = [];
    let still = 0;
    for (let position = 0; position < passed; position += 1) {
      const index = waiting[position] ?? 0;
      if (!Number.isNaN(this.#start[index])) continue;
      waiting[still] = index;
      still += 1;
    }
    waiting.copyWithin(still, passed);
    return waiting.subarray(0, still + waiting.length - passed);
  }

  /**
   * It waits for no other task, nor for something of which nothing was given back since it was
   * tried; or it is better than `worst`, and things are to be kept for it.
   */
  #isPossible(index: number, worst: number): boolean {
    if (this.#open[index] !== 0) return false;
    const by = this.#blockedBy[index] ?? UNKNOWN;
    if (by === UNKNOWN || (this.#problem.tasks[index]?.rank ?? 0) < worst) return true;
    return (this.#givenIn[by] ?? 0) > (this.#triedIn[index] ?? 0);
  }

  /** How many of them were looked at: the others have to wait in any case. */
  #startInTurn(waiting: Int32Array, worst: number): number {
    for (let position = 0; position < waiting.length; position += 1) {
      if (this.#isExhausted()) return position;
      const index = waiting[position] ?? 0;
      const task = this.#problem.tasks[index];
      if (task === undefined || !this.#isPossible(index, worst)) continue;
      if (!this.#tryStart(index, task) && task.rank < worst) this.#keep(task);
    }
    return waiting.length;
  }

  /** The most urgent of the best rank first, of those that fit after each start. */
  #startByUrgency(waiting: Int32Array, worst: number, urgency: Urgency): number {
    const { tasks } = this.#problem;
    const possible = [...waiting].filter((index) => this.#isPossible(index, worst));
    const rank = (index: number): number => tasks[index]?.rank ?? 0;
    let fitting = this.#fitting(possible);
    const fits = new Set(worst > Number.NEGATIVE_INFINITY ? fitting : []);
    for (const index of possible) {
      const task = tasks[index];
      if (task !== undefined && task.rank < worst && !fits.has(index)) this.#keep(task);
    }
    while (fitting.length > 0) {
      let best = { index: -1, rank: Number.POSITIVE_INFINITY, value: Number.POSITIVE_INFINITY };
      for (const index of fitting) {
        const value = urgency(index);
        const isBetter =
          rank(index) < best.rank || (rank(index) === best.rank && value < best.value);
        if (isBetter) best = { index, rank: rank(index), value };
      }
      const task = tasks[best.index];
      if (task !== undefined) this.#tryStart(best.index, task);
      fitting = this.#fitting(fitting.filter((index) => index !== best.index));
    }
    return waiting.length;
  }

  #fitting(indexes: readonly number[]): number[] {
    return indexes.filter((index) => {
      const task = this.#problem.tasks[index];
      const by = task === undefined ? UNKNOWN : this.#obstacle(task);
      this.#tried(index, by);
      return by === undefined;
    });
  }

  #tried(index: number, by: number | undefined): void {
    this.#blockedBy[index] = by ?? UNKNOWN;
    this.#triedIn[index] = this.#round;
  }

  /** Nothing can start at all. */
  #isExhausted(): boolean {
    const { common } = this.#problem;
    return common !== undefined && (this.#left[common] ?? 0) < 1;
  }

  #tryStart(index: number, task: Task): boolean {
    const by = this.#obstacle(task);
    this.#tried(index, by);
    if (by !== undefined) return false;
    const seconds = this.#problem.seconds(index, this.#left);
    for (const { of } of task.uses) {
      const isKept = (this.#keptFor[of] ?? 0) < task.rank;
      if (isKept && this.#now + seconds > (this.#keptUntil[of] ?? 0)) return false;
    }
    this.#start[index] = this.#now;
    this.#seconds[index] = seconds;
    for (const { of, amount } of task.takes) this.#room[of] = (this.#room[of] ?? 0) - amount;
    this.#hold({ task: index, uses: task.uses, end: this.#now + seconds });
    this.#started?.(index);
    return true;
  }

  /** The first resource, or behind those room, that has too little left. */
  #obstacle({ uses, takes }: Task): number | undefined {
    for (const { of, amount } of uses) {
      if (amount > (this.#left[of] ?? 0) + ROUNDING * amount) return of;
    }
    for (const { of, amount } of takes) {
      if (amount > (this.#room[of] ?? 0) + ROUNDING * amount) return this.#left.length + of;
    }
    return undefined;
  }

  #hold(going: Going): void {
    this.#going.push(going);
    for (const { of, amount } of going.uses) this.#left[of] = (this.#left[of] ?? 0) - amount;
  }

  /** Its resources, until it can have them all if nothing more is started. */
  #keep({ uses, rank }: Task): void {
    let possible = this.#now;
    for (const use of uses) possible = Math.max(possible, this.#freeAt(use));
    for (const { of } of uses) {
      if ((this.#keptFor[of] ?? 0) <= rank) continue;
      this.#keptFor[of] = rank;
      this.#keptUntil[of] = possible;
      this.#kept.push(of);
    }
  }

  #freeAt({ of: resource, amount }: Amount): number {
    let left = this.#left[resource] ?? 0;
    if (amount <= left + ROUNDING * amount) return this.#now;
    const holders = this.#going.filter(({ uses }) => uses.some(({ of }) => of === resource));
    for (const { uses, end } of holders.sort((a, b) => a.end - b.end)) {
      for (const use of uses) if (use.of === resource) left += use.amount;
      if (amount <= left + ROUNDING * amount) return end;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** To the next end; false: nothing is going. */
  #goOn(): boolean {
    if (this.#going.length === 0) return false;
    this.#now = this.#going.reduce(
      (next, { end }) => Math.min(next, end),
      Number.POSITIVE_INFINITY,
    );
    this.#round += 1;
    const still: Going[] = [];
    for (const going of this.#going) {
      if (going.end > this.#now) still.push(going);
      else this.#release(going);
    }
    this.#going = still;
    return true;
  }

  #release({ task, uses }: Going): void {
    for (const { of, amount } of uses) {
      this.#left[of] = (this.#left[of] ?? 0) + amount;
      this.#givenIn[of] = this.#round;
    }
    if (task === undefined) return;
    for (const { of, amount } of this.#problem.tasks[task]?.gives ?? []) {
      this.#room[of] = (this.#room[of] ?? 0) + amount;
      this.#givenIn[this.#left.length + of] = this.#round;
    }
    for (const after of this.#dependents.get(task) ?? []) {
      this.#open[after] = (this.#open[after] ?? 0) - 1;
    }
  }
}

/** Most tasks have none. */
function dependentsOf(tasks: readonly Task[]): ReadonlyMap<number, readonly number[]> {
  const dependents = new Map<number, number[]>();
  for (const [index, { dependsOn }] of tasks.entries()) {
    for (const before of dependsOn) {
      const known = dependents.get(before);
      if (known === undefined) dependents.set(before, [index]);
      else known.push(index);
    }
  }
  return dependents;
}
