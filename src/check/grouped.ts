/** The items under each name that they go by, in the order given; one may go by several. */
export function groupedBy<Item, Name extends string>(
  items: readonly Item[],
  namesOf: (item: Item) => readonly Name[],
): ReadonlyMap<Name, readonly Item[]> {
  const found = new Map<Name, Item[]>();
  for (const item of items) {
    for (const name of namesOf(item)) {
      const known = found.get(name);
      if (known === undefined) found.set(name, [item]);
      else known.push(item);
    }
  }
  return found;
}
