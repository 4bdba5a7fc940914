// Role: one command line in-process, with what it printed.
import type { Io } from '../../src/cli/io.ts';
import { runCli } from '../../src/cli/program.ts';

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function cli(
  args: readonly string[],
  env: Io['env'] = {},
  stop: AbortSignal = new AbortController().signal,
): Promise<CliRun> {
  return cliHeard(args, { env, stop, hear: () => undefined });
}

interface Hearing {
  readonly env?: Io['env'];
  readonly stop?: AbortSignal;
  /** Told each piece of the output as it is printed. */
  readonly hear: (text: string) => void;
  /** Resolves when it was taken: at once, if nothing is said. */
  readonly drained?: Io['drained'];
}

export async function cliHeard(
  args: readonly string[],
  {
    env = {},
    stop = new AbortController().signal,
    hear,
    drained = () => Promise.resolve(),
  }: Hearing,
): Promise<CliRun> {
  let out = '';
  let err = '';
  const code = await runCli(args, {
    out: (text) => {
      out += text;
      hear(text);
    },
    drained,
    err: (text) => {
      err += text;
    },
    log: {
      write: (text) => {
        out += text;
      },
      lost: new AbortController().signal,
    },
    env,
    isTty: false,
    onHangup: () => () => undefined,
    stop,
  });
  return { code, out, err };
}
