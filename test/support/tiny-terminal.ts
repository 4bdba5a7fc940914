// Role: as much of a terminal as the narrator uses: lines, "cursor up" and "erase below". Throws at
// any other escape sequence, and when the cursor would leave the top.
export class TinyTerminal {
  readonly #columns: number;
  #rows: string[] = [''];
  #row = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** What is to be seen, without the empty line that the cursor stands on. */
  get rows(): string[] {
    return this.#rows.at(-1) === '' ? this.#rows.slice(0, -1) : this.#rows;
  }

  write(text: string): void {
    // oxlint-disable-next-line no-control-regex
    for (const part of text.split(/(\u001b\[\d+[A-Za-z]|\n)/u)) this.#part(part);
  }

  #part(part: string): void {
    // oxlint-disable-next-line no-control-regex
    const [, count, command] = /^\u001b\[(\d+)([A-Za-z])$/u.exec(part) ?? [];
    if (part === '\n') this.#down();
    else if (command === 'A') this.#up(Number(count));
    else if (command === 'J' && count === '0') this.#rows = [...this.#rows.slice(0, this.#row), ''];
    else if (part.includes('\u001b')) throw new Error(`unknown sequence ${JSON.stringify(part)}`);
    else for (const character of part) this.#print(character);
  }

  #print(character: string): void {
    if ((this.#rows[this.#row] ?? '').length >= this.#columns) this.#down();
    this.#rows[this.#row] = `${this.#rows[this.#row] ?? ''}${character}`;
  }

  #down(): void {
    this.#row += 1;
    this.#rows[this.#row] ??= '';
  }

  #up(count: number): void {
    this.#row -= count;
    if (this.#row < 0) throw new Error('the cursor left the screen');
  }
}
