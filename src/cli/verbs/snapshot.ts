/** `drover snapshot save F`: the fleet as a file, for support cases, tests and offline planning. */

import { rename, rm, writeFile } from 'node:fs/promises';

import type { Command } from 'commander';

import { makeClient } from '../client.ts';
import { CliError, EXIT, printJson, type Io, messageOf } from '../io.ts';
import { remoteOptions, type RemoteOptions } from './remote.ts';

interface SaveOptions extends RemoteOptions {
  readonly config?: string;
}

export function addSnapshot(program: Command, io: Io): void {
  const snapshot = program.command('snapshot').description('the fleet as a file');
  remoteOptions(snapshot.command('save'), { config: false })
    .description('write the fleet as it is now to a fleet file')
    .argument('<file>', 'where to')
    .option('--config <file>', 'read the sources of this drover.yaml instead of the daemon')
    .addHelpText('after', '\nExample:\n  drover snapshot save fleet.json')
    .action((file: string, options: SaveOptions) => save(io, file, options));
}

async function save(io: Io, file: string, options: SaveOptions): Promise<void> {
  const text = await fleetText(io, options);
  await writeWhole(file, text);
  if (options.json === true) printJson(io, { file, bytes: Buffer.byteLength(text) });
  else io.out(`saved to ${file}\n`);
}

async function fleetText(io: Io, options: SaveOptions): Promise<string> {
  if (options.config === undefined)
    return (await makeClient(io, options)).getText('/api/v1/snapshot');
  const { readLiveFleet } = await import('../inputs.ts');
  const { formatFleet } = await import('../../config/fleet-file.ts');
  return formatFleet((await readLiveFleet(io, options.config)).snapshot);
}

/** Never leaves half a file under the final name. */
async function writeWhole(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}.part`;
  try {
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw new CliError(EXIT.unavailable, `cannot write ${file}: ${messageOf(error)}`);
  }
}
