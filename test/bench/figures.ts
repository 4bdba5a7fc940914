// Role: what a benchmark gives, and how it is printed: one set of figures as a list, several as
// rows of a table that grows while they are measured.
export type Figures = Readonly<Record<string, number | string | boolean>>;

/** Columns of figures that are longer in later rows than in the first. */
const LEAST_WIDTH = 7;

export function listed(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

/** The lines of a table, each as soon as its row is there; rows of other figures get a head. */
export function* tabled(rows: Iterable<Figures>): Generator<string> {
  let names: readonly string[] = [];
  let widths: readonly number[] = [];
  for (const row of rows) {
    const cells = Object.values(row).map(String);
    if (Object.keys(row).join() !== names.join()) {
      names = Object.keys(row);
      widths = names.map((name, at) => Math.max(name.length, cells[at]?.length ?? 0, LEAST_WIDTH));
      yield lineOf(names, widths);
    }
    yield lineOf(cells, widths);
  }
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  return cells.map((cell, at) => cell.padStart(widths[at] ?? 0)).join(' ');
}
