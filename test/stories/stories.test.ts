// Role: every folder beside this file is a story (README.md): played on virtual time, compared
// with its expected transcript, and judged by what really happened in the datacenter.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { readStory } from '../support/story-file.ts';
import { playStory } from '../support/story-player.ts';

const folder = import.meta.dirname;
const stories = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .toSorted();

/** `1` writes down what happens now as what is expected: read the difference before committing. */
const isUpdate = process.env['DROVER_UPDATE_STORIES'] === '1';

describe('stories', () => {
  it.each(stories)('%s', async (name) => {
    const file = join(folder, name, 'expected.log');
    const { log, faults } = await playStory(readStory(join(folder, name)));
    // With the log, because a verdict without it says too little.
    expect(faults.length === 0 ? [] : [...faults, log]).toEqual([]);
    if (isUpdate) writeFileSync(file, log);
    expect(log).toBe(existsSync(file) ? readFileSync(file, 'utf8') : 'no expected.log');
  });
});
