/** What all verbs share that ask the running daemon: options, client, JSON or text. */

import type { Command } from 'commander';

import { makeClient, type Client, type ClientOptions } from '../client.ts';
import { printJson, type Io } from '../io.ts';

export interface RemoteOptions extends ClientOptions {
  readonly json?: boolean | undefined;
}

/** Adds the options that every such verb takes. */
export function remoteOptions(command: Command): Command {
  return command
    .option('--server <url>', 'where the daemon listens (default: $DROVER_SERVER or loopback)')
    .option('--token-file <file>', 'bearer token (default: $DROVER_TOKEN or the state folder)')
    .option('--json', 'print JSON');
}

/** Asks, then prints the view as JSON or as text. */
export async function showView<View>(
  io: Io,
  options: RemoteOptions,
  ask: (client: Client) => Promise<View>,
  text: (view: View) => string,
): Promise<void> {
  const view = await ask(makeClient(io, options));
  if (options.json === true) printJson(io, view);
  else io.out(text(view));
}

/** A path segment that is safe whatever a VM is called. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}
