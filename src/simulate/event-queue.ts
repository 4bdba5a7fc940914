/**
 * A queue ordered by time, then by the order of arrival: what makes a simulation repeatable when
 * two things happen at the same moment. A binary heap; push and pop cost O(log n).
 */

export interface Queued<Item> {
  readonly at: number;
  readonly sequence: number;
  readonly item: Item;
}

export class EventQueue<Item> {
  readonly #heap: Queued<Item>[] = [];
  #sequence = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(at: number, item: Item): void {
    if (Number.isNaN(at)) throw new RangeError('an event needs a time');
    const heap = this.#heap;
    const entry = { at, sequence: this.#sequence, item };
    this.#sequence += 1;
    let index = heap.length;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || isBefore(parent, entry)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = entry;
  }

  /** The earliest entry, left in the queue. */
  peek(): Queued<Item> | undefined {
    return this.#heap[0];
  }

  pop(): Queued<Item> | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    this.#sink(last);
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  /** Puts `entry` at the root and lets it sink to its place. */
  #sink(entry: Queued<Item>): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || isBefore(entry, child)) break;
      heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = entry;
  }
}

function isBefore(a: Queued<unknown>, b: Queued<unknown>): boolean {
  return a.at === b.at ? a.sequence < b.sequence : a.at < b.at;
}
