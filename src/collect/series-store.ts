/**
 * Samples of many series in typed arrays: a ring per series, allocated in pages, so that 130,000
 * series are a few hundred arrays and not millions of objects. Within a series time stamps rise
 * strictly; the oldest sample is overwritten when the ring is full. Knows nothing of metrics.
 */

/** Index of a series; handed out again after `close`. */
export type SeriesId = number;

/** Room to copy one window into. Reused between calls: valid until the next copy. */
export interface Scratch {
  readonly at: Float64Array;
  readonly value: Float64Array;
}

interface Page {
  readonly at: Float64Array;
  readonly value: Float64Array;
  /** Slot of the oldest sample, and how many there are. */
  readonly start: Uint16Array;
  readonly count: Uint16Array;
  /** Polls in a row that brought no newer time stamp; stops counting at 255. */
  readonly strikes: Uint8Array;
  /** 1: the newest sample offered was implausible, and none was accepted since. */
  readonly suspect: Uint8Array;
}

const PAGE_SERIES = 1024;

export class SeriesStore {
  readonly #capacity: number;
  readonly #maxSeries: number;
  readonly #pages: Page[] = [];
  readonly #free: SeriesId[] = [];
  #next: SeriesId = 0;

  /** `capacity`: samples per series, 1 to 65,535. */
  constructor(capacity: number, maxSeries: number) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 0xffff) {
      throw new RangeError(`samples per series: ${capacity}`);
    }
    this.#capacity = capacity;
    this.#maxSeries = maxSeries;
  }

  /** Series that are open. */
  get size(): number {
    return this.#next - this.#free.length;
  }

  /** Bytes of all pages, used or not. */
  get bytes(): number {
    return this.#pages.length * PAGE_SERIES * (this.#capacity * 16 + 6);
  }

  scratch(): Scratch {
    return { at: new Float64Array(this.#capacity), value: new Float64Array(this.#capacity) };
  }

  /** A new, empty series; undefined when the cap is reached. */
  open(): SeriesId | undefined {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    if (this.#next >= this.#maxSeries) return undefined;
    if (this.#next % PAGE_SERIES === 0) this.#pages.push(makePage(this.#capacity));
    this.#next += 1;
    return this.#next - 1;
  }

  close(id: SeriesId): void {
    this.clear(id);
    this.#free.push(id);
  }

  /** Empties the series and clears both marks. */
  clear(id: SeriesId): void {
    const page = this.#page(id);
    const slot = id % PAGE_SERIES;
    page.start[slot] = 0;
    page.count[slot] = 0;
    page.strikes[slot] = 0;
    page.suspect[slot] = 0;
  }

  /** Time stamp of the newest sample; -Infinity when there is none. */
  newestAt(id: SeriesId): number {
    const page = this.#page(id);
    const slot = id % PAGE_SERIES;
    const count = read(page.count, slot);
    if (count === 0) return -Infinity;
    return read(page.at, this.#cell(slot, read(page.start, slot) + count - 1));
  }

  /** Value of the newest sample; NaN when there is none. */
  newestValue(id: SeriesId): number {
    const page = this.#page(id);
    const slot = id % PAGE_SERIES;
    const count = read(page.count, slot);
    if (count === 0) return Number.NaN;
    return read(page.value, this.#cell(slot, read(page.start, slot) + count - 1));
  }

  /** Appends; `at` has to be later than the newest time stamp. Clears both marks. */
  push(id: SeriesId, at: number, value: number): void {
    const page = this.#page(id);
    const slot = id % PAGE_SERIES;
    const start = read(page.start, slot);
    const count = read(page.count, slot);
    const cell = this.#cell(slot, start + count);
    page.at[cell] = at;
    page.value[cell] = value;
    if (count < this.#capacity) page.count[slot] = count + 1;
    else page.start[slot] = (start + 1) % this.#capacity;
    page.strikes[slot] = 0;
    page.suspect[slot] = 0;
  }

  strike(id: SeriesId): void {
    const page = this.#page(id);
    const slot = id % PAGE_SERIES;
    page.strikes[slot] = Math.min(255, read(page.strikes, slot) + 1);
  }

  strikes(id: SeriesId): number {
    return read(this.#page(id).strikes, id % PAGE_SERIES);
  }

  markSuspect(id: SeriesId): void {
    this.#page(id).suspect[id % PAGE_SERIES] = 1;
  }

  suspect(id: SeriesId): boolean {
    return read(this.#page(id).suspect, id % PAGE_SERIES) === 1;
  }

  /** Copies the samples at or after `from`, oldest first; returns how many. */
  copy(id: SeriesId, from: number, into: Scratch): number {
    const page = this.#page(id);
    const slot = id % PAGE_SERIES;
    const start = read(page.start, slot);
    const count = read(page.count, slot);
    let copied = 0;
    for (let step = 0; step < count; step += 1) {
      const cell = this.#cell(slot, start + step);
      const at = read(page.at, cell);
      if (at < from) continue;
      into.at[copied] = at;
      into.value[copied] = read(page.value, cell);
      copied += 1;
    }
    return copied;
  }

  #cell(slot: number, step: number): number {
    const wrapped = step >= this.#capacity ? step - this.#capacity : step;
    return slot * this.#capacity + wrapped;
  }

  #page(id: SeriesId): Page {
    const page = this.#pages[Math.floor(id / PAGE_SERIES)];
    if (page === undefined) throw new RangeError(`no series ${id}`);
    return page;
  }
}

function makePage(capacity: number): Page {
  return {
    at: new Float64Array(PAGE_SERIES * capacity),
    value: new Float64Array(PAGE_SERIES * capacity),
    start: new Uint16Array(PAGE_SERIES),
    count: new Uint16Array(PAGE_SERIES),
    strikes: new Uint8Array(PAGE_SERIES),
    suspect: new Uint8Array(PAGE_SERIES),
  };
}

/** An element that is there by construction; the compiler cannot know the index is in range. */
function read(array: Float64Array | Uint16Array | Uint8Array, index: number): number {
  return array[index] ?? Number.NaN;
}
