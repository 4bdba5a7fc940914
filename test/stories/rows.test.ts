// Role: the table of the case list's rows is true: every row has a story, and each story is there.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

const ROWS = Array.from({ length: 40 }, (_none, index) => String(index + 1));

it('every row of the case list has its stories', () => {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const lines = readme.split('\n').filter((line) => /^\| \d/.test(line));
  const stories = new Map(
    lines.map((line) => [
      line.split('|')[1]?.trim(),
      [...line.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    ]),
  );
  expect([...ROWS, '12b'].filter((row) => (stories.get(row) ?? []).length === 0)).toEqual([]);
  const there = new Set(readdirSync(import.meta.dirname));
  expect([...stories.values()].flat().filter((name) => !there.has(name ?? ''))).toEqual([]);
  // A story that says which row it shows stands in that row.
  const elsewhere = [...there].filter((name) => {
    const row = /^\d/.test(name) ? rowOf(name) : undefined;
    return row !== undefined && stories.get(row)?.includes(name) !== true;
  });
  expect(elsewhere).toEqual([]);
});

/** As its title says; undefined: it says none. */
function rowOf(story: string): string | undefined {
  const text = readFileSync(join(import.meta.dirname, story, 'README.md'), 'utf8');
  return /^# .*\(row (\d+b?)\)/.exec(text)?.[1];
}
