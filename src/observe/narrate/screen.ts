/**
 * Where the narrator writes: lines that stay, and below them, on a terminal, a few lines that are
 * redrawn in place. Never leaves a half-drawn block behind: whoever writes something else calls
 * `settle` first. Colours only when told so.
 */

export interface ScreenOptions {
  readonly write: (text: string) => void;
  readonly isTty: boolean;
  readonly colour: boolean;
  /** Width of the terminal, asked at every drawing because it may change. */
  readonly columns: () => number;
}

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim';

/** SGR parameters, ECMA-48 §8.3.117. */
const SGR: Readonly<Record<Colour, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  cyan: 36,
};

export class Screen {
  readonly isTty: boolean;
  readonly #options: ScreenOptions;
  #block: readonly string[] = [];
  #drawn = 0;

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.isTty = options.isTty;
  }

  paint(colour: Colour, text: string): string {
    return this.#options.colour ? `\u001b[${SGR[colour]}m${text}\u001b[0m` : text;
  }

  /** Writes lines that stay. */
  lines(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#draw(lines.map((line) => `${line}\n`).join(''));
  }

  /** Replaces the lines at the bottom; without a terminal there are none. */
  block(lines: readonly string[]): void {
    if (!this.isTty || (lines.length === 0 && this.#drawn === 0)) return;
    this.#block = lines;
    this.#draw('');
  }

  /** Takes the lines at the bottom away. */
  settle(): void {
    this.block([]);
  }

  #draw(lasting: string): void {
    // Up to the first line of the block, and away with everything from there on.
    const erase = this.#drawn > 0 ? `\u001b[${this.#drawn}A\u001b[0J` : '';
    const width = Math.max(20, this.#options.columns()) - 1;
    const block = this.#block.map((line) => `${this.paint('cyan', fit(line, width))}\n`);
    this.#drawn = block.length;
    this.#options.write(erase + lasting + block.join(''));
  }
}

/** Cut to so many columns: a line that wraps would be two lines to erase. */
function fit(line: string, width: number): string {
  let used = 0;
  let text = '';
  for (const character of line) {
    // From Hangul Jamo on, characters may be two columns wide; the arrows and bars here are not.
    const code = character.codePointAt(0) ?? 0;
    used += code >= 0x1100 && !(code >= 0x2000 && code < 0x2e80) ? 2 : 1;
    if (used > width) return text;
    text += character;
  }
  return text;
}
