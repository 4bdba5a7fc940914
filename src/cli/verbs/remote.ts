/** What all verbs share that ask the running daemon: options, client, JSON or text. */

import type { Command } from 'commander';

import { makeClient, type Client, type ClientOptions } from '../client.ts';
import { CliError, EXIT, printJson, type Io } from '../io.ts';

export interface RemoteOptions extends ClientOptions {
  readonly json?: boolean | undefined;
}

/**
 * Adds the options that every such verb takes. `config: false`: --config means something else
 * there, or something more.
 */
export function remoteOptions(command: Command, { config = true } = {}): Command {
  command
    .option('--server <url>', 'where the daemon listens (default: $DROVER_SERVER or loopback)')
    .option('--state <folder>', 'the daemon with this state folder (or $DROVER_STATE_DIR)')
    .option('--token-file <file>', 'bearer token (default: $DROVER_TOKEN or the state folder)')
    .option('--json', 'print JSON');
  if (config) command.option('--config <file>', 'the daemon that runs with this drover.yaml');
  return command;
}

/** Asks, then prints the view as JSON or as text. */
export async function showView<View>(
  io: Io,
  options: RemoteOptions,
  ask: (client: Client) => Promise<View>,
  text: (view: View) => string,
): Promise<void> {
  const view = await ask(await makeClient(io, options));
  if (options.json === true) printJson(io, view);
  else io.out(text(view));
}

/**
 * A path segment that is safe whatever a VM is called. Throws CliError on a name that an address
 * cannot hold: "." and ".." would be folded away, and the call would go to somewhere else.
 */
export function segment(text: string): string {
  if (text === '' || text === '.' || text === '..')
    throw new CliError(EXIT.usage, `"${text}" names nothing; expected a name or an id`);
  return encodeURIComponent(text);
}
