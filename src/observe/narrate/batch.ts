/** Like things that happen in a row, held back until something else happens, to be told as one. */

export class Batch {
  readonly #write: (lines: readonly string[]) => void;
  #kind = '';
  #tell: (() => readonly string[]) | undefined;
  #add: ((item: unknown) => void) | undefined;

  constructor(write: (lines: readonly string[]) => void) {
    this.#write = write;
  }

  /** Adds to the batch of this kind; ends the one of another kind. */
  add<Item>(kind: string, item: Item, tell: (items: readonly Item[]) => readonly string[]): void {
    if (kind !== this.#kind || this.#add === undefined) {
      this.flush();
      const items: Item[] = [];
      this.#kind = kind;
      // One kind always brings one type of item.
      this.#add = (next) => items.push(next as Item);
      this.#tell = () => tell(items);
    }
    this.#add(item);
  }

  flush(): void {
    const tell = this.#tell;
    this.#tell = undefined;
    this.#add = undefined;
    if (tell !== undefined) this.#write(tell());
  }
}
