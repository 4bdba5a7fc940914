/** `drover demo`: a simulated datacenter and the whole daemon on it; nothing to set up. */

import type { Command } from 'commander';

import type { Narrator } from '../../observe/narrate.ts';
import { DEFAULT_PORT, demoAccessFile } from '../access.ts';
import { CliError, EXIT, type Io } from '../io.ts';

interface DemoVerbOptions {
  readonly for?: string;
  readonly speed: string;
  readonly seed: string;
  readonly hosts: string;
  readonly vms: string;
}

export function addDemo(program: Command, io: Io): void {
  program
    .command('demo')
    .description('a simulated datacenter and the whole daemon on it; nothing to set up')
    .option('--for <time>', 'end by itself, with a summary, after this long: 60s, 5m')
    .option('--speed <n>', 'simulated seconds per second', '60')
    .option('--seed <n>', 'another seed, another datacenter', '1')
    .option('--hosts <n>', 'hosts', '24')
    .option('--vms <n>', 'VMs', '400')
    .addHelpText('after', '\nExample:\n  drover demo --for 60s')
    .action((options: DemoVerbOptions) => demo(io, options));
}

async function demo(io: Io, options: DemoVerbOptions): Promise<void> {
  const stop = stopSignal(io, options.for);
  const { startDemo } = await import('../../app/demo.ts');
  const { untilAborted } = await import('../../app/until-aborted.ts');
  const { narrate, wantsColour } = await import('../../observe/narrate.ts');
  const { flushTraces, subscribeTraces } = await import('../../observe/traces.ts');
  const { systemClock } = await import('../../app/system-clock.ts');
  const { VERSION } = await import('../../app/version.ts');
  let narrator: Narrator | undefined;
  const running = await startDemo({
    hosts: wholeNumber('--hosts', options.hosts, [1, 10_000]),
    vms: wholeNumber('--vms', options.vms, [0, 200_000]),
    seed: wholeNumber('--seed', options.seed, [0, 0xffff_ffff]),
    speed: wholeNumber('--speed', options.speed, [1, 3600]),
    port: DEFAULT_PORT,
    accessFile: demoAccessFile(io.env),
    subscribe(events, clock) {
      narrator = narrate(events, {
        write: io.out,
        isTty: io.isTty,
        colour: wantsColour(io.isTty, io.env),
        columns: () => process.stdout.columns ?? NARROW,
        clock,
        watched: () => performance.now() / 1000,
      });
      const endTraces = subscribeTraces(events, { clock, version: VERSION });
      const { close } = narrator;
      return async () => {
        endTraces();
        await flushTraces(systemClock());
        close();
      };
    },
    tell: (text) => narrator?.say(`~ ${text}`),
  });
  io.out(`listening on ${running.daemon.address ?? '?'}: try "npx drover status" meanwhile\n`);
  await untilAborted(stop);
  await running.stop(io.stop.aborted ? 'signal' : '--for is over');
  io.out(narrator?.summary() ?? '');
}

/** Columns of a terminal that does not say how wide it is. */
const NARROW = 80;

function stopSignal(io: Io, text: string | undefined): AbortSignal {
  if (text === undefined) return io.stop;
  return AbortSignal.any([io.stop, AbortSignal.timeout(milliseconds(text))]);
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Timers overflow beyond. */
const LONGEST_MS = 2 ** 31 - 1;

function milliseconds(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text);
  const value = Number(match?.[1]) * (UNITS[match?.[2] === '' ? 's' : (match?.[2] ?? 's')] ?? 1);
  if (match === null || value <= 0 || value > LONGEST_MS)
    throw new CliError(EXIT.usage, `--for ${text}: expected a time like 60s, 5m or 1h, to 24 days`);
  return value;
}

function wholeNumber(
  option: string,
  text: string,
  [least, most]: readonly [number, number],
): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new CliError(EXIT.usage, `${option} ${text}: expected ${least} to ${most}, whole`);
  return value;
}
