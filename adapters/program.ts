/**
 * Runs a program without a shell, in a process group of its own, which ends at the time-out or when
 * the caller gives up. It is over when the program itself has ended, whatever that has left behind.
 * Of its output the end is kept.
 */

import { spawn } from 'node:child_process';

/** For what a process has written right before its end. */
const LAST_WORDS_MS = 1_000;

/** Nothing else of Drover's own environment is passed on: there are secrets in it. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ'] as const;

export interface Program {
  /** The program, looked up in PATH, and its arguments. */
  readonly command: readonly string[];
  /** Beside what every program gets. */
  readonly env: Readonly<Record<string, string>>;
  /** What it reads; absent: nothing (bash takes a socket there for a remote shell). */
  readonly input?: string | undefined;
  /** What it leaves behind is ended with it, before anybody hears of its end. */
  readonly endsGroup?: boolean;
  readonly timeoutSeconds: number;
  /** Between asking its group to end and ending it; 0: ended at once, and not waited for. */
  readonly graceSeconds: number;
  /** Characters of its output that are kept: the last ones. */
  readonly outputKept: number;
}

export interface ProgramEnd {
  /**
   * - `ended`: by itself; `code` and `by` say how.
   * - `late`, `given-up`: it was ended at its time-out, or when `signal` was aborted.
   * - `not-started`: `problem` says why.
   */
  readonly how: 'ended' | 'late' | 'given-up' | 'not-started';
  readonly code: number | null;
  /** The signal that ended it, if one did. */
  readonly by: NodeJS.Signals | null;
  readonly problem: string;
  /** Of both its streams, without white space around it. */
  readonly output: string;
  /** Of its standard output alone. */
  readonly stdout: string;
}

/** Rejects only where the command cannot be given to the system at all (a NUL in it). */
export function runProgram(program: Program, signal: AbortSignal): Promise<ProgramEnd> {
  const { input, timeoutSeconds, graceSeconds, outputKept } = program;
  const [file = '', ...args] = program.command;
  const env = { ...passedOn(), ...program.env };
  return new Promise((resolve) => {
    const stdin = input === undefined ? 'ignore' : 'pipe';
    const child = spawn(file, args, { env, detached: true, stdio: [stdin, 'pipe', 'pipe'] });
    let [output, stdout] = ['', ''];
    let cut: 'late' | 'given-up' | undefined;
    const keep = (text: unknown): void => {
      output = `${output}${String(text)}`.slice(-outputKept);
    };
    const keepSaid = (text: unknown): void => {
      stdout = `${stdout}${String(text)}`.slice(-outputKept);
    };
    // One that has ended before it read all of it says why itself.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    const letGo = (): void => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    child.stdout?.on('data', keep);
    child.stdout?.on('data', keepSaid);
    child.stderr?.on('data', keep);
    const settle = (end: Partial<ProgramEnd>): void => {
      clearTimeout(late);
      signal.removeEventListener('abort', giveUp);
      const how = cut ?? 'ended';
      const said = { output: output.trim(), stdout: stdout.trim() };
      resolve({ how, code: null, by: null, problem: '', ...said, ...end });
    };
    const end = (why: 'late' | 'given-up'): void => {
      if (cut !== undefined) return;
      cut = why;
      if (graceSeconds === 0) {
        endGroup(child.pid, 'SIGKILL');
        letGo();
        settle({});
        return;
      }
      endGroup(child.pid, 'SIGTERM');
      setTimeout(() => endGroup(child.pid, 'SIGKILL'), graceSeconds * 1000).unref();
    };
    const late = setTimeout(() => end('late'), timeoutSeconds * 1000);
    const giveUp = (): void => end('given-up');
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    child.on('error', ({ message }) => settle({ how: cut ?? 'not-started', problem: message }));
    // What it has left behind in another session may keep its output open for ever.
    child.on('exit', () => {
      if (program.endsGroup === true) endGroup(child.pid, 'SIGKILL');
      setTimeout(letGo, LAST_WORDS_MS).unref();
    });
    child.on('close', (code, by) => settle({ code, by }));
  });
}

function passedOn(): Readonly<Record<string, string>> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(passed);
}

/** The process leads a group of its own, so that what it has started ends with it. */
function endGroup(pid: number | undefined, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}
