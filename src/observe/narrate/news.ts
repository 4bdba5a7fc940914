/** Remembers what was said last about each subject. A text in which only figures differ is old. */

/** Beyond so many subjects the oldest is forgotten, and may be told again. */
const MOST_SUBJECTS = 1_000;

export class News {
  readonly #said = new Map<string, string>();

  isNew(subject: string, text: string): boolean {
    const words = withoutFigures(text);
    const isNew = this.#said.get(subject) !== words;
    this.#said.delete(subject);
    this.#said.set(subject, words);
    const oldest = this.#said.keys().next().value;
    if (this.#said.size > MOST_SUBJECTS && oldest !== undefined) this.#said.delete(oldest);
    return isNew;
  }
}

/** The text with every figure, and its unit, replaced: "for 57 s" and "for 3 min" are the same. */
export function withoutFigures(text: string): string {
  return text.replace(/\d+(?:\.\d+)?(?: ?(?:%|ms|s|min|h|d|[KMGT]iB)(?!\w))?/gu, '#');
}
