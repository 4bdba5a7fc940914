/**
 * A hook that is a command: run without a shell, with what it is about in its environment. Its
 * whole process group ends at the time-out, or with Drover.
 */

import { type ProgramEnd, runProgram } from '../../adapters/program.ts';
import { assertNever } from '../domain/result.ts';
import type { Seconds } from '../domain/units.ts';
import type { HookAnswer, HookCall } from '../ports/hooks.ts';

/** Characters of output that are kept: enough for the last screen of a log. */
export const OUTPUT_KEPT = 4_000;
/** Between asking a process to end and ending it. */
const GRACE_SECONDS = 10;

export async function runCommand(
  command: readonly string[],
  timeout: Seconds,
  call: HookCall,
  signal: AbortSignal,
): Promise<HookAnswer> {
  const limits = { timeoutSeconds: timeout, graceSeconds: GRACE_SECONDS, outputKept: OUTPUT_KEPT };
  const ended = await runProgram({ command, env: environmentOf(call), ...limits }, signal);
  const problem = problemOf(ended, timeout);
  const told = [problem, ended.output].filter((part) => part !== '');
  return { isDone: problem === '', detail: told.join(': ') };
}

/** Empty: it did what it was to do. */
function problemOf({ how, code, by, problem }: ProgramEnd, timeout: Seconds): string {
  switch (how) {
    case 'late':
      return `not done within ${timeout} s`;
    case 'given-up':
      return 'Drover stops';
    case 'not-started':
      return `cannot be started: ${problem}`;
    case 'ended':
      return code === 0 ? '' : `ended with ${code ?? by ?? '?'}`;
    default:
      return assertNever(how, 'end of a program');
  }
}

function environmentOf({ order, host, reason, attempt }: HookCall): Record<string, string> {
  return {
    DROVER_ORDER: order,
    DROVER_HOST_ID: host.id,
    DROVER_HOST_NAME: host.name,
    DROVER_REASON: reason,
    DROVER_ATTEMPT: String(attempt),
  };
}
