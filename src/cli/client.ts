/**
 * The CLI's side of the daemon's HTTP API. Finds the daemon by --server, $DROVER_SERVER, its state
 * folder (access.ts) or the default address, and the token by --token-file, $DROVER_TOKEN or the
 * state folder.
 */

import { readFileSync } from 'node:fs';

import { z } from 'zod';

import {
  accessesIn,
  DEFAULT_PORT,
  type StateOptions,
  type StateFolder,
  stateFolder,
} from './access.ts';
import type { CliAccess } from '../app/state-folder.ts';
import { CliError, EXIT, type ExitCode, type Io, messageOf } from './io.ts';
import { NoDaemonError, unanswered } from './no-answer.ts';

const DEFAULT_SERVER = `http://127.0.0.1:${DEFAULT_PORT}`;
/** Longer than any answer should take: `locate` asks every host. */
const ANSWER_TIMEOUT_MS = 60_000;

export interface ClientOptions extends StateOptions {
  readonly server?: string | undefined;
  readonly tokenFile?: string | undefined;
}

const problemSchema = z.object({
  detail: z.string().optional(),
  title: z.string().optional(),
  hint: z.string().optional(),
  /** Of /readyz. */
  reasons: z.array(z.string()).optional(),
});

export interface Client {
  get<View>(path: string): Promise<View>;
  getText(path: string): Promise<string>;
  post<View>(path: string, body?: unknown): Promise<View>;
}

interface Terms {
  readonly token: string | undefined;
  readonly state: StateFolder;
  /** The person does not wait any longer. */
  readonly stop: AbortSignal;
}

/** A client for the daemon. Throws CliError: `unavailable` when there is none to ask. */
export async function makeClient(io: Io, options: ClientOptions): Promise<Client> {
  const named = serverOf(io, options);
  const state = await stateFolder(io, options);
  const token = readToken(io, options.tokenFile);
  if (token !== undefined && !/^[\u0021-\u007e]*$/u.test(token))
    throw new CliError(
      EXIT.usage,
      'the token has characters that no token has (a line feed, perhaps, or a second line)',
      'give the one line that the daemon wrote',
    );
  const found = chosen(accessesIn(state.folder), named);
  if (found === undefined && state.isNamed && named === undefined)
    throw new NoDaemonError(`no daemon to ask in the state folder ${state.folder}`, state);
  const terms = { token: token ?? found?.token, state, stop: io.stop };
  return clientFor(named ?? found?.server ?? DEFAULT_SERVER, terms);
}

/** An option of this very call outweighs what the environment says. */
function serverOf(io: Io, { server, config, state }: ClientOptions): string | undefined {
  const isByFolder = config !== undefined || state !== undefined;
  if (server !== undefined && isByFolder)
    throw new CliError(EXIT.usage, '--server and --config or --state: give one of them');
  return server ?? (isByFolder ? undefined : io.env['DROVER_SERVER']);
}

/** The token of this machine's own daemon is not for another server that was named. */
function chosen(accesses: readonly CliAccess[], named: string | undefined): CliAccess | undefined {
  if (named !== undefined) return accesses.find(({ server }) => server === named);
  const [first, ...more] = accesses;
  if (more.length === 0) return first;
  const servers = accesses.map(({ server }) => server).join(' and ');
  throw new CliError(
    EXIT.usage,
    `more than one daemon runs here: ${servers}`,
    'name the one that is meant with --server URL, or $DROVER_SERVER',
  );
}

function clientFor(server: string, { token, state, stop }: Terms): Client {
  async function call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<string> {
    const fail = (error: unknown): never => {
      throw unanswered({ method, server, state, isStopped: stop.aborted }, error);
    };
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (method === 'POST') headers['content-type'] = 'application/json';
    const answer = await fetch(urlOf(server, path), {
      method,
      headers,
      ...(method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
      signal: AbortSignal.any([stop, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    }).catch(fail);
    const text = await answer.text().catch(fail);
    if (answer.status >= 400) throw refused(answer.status, text, state);
    return text;
  }
  return {
    // The daemon and its CLI are one program of one version: its views are not parsed again.
    get: async <View>(path: string) => viewOf(server, await call('GET', path)) as View,
    getText: (path) => call('GET', path),
    post: async <View>(path: string, body?: unknown) =>
      viewOf(server, await call('POST', path, body)) as View,
  };
}

function urlOf(server: string, path: string): URL {
  if (/^https?:/.test(server) && URL.canParse(path, server)) return new URL(path, server);
  throw new CliError(EXIT.usage, `${server} is no server; expected a URL like ${DEFAULT_SERVER}`);
}

function viewOf(server: string, text: string): unknown {
  const view = parseOrUndefined(text);
  if (view !== undefined) return view;
  throw new CliError(EXIT.unavailable, `what answers at ${server} is not Drover (no JSON)`);
}

function readToken(io: Io, tokenFile: string | undefined): string | undefined {
  const file = tokenFile ?? io.env['DROVER_TOKEN_FILE'];
  if (file !== undefined) {
    try {
      return readFileSync(file, 'utf8').trim();
    } catch (error) {
      throw new CliError(EXIT.usage, `cannot read the token file ${file}: ${messageOf(error)}`);
    }
  }
  return io.env['DROVER_TOKEN']?.trim();
}

function refused(status: number, text: string, state: StateFolder): CliError {
  const problem = problemSchema.safeParse(parseOrUndefined(text));
  const reasons = problem.data?.reasons?.join('; ');
  const detail = problem.data?.detail ?? reasons ?? problem.data?.title ?? text.slice(0, 200);
  return new CliError(exitCodeOf(status), detail, problem.data?.hint ?? hintOf(status, state));
}

function exitCodeOf(status: number): ExitCode {
  return status >= 500 ? EXIT.unavailable : EXIT.usage;
}

function hintOf(status: number, { folder }: StateFolder): string {
  if (status === 401 || status === 403)
    return (
      "give a token of a sufficient role: --token-file F, or $DROVER_TOKEN; on the daemon's own " +
      `machine name its state folder with --config or --state (looked in ${folder})`
    );
  return '';
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: an answer of something else than Drover; the text itself is shown.
    return undefined;
  }
}
