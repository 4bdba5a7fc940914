// Role: proves that the linter bites. Each case plants one breach in a throw-away tree that has the
// real configuration; the linter must report it, and must pass the clean tree. A lint rule that is
// silently lost (renamed, turned off, a plugin that does not load) turns this file red.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { HOUSE } from '../../tools/house.ts';
import { ROOT } from '../../tools/repository.ts';

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

/** File, its text, and the rule that must report it; no rule where the file is fine. */
type Case = [path: string, text: string, rule?: string];

const HOUSE_RULE = 'drover(house)';
const CLOCK_RULE = 'drover(no-wall-clock)';
const PROPERTY_RULE = 'eslint(no-restricted-properties)';
const GLOBAL_RULE = 'eslint(no-restricted-globals)';

const roomFolder = (room: string): string =>
  // The general entry `adapters` is tried on one of the adapters that have none of their own.
  room === 'adapters' ? 'adapters/xen' : room.startsWith('adapters/') ? room : `src/${room}`;

const rooms = Object.keys(HOUSE);
const importName = (other: string): string => `imports-${other.replace('/', '-')}.ts`;

/** In every room, one file for each other room that imports it. */
function roomCases(): Case[] {
  return rooms.flatMap((room) =>
    rooms
      .filter((other) => other !== room)
      .map((other): Case => {
        const text = `export { v } from '../../${roomFolder(other)}/index.ts';\n`;
        return [`${roomFolder(room)}/${importName(other)}`, text];
      }),
  );
}

/** The rooms that `room` may import; an entry `adapters` stands for each adapter. */
function allowed(room: string): string[] {
  const list = HOUSE[room]?.rooms ?? [];
  return rooms.filter((other) => other !== room && list.includes(other.split('/')[0] ?? ''));
}

const cases: readonly Case[] = [
  // Packages and node: modules.
  ['src/domain/node.ts', `import 'node:fs';\n`, HOUSE_RULE],
  ['src/domain/package.ts', `import 'zod';\n`, HOUSE_RULE],
  ['src/ports/package.ts', `import 'zod';\n`, HOUSE_RULE],
  ['src/plan/node.ts', `import 'node:path';\n`, HOUSE_RULE],
  ['src/check/package.ts', `import 'luxon';\n`, HOUSE_RULE],
  ['src/config/node.ts', `import 'node:fs';\nimport 'zod';\nimport 'yaml';\n`],
  ['src/config/engine.ts', `import 'json-rules-engine';\n`, HOUSE_RULE],
  ['src/rules/engine.ts', `import 'json-rules-engine';\n`],
  ['src/cli/inversify.ts', `import 'inversify';\n`, HOUSE_RULE],
  ['src/cli/cron.ts', `import 'node-cron';\n`, HOUSE_RULE],
  ['src/app/container.ts', `import 'inversify';\nimport 'node-cron';\n`],
  ['src/execute/store.ts', `import 'better-sqlite3';\n`, HOUSE_RULE],
  ['src/ledger/store.ts', `import 'better-sqlite3';\nimport 'kysely/migration';\n`],
  ['src/serve/scoped.ts', `import '@fastify/static';\n`],
  ['src/observe/scoped.ts', `import '@fastify/static';\n`, HOUSE_RULE],
  // All ways to import, all depths, and ways around.
  ['src/plan/way-type.ts', `export type { V } from '../ports/index.ts';\n`, HOUSE_RULE],
  ['src/plan/way-star.ts', `export * from '../ports/index.ts';\n`, HOUSE_RULE],
  ['src/plan/way-dynamic.ts', `export const m = import('../rules/index.ts');\n`, HOUSE_RULE],
  ['src/plan/deep/way.ts', `export { v } from '../../check/index.ts';\n`, HOUSE_RULE],
  ['src/plan/deep/fine.ts', `export { v } from '../../domain/index.ts';\n`],
  ['src/plan/detour.ts', `export { v } from './../../src/check/index.ts';\n`, HOUSE_RULE],
  ['src/rules/type-only.ts', `import type { V } from '../config/index.ts';\nexport type W = V;\n`],
  ['src/app/test-code.ts', `import '../../test/helper.ts';\n`, HOUSE_RULE],
  ['adapters/registry.ts', `export { v } from './xen/index.ts';\n`],
  ['adapters/libvirt/sibling.ts', `export { v } from '../xen/index.ts';\n`, HOUSE_RULE],
  ['adapters/xen/app.ts', `export { v } from '../../src/app/index.ts';\n`, HOUSE_RULE],
  ['src/unlisted/room.ts', `import 'node:fs';\n`, HOUSE_RULE],
  // Clock and randomness.
  ['src/execute/now.ts', 'export const t = Date.now();\n', PROPERTY_RULE],
  ['src/execute/random.ts', 'export const r = Math.random();\n', PROPERTY_RULE],
  ['src/execute/elapsed.ts', 'export const t = performance.timeOrigin;\n', GLOBAL_RULE],
  ['src/execute/elapsed-global.ts', 'globalThis.setTimeout(String, 1);\n', PROPERTY_RULE],
  ['src/execute/wait.ts', 'setTimeout(String, 1);\n', GLOBAL_RULE],
  ['src/execute/every.ts', 'setInterval(String, 1);\n', GLOBAL_RULE],
  ['src/execute/timers.ts', `import 'node:timers/promises';\n`, HOUSE_RULE],
  ['src/execute/date.ts', 'export const t = new Date();\n', CLOCK_RULE],
  ['src/execute/date-of.ts', 'export const t = new Date(1000);\n'],
  ['src/domain/process.ts', 'export const e = process.env;\n', GLOBAL_RULE],
  ['src/app/clock.ts', 'export const t = [new Date(), Date.now(), Math.random()];\n'],
  ['adapters/xen/wait.ts', 'setTimeout(String, 1);\n'],
  // Types.
  [
    'src/execute/floating.ts',
    'async function f(): Promise<void> {}\nexport function g(): void {\n  f();\n}\n',
    'typescript(no-floating-promises)',
  ],
  [
    'src/execute/misused.ts',
    'async function f(): Promise<void> {}\n[1].forEach(async () => f());\n',
    'typescript(no-misused-promises)',
  ],
  [
    'src/execute/switch.ts',
    `export function f(k: 'a' | 'b'): void {\n  switch (k) {\n    case 'a':\n  }\n}\n`,
    'typescript(switch-exhaustiveness-check)',
  ],
  ['src/execute/any.ts', 'export const a = 1 as any;\n', 'typescript(no-explicit-any)'],
  [
    'src/execute/bang.ts',
    'export const a = (b: string | undefined) => b!;\n',
    'typescript(no-non-null-assertion)',
  ],
  // Form.
  ['src/plan/role.ts', `\nexport const v = 1;\n`, 'drover(role)'],
  ['src/plan/wide.ts', `export const v = 1; // ${'x'.repeat(77)}\n`],
  ['src/plan/wider.ts', `export const v = 1; // ${'x'.repeat(78)}\n`, 'drover(columns)'],
  ['src/plan/address.ts', `export const v = 1; // https://${'x'.repeat(90)}\n`],
  ['src/plan/Camel.ts', 'export const v = 1;\n', 'unicorn(filename-case)'],
  ['src/plan/default.ts', 'export default 1;\n', 'import(no-default-export)'],
  ['src/plan/console.ts', 'console.log(1);\n', 'eslint(no-console)'],
  ['src/plan/todo.ts', 'export const v = 1; // TODO later\n', 'eslint(no-warning-comments)'],
  [
    'src/plan/reassign.ts',
    'export function f(a: number): number {\n  a = 1;\n  return a;\n}\n',
    'eslint(no-param-reassign)',
  ],
  [
    'src/plan/params.ts',
    'export const f = (a: 1, b: 1, c: 1, d: 1, e: 1) => [a, b, c, d, e];\n',
    'eslint(max-params)',
  ],
  [
    'src/plan/long-function.ts',
    `export function f(): void {\n${'  void 0;\n'.repeat(70)}}\n`,
    'eslint(max-lines-per-function)',
  ],
  ['src/plan/long-file.ts', `export const v = 1;\n${'// x\n'.repeat(399)}`, 'eslint(max-lines)'],
  [
    'src/plan/cycle-a.ts',
    `export { b } from './cycle-b.ts';\nexport const a = 1;\n`,
    'import(no-cycle)',
  ],
  [
    'src/plan/cycle-b.ts',
    `export { a } from './cycle-a.ts';\nexport const b = 1;\n`,
    'import(no-cycle)',
  ],
  [
    'test/focused.test.ts',
    `import { it } from 'vitest';\nit.only('x', () => {});\n`,
    'vitest(no-focused-tests)',
  ],
];

const copied = ['.oxlintrc.json', 'tsconfig.json', 'package.json', 'test/tools/house.ts'];
let tree = '';
let found = new Map<string, Set<string>>();

function plant(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
}

function lint(): Map<string, Set<string>> {
  const oxlint = join(ROOT, 'node_modules', 'oxlint', 'bin', 'oxlint');
  const args = [oxlint, '--type-aware', '--format=json', 'src', 'adapters', 'test/focused.test.ts'];
  const run = spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8' });
  const report = JSON.parse(run.stdout) as { diagnostics: readonly Diagnostic[] };
  const byFile = new Map<string, Set<string>>();
  for (const { code, filename } of report.diagnostics) {
    const rules = byFile.get(filename) ?? new Set();
    byFile.set(filename, rules.add(code));
  }
  return byFile;
}

describe('lint', () => {
  beforeAll(() => {
    tree = mkdtempSync(join(tmpdir(), 'drover-lint-'));
    for (const file of [...copied, 'test/tools/lint-rules.ts']) {
      cpSync(join(ROOT, file), join(tree, file), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
    plant('test/helper.ts', 'export const v = 1;\n');
    for (const room of [...Object.keys(HOUSE).map(roomFolder), 'adapters/libvirt']) {
      plant(`${room}/index.ts`, '// r\nexport const v = 1;\nexport type V = number;\n');
    }
    for (const [path, text] of [...roomCases(), ...cases]) {
      // Everything but the breach that is meant is in order.
      plant(path, text.startsWith('\n') ? text : `// r\n${text}`);
    }
    found = lint();
  });

  afterAll(() => {
    rmSync(tree, { recursive: true, force: true });
  });

  it.each(rooms)('lets %s import the rooms of its list and no other', (room) => {
    const others = rooms.filter((other) => other !== room);
    const passed = others.filter(
      (other) => !found.get(`${roomFolder(room)}/${importName(other)}`)?.has(HOUSE_RULE),
    );
    expect(passed).toEqual(allowed(room));
  });

  it.each(cases)('judges %s', (path, _text, rule) => {
    expect([...(found.get(path) ?? [])]).toEqual(rule === undefined ? [] : [rule]);
  });
});
