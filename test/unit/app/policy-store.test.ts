// Role: the policies in force while somebody edits their files, with real files and the real
// watcher, in the ways in which editors and configuration management do it.
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { PolicyStore } from '../../../src/app/policy-store.ts';
import { makePipe } from '../../support/pipe.ts';
import { type RecordingEvents, recordingEvents } from '../../support/recording-events.ts';

let folder = '';
let events: RecordingEvents;
let store: PolicyStore | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-policy-store-'));
  events = recordingEvents();
});

afterEach(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

function policy(mode: string): string {
  return `apiVersion: drover/v1\nkind: Policy\nmode: ${mode}\n`;
}

function write(name: string, mode: string): string {
  const file = join(folder, name);
  writeFileSync(file, policy(mode));
  return file;
}

async function watched(path: string): Promise<PolicyStore> {
  store = await PolicyStore.open([path], events);
  store.watch();
  // The watcher is up and what it missed is taken up; edits from here on are what is tested.
  await sleep(500);
  return store;
}

/** Well before the files are read again at intervals: it is the watcher that has to see it. */
async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 50) {
    if (waited > 15_000) throw new Error(`not so after ${waited} ms`);
    await sleep(50);
  }
}

const modeOf = (one: PolicyStore): string => one.policies.mode.default;

describe('an edit of a policy file', () => {
  it('is not missed between the first reading and the watch', async () => {
    const file = write('p.yaml', 'observe');
    store = await PolicyStore.open([file], events);
    const opened = store;
    write('p.yaml', 'approve');
    opened.watch();
    await until(() => modeOf(opened) === 'approve');
  }, 30_000);

  it('is taken up when it is written in place', async () => {
    const opened = await watched(write('p.yaml', 'observe'));
    write('p.yaml', 'approve');
    await until(() => modeOf(opened) === 'approve');
  }, 30_000);

  it('is taken up when an editor renames the new file into place, again and again', async () => {
    const file = write('p.yaml', 'observe');
    const opened = await watched(file);
    for (const mode of ['approve', 'observe', 'automatic']) {
      renameSync(write('.p.yaml.swp', mode), file);
      await until(() => modeOf(opened) === mode);
    }
    expect(events.of('policies-refused')).toEqual([]);
  }, 60_000);

  it.each([
    ['the folder', '.'],
    ['a file in it', 'p.yaml'],
  ])(
    'is taken up when a mounted ConfigMap is swapped, by %s',
    async (_what, path) => {
      // As kubelet lays it out: p.yaml -> ..data/p.yaml, ..data -> ..1; the swap renames ..data.
      const release = (name: string, mode: string): void => {
        mkdirSync(join(folder, name));
        write(join(name, 'p.yaml'), mode);
        symlinkSync(name, join(folder, '..data_tmp'));
        renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
      };
      release('..1', 'observe');
      symlinkSync(join('..data', 'p.yaml'), join(folder, 'p.yaml'));
      const opened = await watched(join(folder, path));
      release('..2', 'approve');
      rmSync(join(folder, '..1'), { recursive: true });
      await until(() => modeOf(opened) === 'approve');
      release('..3', 'automatic');
      await until(() => modeOf(opened) === 'automatic');
      expect(events.of('policies-refused')).toEqual([]);
    },
    60_000,
  );

  it('does no harm while the file is absent for a moment', async () => {
    const file = write('p.yaml', 'observe');
    const opened = await watched(file);
    rmSync(file);
    await sleep(1_000);
    write('p.yaml', 'approve');
    await until(() => modeOf(opened) === 'approve');
    expect(events.of('policies-refused')).toEqual([]);
  }, 30_000);

  it('does not end what one file of a folder says while that file is being replaced', async () => {
    write('a.yaml', 'observe');
    write('b.yaml', 'observe');
    const opened = await watched(folder);
    rmSync(join(folder, 'b.yaml'));
    await sleep(1_000);
    expect(opened.policies.files).toHaveLength(2);
    write('b.yaml', 'observe');
    await sleep(3_000);
    expect(opened.policies.files).toHaveLength(2);
    expect(events.of('policies')).toEqual([]);
    rmSync(join(folder, 'b.yaml'));
    write('c.yaml', 'observe');
    await until(() => opened.policies.files.some((file) => file.endsWith('c.yaml')));
    expect(opened.policies.files).toHaveLength(2);
  }, 60_000);

  it('leaves the policies in force when the last file is gone, and says so', async () => {
    const file = write('p.yaml', 'approve');
    const opened = await watched(folder);
    rmSync(file);
    await until(() => opened.errors.length > 0);
    expect(opened.errors[0]).toMatch(/the folder has no policy file/);
    expect(modeOf(opened)).toBe('approve');
    write('p.yaml', 'approve');
    await until(() => opened.errors.length === 0);
    // Also told where the mended files are the very set in force: nobody is left with an alarm.
    expect(events.names.at(-1)).toBe('policies');
  }, 30_000);

  it('is told of also while others are busy in the folder', async () => {
    const file = write('p.yaml', 'approve');
    const opened = await watched(folder);
    rmSync(file);
    let writes = 0;
    await until(() => {
      writes += 1;
      writeFileSync(join(folder, 'other.txt'), `${writes}`);
      return opened.errors.length > 0;
    });
    expect(writes).toBeGreaterThan(20);
  }, 30_000);

  it('is refused with its place when it is bad, and the old policies stay in force', async () => {
    const file = write('p.yaml', 'approve');
    const opened = await watched(file);
    writeFileSync(file, `${policy('observe')}rulez: []\n`);
    await until(() => opened.errors.length > 0);
    expect(opened.errors).toEqual([expect.stringMatching(/p\.yaml:4:1 .*rulez/)]);
    expect(modeOf(opened)).toBe('approve');
    expect(events.of('policies-refused')).toHaveLength(1);
  }, 30_000);

  it('is taken up at once by who asks, who is told also when nothing has changed', async () => {
    const file = write('p.yaml', 'observe');
    store = await PolicyStore.open([file], events);
    write('p.yaml', 'approve');
    await Promise.all([store.reload(), store.reload()]);
    expect([modeOf(store), events.names]).toEqual(['approve', ['policies', 'policies']]);
  });
});

describe('a policy file that cannot be read to its end', () => {
  it('does not keep the daemon from stopping when reading it hangs', async () => {
    const file = write('p.yaml', 'observe');
    const opened = await watched(file);
    rmSync(file);
    // Opening a pipe that nobody writes hangs, as files of a dead network file system do.
    makePipe(file);
    const reloaded = opened.reload();
    // The open hangs by then.
    await sleep(500);
    try {
      await opened.close();
    } finally {
      // For reading, too: that does not wait for the reader.
      const end = openSync(file, 'r+');
      writeSync(end, policy('automatic'));
      closeSync(end);
    }
    await reloaded;
    expect(modeOf(opened)).toBe('observe');
  }, 30_000);

  it('is refused when it has no end', async () => {
    const file = write('p.yaml', 'observe');
    const opened = await watched(file);
    rmSync(file);
    symlinkSync('/dev/zero', file);
    await opened.reload();
    expect(opened.errors.join()).toContain('the file is too large');
    expect(modeOf(opened)).toBe('observe');
  }, 30_000);
});
