/** `drover run`: the daemon, until it is told to stop. */

import type { Command } from 'commander';

import { accessFileIn } from '../access.ts';
import { PolicyErrors, SourceErrors } from '../../app/input-errors.ts';
import { CliError, EXIT, type Io } from '../io.ts';

interface RunOptions {
  readonly config: string;
}

const HELP = `
SIGTERM and SIGINT stop it (moves under way go on), SIGHUP reads the policy files again.

Example:
  drover run --config /etc/drover/drover.yaml`;

export function addRun(program: Command, io: Io): void {
  program
    .command('run')
    .description('the daemon; a real cluster is only observed until a policy says otherwise')
    .requiredOption('--config <file>', 'drover.yaml')
    .addHelpText('after', HELP)
    .action((options: RunOptions) => run(io, options));
}

async function run(io: Io, options: RunOptions): Promise<void> {
  const { loadConfig } = await import('../inputs.ts');
  const { runDaemon } = await import('../../app/run-daemon.ts');
  const config = await loadConfig(options.config);
  const accessFile = accessFileIn(config.stateDir);
  const stop = AbortSignal.any([io.stop, io.log.lost]);
  try {
    await runDaemon({ config, accessFile, write: io.log.write, onReload: io.onHangup, stop });
  } catch (error) {
    if (isUsage(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.unavailable, `cannot run: ${reason}`);
  }
  // A stop that nobody ordered is no success: whoever supervises the daemon starts it again.
  if (io.log.lost.aborted && !io.stop.aborted)
    throw new CliError(EXIT.unavailable, 'stopped: the log can be written nowhere any more');
}

/** What the operator has to mend in a file is said as it is. */
function isUsage(error: unknown): boolean {
  return error instanceof PolicyErrors || error instanceof SourceErrors;
}
