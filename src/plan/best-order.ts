/**
 * Looks for the order of tasks, and for each task the way of doing it, whose timetable is done
 * first: rank by rank, then as a whole. It begins with what is most loaded (the resource with the
 * most work left goes first, at every moment), makes that more urgent which ended too late, then
 * moves single tasks about in the list. Seeded: the same problem and budget give the same answer.
 */

import { type Rng, seededRng } from '../domain/rng.ts';
import { type Amount, type Problem, ROUNDING, type Timetable, inListOrder } from './timetable.ts';

/** One way of doing a task. */
export interface Way {
  readonly uses: readonly Amount[];
  readonly seconds: number;
}

/** Each task's ways, the best for itself first. */
export interface Choice {
  readonly problem: Omit<Problem, 'seconds'>;
  readonly ways: readonly (readonly Way[])[];
}

export interface Chosen {
  readonly timetable: Timetable;
  /** Per task: the number of its way. */
  readonly way: Uint8Array;
  /** Per resource, with every task done in its first way: no timetable ends before the most. */
  readonly load: Float64Array;
}

export function bestOrder(choice: Choice, steps: number, seed: number): Chosen {
  const search = new Search(choice);
  const rng = seededRng(seed);
  for (let step = 0; step < steps && !search.isDone(); step += 1) search.step(rng);
  return search.best();
}

/** What the load of a task's other resources counts beside the most loaded one: each is tried. */
const OTHERS = [0, 0.3, 1] as const;

/** So near to the bound no other urgency is tried. */
const NEAR = 0.01;

/**
 * How often what ended too late is made more urgent and all is done again: the squeaky wheel gets
 * the grease (Joslin & Clements, JAIR 10, 1999).
 */
const GREASED = 6;

/** How often the steps of the search favour what ended last (squeaky wheel optimisation). */
const SQUEAKY = 0.3;

class Search {
  readonly #choice: Choice;
  readonly #way: Uint8Array;
  readonly #load: Float64Array;
  /** Per resource: by how much tasks that use it ended beyond the bound, in all tries so far. */
  readonly #late: Float64Array;
  readonly #bound: number;
  #list: number[];
  #timetable: Timetable;
  #value: readonly number[];

  constructor(choice: Choice) {
    const { ways, problem } = choice;
    this.#choice = choice;
    this.#way = new Uint8Array(ways.length);
    this.#load = new Float64Array(problem.resources.length);
    this.#late = new Float64Array(problem.resources.length);
    for (const [task] of ways.entries()) this.#add(this.#load, task, 1);
    this.#bound = this.#load.reduce((most, one) => Math.max(most, one), 0);
    this.#list = [...ways.keys()].sort((a, b) => this.#rank(a) - this.#rank(b) || a - b);
    this.#timetable = this.#greedy(OTHERS[0]);
    this.#value = this.#valueOf(this.#timetable);
    let last = this.#timetable;
    for (let round = 1; round < OTHERS.length + GREASED && !this.isDone(NEAR); round += 1) {
      if (round >= OTHERS.length) this.#grease(last);
      last = this.#greedy(OTHERS[round % OTHERS.length] ?? OTHERS[0]);
      this.#accept(last);
    }
    const { start } = this.#timetable;
    const at = (task: number): number =>
      Number.isNaN(start[task]) ? Infinity : (start[task] ?? 0);
    this.#list.sort((a, b) => this.#rank(a) - this.#rank(b) || at(a) - at(b) || a - b);
  }

  /** With one rank there is a bound that cannot be passed. */
  isDone(near = ROUNDING): boolean {
    const [unplaced = 0, end = 0, ...more] = this.#value;
    return unplaced === 0 && more.length === 1 && end <= this.#bound * (1 + near);
  }

  best(): Chosen {
    return { timetable: this.#timetable, way: this.#way, load: this.#load };
  }

  step(rng: Rng): void {
    const { ways } = this.#choice;
    const task = this.#pick(rng);
    const list = this.#list;
    const way = this.#way[task] ?? 0;
    const count = ways[task]?.length ?? 1;
    const what = rng.next();
    if (what < SQUEAKY) this.#list = this.#neighboursFirst(this.#last(rng));
    else if (count > 1 && what < SQUEAKY + (1 - SQUEAKY) / 2) this.#way[task] = (way + 1) % count;
    else this.#list = this.#moved(task, rng);
    if (this.#accept(inListOrder(this.#problem(), this.#list))) return;
    this.#list = list;
    this.#way[task] = way;
  }

  /** What the tasks that ended beyond the bound use counts as more loaded, by so much. */
  #grease({ start, seconds }: Timetable): void {
    for (const [task, began] of start.entries()) {
      const over = began + (seconds[task] ?? 0) - this.#bound;
      if (!(over > ROUNDING * this.#bound)) continue;
      for (const { of } of this.#chosen(task).uses) this.#late[of] = (this.#late[of] ?? 0) + over;
    }
  }

  #accept(timetable: Timetable): boolean {
    const value = this.#valueOf(timetable);
    if (compare(value, this.#value) > 0) return false;
    this.#timetable = timetable;
    this.#value = value;
    return true;
  }

  /** Every other time one of those that end late: they have to begin earlier. */
  #pick(rng: Rng): number {
    const any = (): number => this.#list[Math.floor(rng.next() * this.#list.length)] ?? 0;
    if (rng.next() < 0.5) return any();
    const { start, seconds } = this.#timetable;
    const end = (task: number): number => (start[task] ?? 0) + (seconds[task] ?? 0);
    return Array.from({ length: 4 }, any).reduce((late, task) =>
      end(task) > end(late) ? task : late,
    );
  }

  #moved(task: number, rng: Rng): number[] {
    const rest = this.#list.filter((other) => other !== task);
    const own = this.#rank(task);
    const first = rest.findIndex((other) => this.#rank(other) >= own);
    const behind = rest.findIndex((other) => this.#rank(other) > own);
    const from = first < 0 ? rest.length : first;
    const to = behind < 0 ? rest.length : behind;
    rest.splice(from + Math.floor(rng.next() * (to - from + 1)), 0, task);
    return rest;
  }

  /** One of the tasks that end last. */
  #last(rng: Rng): number {
    const { start, seconds } = this.#timetable;
    const ends = start.map((began, task) =>
      Number.isNaN(began) ? Infinity : began + (seconds[task] ?? 0),
    );
    const latest = ends.reduce((most, end) => Math.max(most, end), 0);
    const last = [...ends.keys()].filter((task) => (ends[task] ?? 0) >= latest * (1 - ROUNDING));
    return last[Math.floor(rng.next() * last.length)] ?? 0;
  }

  /** All that use the most loaded resource of the task go to the head of their rank. */
  #neighboursFirst(task: number): number[] {
    const { uses } = this.#chosen(task);
    const heavy = uses.toSorted((a, b) => (this.#load[b.of] ?? 0) - (this.#load[a.of] ?? 0))[0]?.of;
    const isNear = (other: number): boolean =>
      this.#chosen(other).uses.some(({ of }) => of === heavy);
    const order = (other: number): number => 2 * this.#rank(other) + (isNear(other) ? 0 : 1);
    return this.#list.toSorted((a, b) => order(a) - order(b));
  }

  #rank(task: number): number {
    return this.#choice.problem.tasks[task]?.rank ?? 0;
  }

  #chosen(task: number): Way {
    const way = this.#choice.ways[task]?.[this.#way[task] ?? 0];
    if (way === undefined) throw new RangeError(`no way of doing task ${task}`);
    return way;
  }

  #problem(): Problem {
    const { problem } = this.#choice;
    const tasks = problem.tasks.map((task, index) => ({ ...task, uses: this.#chosen(index).uses }));
    return { ...problem, tasks, seconds: (task) => this.#chosen(task).seconds };
  }

  /** By the work that is left for the resources that it uses, and how late those were before. */
  #greedy(others: number): Timetable {
    const left = this.#load.slice();
    const urgency = (task: number): number => {
      let [most, sum] = [0, 0];
      for (const { of } of this.#chosen(task).uses) {
        const load = (left[of] ?? 0) + (this.#late[of] ?? 0);
        most = Math.max(most, load);
        sum += load;
      }
      return -most - others * (sum - most);
    };
    const started = (task: number): void => this.#add(left, task, -1);
    return inListOrder(this.#problem(), this.#list, urgency, started);
  }

  #add(load: Float64Array, task: number, sign: 1 | -1): void {
    const { uses, seconds } = this.#chosen(task);
    const { resources } = this.#choice.problem;
    for (const { of, amount } of uses) {
      load[of] = (load[of] ?? 0) + (sign * amount * seconds) / (resources[of] ?? 1);
    }
  }

  /** Unplaced, then when each rank is done, then the sum of all ends; smaller is better. */
  #valueOf({ start, seconds, unplaced }: Timetable): readonly number[] {
    const byRank = new Map<number, number>();
    let sum = 0;
    for (const [task, began] of start.entries()) {
      if (Number.isNaN(began)) continue;
      const end = began + (seconds[task] ?? 0);
      const rank = this.#rank(task);
      sum += end;
      byRank.set(rank, Math.max(byRank.get(rank) ?? 0, end));
    }
    const ranks = [...byRank].toSorted(([a], [b]) => a - b).map(([, end]) => end);
    return [unplaced, ...ranks, sum];
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (Math.abs(value - other) > ROUNDING * Math.max(1, other)) return value - other;
  }
  return 0;
}
