// Role: the house rules that no linter of ours can say. The others (function and file length,
// names, import rules, default exports, `any`) are in .oxlintrc.json and `npm run lint`.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { roomOf, rulesOf } from './tools/house.ts';
import { filesBelow, ROOT } from './tools/repository.ts';

const CODE = ['.ts', '.tsx', '.mts', '.mjs', '.js'];
const TEXT = [...CODE, '.md', '.json', '.yaml', '.yml', '.sh', '.html', '.css', '.service', ''];

const code = filesBelow('', CODE);
const text = filesBelow('', TEXT);

function linesOf(path: string): string[] {
  return readFileSync(join(ROOT, path), 'utf8').split('\n');
}

function linesWith(paths: readonly string[], isBad: (line: string) => boolean): string[] {
  return paths.flatMap((path) =>
    linesOf(path).flatMap((line, index) => (isBad(line) ? [`${path}:${index + 1}`] : [])),
  );
}

describe('tidy', () => {
  it('runs on the node that Drover runs on', () => {
    expect(Number(process.versions.node.split('.')[0])).toBeGreaterThanOrEqual(24);
  });

  it('has a rule for every room', () => {
    const rooms = code.map((path) => roomOf(path)).filter((room) => room !== undefined);
    expect([...new Set(rooms)].filter((room) => rulesOf(room) === undefined)).toEqual([]);
  });

  it('has no top-level folder beyond the house', () => {
    const known = ['src', 'policies', 'adapters', 'test', 'deploy', 'node_modules', 'dist'];
    const also = ['coverage', 'drover-data', '.git', '.ci', '.vite'];
    const folders = readdirSync(ROOT, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(folders.filter((name) => ![...known, ...also].includes(name))).toEqual([]);
  });

  it('names no package registry and no path of one machine', () => {
    const registry = /registry\.(?:npm|yarn)|npm(?:mirror|jsdelivr)|\/repository\/npm/i;
    const machine = /(?:^|[\s'"`(=:])\/(?:work|farm)\//;
    expect(linesWith(text, (line) => registry.test(line))).toEqual([]);
    expect(linesWith(text, (line) => machine.test(line))).toEqual([]);
  });
});
