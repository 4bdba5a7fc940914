// Role: what an adapter keeps over a restart is there again, whole, and nobody else can read it.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { memoryOf } from '../../../src/app/adapter-memory.ts';
import { sourceId } from '../../../src/domain/ids.ts';

describe('what an adapter keeps', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'drover-memory-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const open = (source = 'kvm') => memoryOf(folder, sourceId(source));

  it('is there after a restart, by name, until it is removed', async () => {
    expect(await open().read('guest a')).toBeUndefined();
    expect(await open().names()).toEqual([]);
    await open().write('host h1.example', 'one');
    await open().write('guest a', 'two');
    await open().write('guest a', 'three');
    expect(await open().read('guest a')).toBe('three');
    expect(await open().names()).toEqual(['guest a', 'host h1.example']);
    await open().remove('guest a');
    await open().remove('guest a');
    expect(await open().names()).toEqual(['host h1.example']);
  });

  it('is each source’s own, whatever it is called', async () => {
    for (const source of ['a/b', '..', 'a', '.']) await open(source).write('../x', source);
    for (const source of ['a/b', '..', 'a', '.']) {
      expect(await open(source).read('../x')).toBe(source);
    }
    expect(readdirSync(folder)).toEqual(['sources']);
    await expect(open().write('x'.repeat(300), '')).rejects.toThrow(/too long/);
  });

  it('can be read by its owner only', async () => {
    await open().write('guest a', 'a password');
    const kept = join(folder, 'sources', 'kvm');
    expect(statSync(kept).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(kept)) {
      expect(statSync(join(kept, file)).mode & 0o777).toBe(0o600);
    }
  });

  it('takes no half-written file for one', async () => {
    await open().write('guest a', 'whole');
    writeFileSync(join(folder, 'sources', 'kvm', 'guest%20b.kept.new'), 'half');
    expect(await open().names()).toEqual(['guest a']);
    expect(await open().read('guest b')).toBeUndefined();
  });
});
