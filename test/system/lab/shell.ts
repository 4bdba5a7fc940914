// Role: runs programs for the lab, always with a time limit, and tells failures with all that the
// program said. Only the lab's scripts and virsh go through here; tests use lab.ts.
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** After this the program is killed and the run counts as failed. */
  readonly timeoutMs?: number;
}

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
/** A time limit that only a hung program meets, even on a machine that does much else. */
const TIMEOUT_MS = 300_000;
/** What a program that was ended by a signal returns, as in timeout(1). */
const CODE_KILLED = 124;

/** Runs a program and tells how it went; never throws for a failure of the program. */
export function tryRun(
  program: string,
  args: readonly string[],
  { timeoutMs = TIMEOUT_MS }: RunOptions = {},
): Promise<Outcome> {
  const options = {
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: OUTPUT_BYTES_MAX,
  } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : CODE_KILLED;
      const note = error === null || stderr !== '' ? '' : error.message;
      resolve({ code, stdout, stderr: stderr + note });
    });
  });
}

/** Runs a program and returns what it printed, without the last line break. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryRun(program, args, options);
  if (code !== 0) {
    throw new Error(`${program} ${args.join(' ')}: exit code ${code}: ${stderr.trim()}`);
  }
  return stdout.trimEnd();
}

/** Asks again and again until `look` gives something; fails with `what` after the time limit. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  { timeoutMs = TIMEOUT_MS, everyMs = 50 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`lab: ${what}: not within ${timeoutMs} ms`);
    await sleep(everyMs);
  }
}
