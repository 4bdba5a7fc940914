/**
 * Long computations that can be done in slices: generators that yield where somebody else may have
 * a turn. The same code runs in one go where nobody waits (tests, simulations), and in slices where
 * the event loop is to stay free.
 */

/** Yields between two slices; returns the result. */
export type Slices<Value> = Generator<void, Value, void>;

/** Lets the others have their turn, where it is time for that; undefined: go on at once. */
export type Pause = () => Promise<void> | undefined;

export function inOneGo<Value>(work: Slices<Value>): Value {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** @param pause undefined: in one go. */
export async function inSlices<Value>(
  work: Slices<Value>,
  pause: Pause | undefined,
): Promise<Value> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    const turn = pause?.();
    if (turn !== undefined) await turn;
  }
}

/** Like `items.map`, with a yield after every so many. */
export function* mapInSlices<Item, Value>(
  items: readonly Item[],
  most: number,
  map: (item: Item, index: number) => Value,
): Slices<Value[]> {
  const mapped: Value[] = [];
  for (const [index, item] of items.entries()) {
    mapped.push(map(item, index));
    if ((index + 1) % most === 0) yield;
  }
  return mapped;
}
