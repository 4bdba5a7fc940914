// Role: `drover run` when nobody reads its log any more: it goes on, the log goes to standard
// error, and when that is gone, too, it ends and does not call that a success.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { openStreams } from '../../src/cli/streams.ts';
import { type DaemonChild, lineOf, startDaemon } from '../support/daemon-child.ts';

let folder = '';
let children: DaemonChild[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-pipe-'));
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe('a daemon whose standard output breaks', () => {
  it('goes on, and so does its log, on standard error', async () => {
    const child = startDaemon(folder);
    children.push(child);
    await lineOf(child.stdout, /"started"/);
    child.stdout.destroy();
    const exited = once(child, 'exit');
    const said: string[] = [];
    const errors = createInterface({ input: child.stderr });
    for await (const text of errors) {
      said.push(text);
      if (/"snapshot taken"/.test(text)) child.kill('SIGTERM');
    }
    expect(await exited).toEqual([0, null]);
    expect(said[0]).toMatch(
      /^drover: standard output is gone \(.*EPIPE.*\): the log goes on here$/,
    );
    expect(said.join('\n')).toMatch(/"stopping"/);
  }, 120_000);

  it('ends with 3 when its log can be written nowhere', async () => {
    const child = startDaemon(folder);
    children.push(child);
    await lineOf(child.stdout, /"started"/);
    child.stdout.destroy();
    child.stderr.destroy();
    expect(await once(child, 'exit')).toEqual([3, null]);
  }, 120_000);
});

/** Takes so many texts, then fails. */
function sink(takes: number): { readonly stream: Writable; readonly texts: string[] } {
  const texts: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    autoDestroy: false,
    write(chunk: string, _encoding, done) {
      if (texts.length >= takes) {
        done(Object.assign(new Error('no reader'), { code: 'EPIPE' }));
        return;
      }
      texts.push(chunk);
      done();
    },
  });
  return { stream, texts };
}

describe('the streams of a process', () => {
  it('lose no line of the log when standard output breaks', async () => {
    const [first, second] = [sink(2), sink(100)];
    const onOutBroken = (): void => undefined;
    const { log } = openStreams({ stdout: first.stream, stderr: second.stream, onOutBroken });
    for (let i = 0; i < 5; i++) {
      log.write(`${i}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(first.texts).toEqual(['0\n', '1\n']);
    expect(second.texts.slice(1)).toEqual(['2\n', '3\n', '4\n']);
    expect(log.lost.aborted).toBe(false);
  });

  it('tell a verb once that its reader is gone', async () => {
    const broken: string[] = [];
    const { out } = openStreams({
      stdout: sink(1).stream,
      stderr: sink(1).stream,
      onOutBroken: ({ code }) => void broken.push(code ?? ''),
    });
    for (let i = 0; i < 4; i++) out('line\n');
    await new Promise((resolve) => setImmediate(resolve));
    expect(broken).toEqual(['EPIPE']);
  });
});
