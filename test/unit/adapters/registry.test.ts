// Role: the registry names exactly the adapter folders that there are, and each is complete.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { ADAPTER_NAMES, isAdapterName, loadAdapter } from '../../../adapters/registry.ts';
import { ROOT } from '../../tools/repository.ts';

const folders = readdirSync(join(ROOT, 'adapters'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe('adapter registry', () => {
  it('lists the folders on disk', () => {
    expect(ADAPTER_NAMES.toSorted()).toEqual(folders.toSorted());
    expect(folders.every(isAdapterName)).toBe(true);
    expect(isAdapterName('toString')).toBe(false);
  });

  it.each(ADAPTER_NAMES)(
    'loads %s, which judges options without touching anything',
    async (name) => {
      const adapter = await loadAdapter(name);
      const prepared = adapter.prepare({ 'no such option': true });
      expect(prepared).toMatchObject({
        ok: false,
        error: expect.arrayContaining([
          { path: [], message: expect.stringMatching(/./), expected: expect.any(String) },
        ]),
      });
    },
  );

  it.each(folders)('%s says what it can do and which rights it needs', (name) => {
    const readme = join(ROOT, 'adapters', name, 'README.md');
    expect(existsSync(readme)).toBe(true);
    const text = readFileSync(readme, 'utf8');
    expect(text).toContain('## Capabilities');
    expect(text).toContain('## Privileges');
  });
});
