/**
 * A hook that is a command: run without a shell, with what it is about in its environment. Its
 * whole process group ends at the time-out, or with Drover. It is over when the command itself has
 * ended, whatever that has left behind. Of its output the end is kept.
 */

import { spawn } from 'node:child_process';

import type { Seconds } from '../domain/units.ts';
import type { HookAnswer, HookCall } from '../ports/hooks.ts';

/** Characters of output that are kept: enough for the last screen of a log. */
export const OUTPUT_KEPT = 4_000;
/** Between asking a process to end and ending it. */
const GRACE_MS = 10_000;
/** For what a process has written right before its end. */
const LAST_WORDS_MS = 1_000;

/** Nothing else of Drover's own environment is passed on: there are secrets in it. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ'] as const;

export function runCommand(
  command: readonly string[],
  timeout: Seconds,
  call: HookCall,
  signal: AbortSignal,
): Promise<HookAnswer> {
  const [file = '', ...args] = command;
  const env = environmentOf(call);
  return new Promise((resolve) => {
    const child = spawn(file, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let reason = '';
    const keep = (text: unknown): void => {
      output = `${output}${String(text)}`.slice(-OUTPUT_KEPT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const end = (why: string): void => {
      if (reason !== '') return;
      reason = why;
      endGroup(child.pid, 'SIGTERM');
      setTimeout(() => endGroup(child.pid, 'SIGKILL'), GRACE_MS).unref();
    };
    const late = setTimeout(() => end(`not done within ${timeout} s`), timeout * 1000);
    const stop = (): void => end('Drover stops');
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const settle = (problem: string): void => {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      const told = [reason === '' ? problem : reason, output.trim()].filter((part) => part !== '');
      resolve({ isDone: reason === '' && problem === '', detail: told.join(': ') });
    };
    child.on('error', (error) => settle(`cannot be started: ${error.message}`));
    child.on('exit', () => {
      // What it has left behind in another session may keep its output open for ever.
      const letGo = (): void => {
        child.stdout.destroy();
        child.stderr.destroy();
      };
      setTimeout(letGo, LAST_WORDS_MS).unref();
    });
    child.on('close', (code, by) => settle(code === 0 ? '' : `ended with ${code ?? by ?? '?'}`));
  });
}

function environmentOf({ order, host, reason, attempt }: HookCall): NodeJS.ProcessEnv {
  const passed = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(passed),
    DROVER_ORDER: order,
    DROVER_HOST_ID: host.id,
    DROVER_HOST_NAME: host.name,
    DROVER_REASON: reason,
    DROVER_ATTEMPT: String(attempt),
  };
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
