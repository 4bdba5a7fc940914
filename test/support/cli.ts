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
  let out = '';
  let err = '';
  const code = await runCli(args, {
    out: (text) => {
      out += text;
    },
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
