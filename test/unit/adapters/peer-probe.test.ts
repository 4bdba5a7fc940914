// Role: what is run to ask a peer, what of it is believed, and that none of it is left behind.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type PeerCommand, PeerCommandProbe } from '../../../adapters/peer-probe.ts';
import { aHost } from '../../support/fleet.ts';

const NEVER = new AbortController().signal;
const H1 = aHost({ id: 'h1' });
const H2 = aHost({ id: 'h2' });

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-peer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Asks by a program that writes down its arguments, one a line, and then does `body`. */
function probe(body: string, options: Partial<PeerCommand> = {}): PeerCommandProbe {
  const program = join(folder, 'ask');
  const script = `#!/bin/sh\nfor one in "$@"; do echo "$one" >>'${heardFile()}'; done\n${body}\n`;
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  const command = [program, '{peer}', 'nc', '-z', '{host}', '22'];
  return new PeerCommandProbe({ command, peers: 3, timeoutSeconds: 20, ...options });
}

function heardFile(): string {
  return join(folder, 'heard');
}

describe('a peer that is asked', () => {
  it.each([
    ['exit 0', { kind: 'reaches' }],
    ['exit 1', { kind: 'does-not-reach' }],
  ])('has an answer: %s', async (body, answer) => {
    expect(await probe(body).ask(H2, H1, NEVER)).toEqual(answer);
    expect(readFileSync(heardFile(), 'utf8')).toBe('h2\nnc\n-z\nh1\n22\n');
  });

  it.each([
    ['exit 255', 'ended with 255'],
    ['exit 127', 'ended with 127'],
    ['exit 2', 'ended with 2'],
    ['kill -9 $$', 'ended with SIGKILL'],
    ['echo one; echo "no route to h2" >&2; exit 255', 'ended with 255 (no route to h2)'],
    // Only the end of a flood is kept.
    [
      "head -c 1000000 /dev/zero | tr '\\0' x; exit 3",
      expect.stringMatching(/^ended with 3.{0,130}$/),
    ],
  ])('says nothing otherwise: %s', async (body, detail) => {
    expect(await probe(body).ask(H2, H1, NEVER)).toEqual({ kind: 'unknown', detail });
  });

  it('says nothing where the program cannot be run', async () => {
    const command = ['/no/such/program', '{peer}', '{host}'];
    const answer = await probe('', { command }).ask(H2, H1, NEVER);
    const detail = expect.stringMatching(/^cannot be started: .*ENOENT/);
    expect(answer).toEqual({ kind: 'unknown', detail });
    const odd = await probe('', { command: ['a\0b', '{peer}', '{host}'] }).ask(H2, H1, NEVER);
    expect(odd.kind).toBe('unknown');
  });
});

describe('names in the command', () => {
  it('may stand within an argument, and more than once', async () => {
    const asking = probe('exit 0');
    const command = [join(folder, 'ask'), 'root@{peer}', '{host}:{host}', '$HOME; {other}'];
    await new PeerCommandProbe({ command, peers: 3, timeoutSeconds: 20 }).ask(H2, H1, NEVER);
    expect(readFileSync(heardFile(), 'utf8')).toBe('root@h2\nh1:h1\n$HOME; {other}\n');
    expect(asking.peers).toBe(3);
  });

  it.each([
    '-oProxyCommand=reboot',
    '-v',
    'h1;reboot',
    'h1 reboot',
    '$(reboot)',
    '`reboot`',
    'h1\nreboot',
    'root@h1',
    '{host}',
    'h1&',
    '',
  ])('are not given away where a shell or an option parser could read them: %j', async (name) => {
    const asking = probe('exit 0');
    const odd = aHost({ id: 'odd', name });
    expect(asking.covers(odd)).toBe(false);
    const answers = [await asking.ask(odd, H1, NEVER), await asking.ask(H2, odd, NEVER)];
    expect(answers.map(({ kind }) => kind)).toEqual(['unknown', 'unknown']);
    expect(existsSync(heardFile())).toBe(false);
  });

  it.each(['h1', 'node-7.lab.example', '10.0.0.1', 'fe80::1', '_x'])('may be %s', (name) => {
    expect(probe('').covers(aHost({ id: 'x', name }))).toBe(true);
  });
});

describe('a question without an answer', () => {
  const STUCK = 'sleep 600 & echo $! >"$0.pids"; echo $$ >>"$0.pids"; wait';

  function started(): readonly number[] {
    const file = join(folder, 'ask.pids');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8').trim().split('\n').map(Number);
  }

  it('ends at its time-out, with all that it has started', async () => {
    const from = performance.now();
    const answer = await probe(STUCK, { timeoutSeconds: 1 }).ask(H2, H1, NEVER);
    expect(answer).toEqual({ kind: 'unknown', detail: 'no answer within 1 s' });
    expect(performance.now() - from).toBeLessThan(10_000);
    expect(started()).toHaveLength(2);
    await expect.poll(() => started().some(isRunning), { timeout: 10_000 }).toBe(false);
  });

  // Tried again, because a busy machine starts programs slowly.
  it('is over at its time-out, not only when it has gone', { retry: 4 }, async () => {
    const left = probe('setsid sleep 5 & exec sleep 600', { timeoutSeconds: 0.1 });
    const from = performance.now();
    expect((await left.ask(H2, H1, NEVER)).kind).toBe('unknown');
    // What holds its output open would be waited for a second longer.
    expect(performance.now() - from).toBeLessThan(1000);
  });

  it('ends when it is given up, and is not begun after that', async () => {
    const giving = new AbortController();
    const asked = probe(STUCK).ask(H2, H1, giving.signal);
    await expect.poll(() => started().length, { timeout: 10_000 }).toBe(2);
    giving.abort();
    expect(await asked).toEqual({ kind: 'unknown', detail: 'not waited for' });
    await expect.poll(() => started().some(isRunning), { timeout: 10_000 }).toBe(false);
    rmSync(heardFile());
    const late = await probe('exit 0').ask(H2, H1, giving.signal);
    expect(late).toEqual({ kind: 'unknown', detail: 'not asked' });
    expect(existsSync(heardFile())).toBe(false);
  });

  it('knows nothing of what else Drover knows', async () => {
    process.env['DROVER_TOKEN'] = 'secret';
    const answer = await probe('env | grep -q DROVER_TOKEN && exit 0; exit 1').ask(H2, H1, NEVER);
    delete process.env['DROVER_TOKEN'];
    expect(answer).toEqual({ kind: 'does-not-reach' });
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that nobody has taken the end of is no process any more.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
