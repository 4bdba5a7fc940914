// Role: the house's import rules as one table. The lint rule `drover/house` (lint-rules.ts)
// enforces it and test/unit/tools/lint.test.ts plants a breach in every room. Imports go down the
// tick only; who needs a new package in a room adds it here, in sight of the review.

export interface Room {
  /** Rooms it may import, besides itself. */
  readonly rooms: readonly string[];
  /** Rooms of which it may import types only. */
  readonly types?: readonly string[];
  /** npm packages it may import; `@scope/*` stands for a whole scope. */
  readonly packages: readonly string[];
  /** May it import node: modules at all? The pure rooms may not. */
  readonly node: boolean;
  /** May it read the real clock, wait, or draw real random numbers? Others ask the ports. */
  readonly clock: boolean;
}

const PURE = { packages: [], node: false, clock: false } as const;
const SHELL = { node: true, clock: false } as const;
const EDGE = { node: true, clock: true } as const;

const ROOMS_BELOW_APP = [
  'domain',
  'ports',
  'config',
  'collect',
  'rules',
  'plan',
  'check',
  'execute',
  'ledger',
  'observe',
  'serve',
  'simulate',
  'adapters',
];

export const HOUSE: Readonly<Record<string, Room>> = {
  domain: { ...PURE, rooms: [] },
  ports: { ...PURE, rooms: ['domain'] },
  plan: { ...PURE, rooms: ['domain'] },
  check: { ...PURE, rooms: ['domain'] },
  config: { ...SHELL, rooms: ['domain'], packages: ['zod', 'yaml', 'luxon', 'chokidar'] },
  collect: {
    ...SHELL,
    rooms: ['domain', 'ports'],
    packages: ['zod', 'undici', '@influxdata/influxdb-client', 'cockatiel', 'luxon'],
  },
  rules: {
    ...SHELL,
    rooms: ['domain', 'ports'],
    types: ['config'],
    packages: ['json-rules-engine', 'luxon'],
  },
  execute: { ...SHELL, rooms: ['domain', 'ports'], packages: ['cockatiel', 'luxon'] },
  ledger: {
    ...SHELL,
    rooms: ['domain', 'ports'],
    packages: ['better-sqlite3', 'kysely', 'pg', 'zod'],
  },
  observe: {
    ...SHELL,
    rooms: ['domain', 'ports'],
    packages: [
      'prom-client',
      '@influxdata/influxdb-client',
      '@opentelemetry/api',
      'pino',
      'luxon',
      'zod',
    ],
  },
  serve: {
    ...SHELL,
    rooms: ['domain', 'ports', 'observe'],
    packages: ['fastify', '@fastify/*', 'fastify-type-provider-zod', 'zod', 'luxon', 'pino'],
  },
  // The dashboard runs in a browser: its clock is the browser's, and there is no node.
  web: {
    rooms: ['domain'],
    packages: ['preact', '@preact/*', 'uplot'],
    node: false,
    clock: true,
  },
  simulate: { ...SHELL, rooms: ['domain', 'ports'], packages: ['zod', 'luxon'] },
  cli: {
    ...EDGE,
    rooms: [...ROOMS_BELOW_APP, 'app'],
    packages: ['commander', 'cli-table3', 'yaml', 'zod', 'luxon', 'undici', 'uuidv7', 'pino'],
  },
  app: {
    ...EDGE,
    rooms: ROOMS_BELOW_APP,
    packages: [
      'inversify',
      'reflect-metadata',
      'node-cron',
      'chokidar',
      'cockatiel',
      'luxon',
      'pino',
      'uuidv7',
      'yaml',
      'zod',
    ],
  },
  // The files beside the adapters (registry.ts, what several adapters share).
  adapters: {
    ...EDGE,
    rooms: ['domain', 'ports'],
    packages: ['undici', 'fast-xml-parser', 'koffi', 'cockatiel', 'luxon', 'uuidv7', 'zod'],
  },
  'adapters/simulated': { ...EDGE, rooms: ['domain', 'ports', 'simulate'], packages: ['zod'] },
};

/** The room of a file, from its path relative to the repository; undefined outside the house. */
export function roomOf(path: string): string | undefined {
  const [top, second, third] = path.split('/');
  if (top === 'src' && third !== undefined) {
    return second;
  }
  if (top !== 'adapters') {
    return undefined;
  }
  // One adapter is one room: it does not know another.
  return third === undefined ? 'adapters' : `adapters/${second}`;
}

/** The rules of a room; an adapter without an entry of its own follows those of `adapters`. */
export function rulesOf(room: string): Room | undefined {
  return HOUSE[room] ?? (room.startsWith('adapters/') ? HOUSE['adapters'] : undefined);
}
