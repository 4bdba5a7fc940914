/**
 * What a verb may touch of the outside world, so that tests can run any verb in-process. Verbs
 * print only through this and never end the process: they return an exit code.
 */

import type { LogOutput } from './streams.ts';

/** Exit codes that scripts can rely on. */
export const EXIT = {
  done: 0,
  /** Findings or violations where the verb was asked to check. */
  findings: 1,
  /** Wrong usage or invalid input. */
  usage: 2,
  /** The daemon, a hypervisor or a file could not be reached. */
  unavailable: 3,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** For the help and the README. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'findings or violations, where the verb was asked to check (doctor, plan, --dry-run, …)',
  2: 'wrong usage or invalid input',
  3: 'the daemon, a hypervisor or a file could not be reached',
};

/** Nobody is left to be told that something ended early. */
export const READER_GONE = new DOMException('standard output is taken no more', 'AbortError');

export interface Io {
  readonly out: (text: string) => void;
  /** Resolves when the reader has taken all of it, or is gone: for long texts. */
  readonly drained: () => Promise<void>;
  readonly err: (text: string) => void;
  /** For the log of a daemon: standard output, and when that breaks, standard error. */
  readonly log: LogOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTty: boolean;
  /** From now on SIGHUP calls this instead of ending the process; returns what ends that. */
  readonly onHangup: (listener: () => void) => () => void;
  /** Aborted on SIGINT and SIGTERM, and with the reason READER_GONE when nobody takes our words. */
  readonly stop: AbortSignal;
}

/** Ends a verb with a message for people: what happened, and what to do about it. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly hint: string;

  constructor(exitCode: ExitCode, message: string, hint = '') {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** One JSON document on standard output, the same for every verb. */
export function printJson(io: Io, value: unknown): void {
  io.out(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** The message, and that of what caused it: "fetch failed" alone helps nobody. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause.message : '';
  return cause === '' ? error.message : `${error.message}: ${cause}`;
}
