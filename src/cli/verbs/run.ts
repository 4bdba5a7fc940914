/** `drover run`: the daemon, until it is told to stop. */

import type { Command } from 'commander';

import { buildSources, SourceErrors } from '../../app/build-sources.ts';
import { buildDaemon } from '../../app/container.ts';
import { systemClock } from '../../app/system-clock.ts';
import { subscribeInflux } from '../../observe/influx.ts';
import { makeLogger, subscribeLog } from '../../observe/log.ts';
import { accessFileIn } from '../access.ts';
import { messageOf } from '../client.ts';
import { loadConfig } from '../inputs.ts';
import { CliError, EXIT, type Io } from '../io.ts';

interface RunOptions {
  readonly config: string;
}

export function addRun(program: Command, io: Io): void {
  program
    .command('run')
    .description('the daemon; a real cluster is only observed until a policy says otherwise')
    .requiredOption('--config <file>', 'drover.yaml')
    .addHelpText('after', '\nExample:\n  drover run --config /etc/drover/drover.yaml')
    .action((options: RunOptions) => run(io, options));
}

async function run(io: Io, options: RunOptions): Promise<void> {
  const config = await loadConfig(options.config);
  const clock = systemClock();
  const logger = makeLogger({ level: config.log.level, write: io.out });
  const daemon = await buildDaemon({
    config,
    clock,
    sources: () => buildSources(config, clock),
    subscribe(events) {
      const off = subscribeLog(events, logger);
      if (config.influx === undefined) return off;
      const influx = subscribeInflux(events, { ...config.influx, clock });
      return async () => {
        await influx.close();
        off();
      };
    },
    seed: 1,
    speed: 1,
    accessFile: accessFileIn(config.stateDir),
  }).catch((error: unknown) => {
    if (error instanceof SourceErrors) throw new CliError(EXIT.usage, error.message);
    throw error;
  });
  await daemon.start().catch(async (error: unknown) => {
    await daemon.stop('it could not start');
    throw new CliError(EXIT.unavailable, `cannot start: ${messageOf(error)}`);
  });
  await untilAborted(io.stop);
  await daemon.stop('signal');
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
