/** The items in their order, in lists of `most` each; the last one may be shorter. */
export function inChunks<Item>(items: readonly Item[], most: number): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / most);
  return Array.from({ length: count }, (_none, at) => items.slice(at * most, (at + 1) * most));
}
